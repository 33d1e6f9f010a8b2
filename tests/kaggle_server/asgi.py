"""Calls of the protocol without a socket: thousands a second."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from tests.local_kaggle.app import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.local_kaggle import LocalKaggle


class Told(dict[str, object]):
    """An answer's JSON body, with its status; empty for what is no JSON."""

    status = 0


def ask(kaggle: LocalKaggle, calls: Iterable[tuple[str, object]]) -> list[Told]:
    """Posts bodies (JSON, or bytes as they are) to `service/Method`; returns the answers in the same order."""
    app = build(kaggle.world)
    headers = [(b"authorization", f"Bearer {kaggle.token}".encode()), (b"content-type", b"application/json")]

    async def one(method: str, body: object) -> Told:
        unread = [body if isinstance(body, bytes) else json.dumps(body).encode()]
        told, parts = Told(), []

        async def receive() -> Mapping[str, object]:
            if not unread:
                await asyncio.Event().wait()  # a client that stays
            return {"type": "http.request", "body": unread.pop(), "more_body": False}

        async def send(message: Mapping[str, object]) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]  # type: ignore[assignment]  # ASGI says that it is an int
            parts.append(message.get("body", b""))

        path = f"/api/v1/{method}"
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
        await app({**scope, "raw_path": path.encode()}, receive, send)  # type: ignore[arg-type]  # plain dicts
        content = b"".join(parts)  # type: ignore[arg-type]  # bytes, as ASGI says
        if content.startswith(b"{"):
            told.update(json.loads(content))
        return told

    async def every() -> list[Told]:
        return [await one(method, body) for method, body in calls]

    return asyncio.run(every())
