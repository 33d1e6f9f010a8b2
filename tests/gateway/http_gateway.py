"""A gateway that is asked over HTTP and never ends by itself, as the one of ARC-AGI-3."""

import http.server
import json
from pathlib import Path
from typing import ClassVar


class Games(http.server.BaseHTTPRequestHandler):
    moves: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(["ls20", "ft09"])

    def do_POST(self) -> None:
        self.moves.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        Path("submission.csv").write_text("move\n" + "\n".join(self.moves) + "\n", encoding="utf-8")
        self._answer({"score": len(self.moves)})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


print("listening", flush=True)  # noqa: T201 - shown by the rehearsal
http.server.ThreadingHTTPServer(("0.0.0.0", 8001), Games).serve_forever()  # noqa: S104 - inside the sandbox, whose network is its own
