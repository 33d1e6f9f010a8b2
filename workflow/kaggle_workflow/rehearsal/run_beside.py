"""Runs a competition's gateway beside a notebook, as in a scored rerun. Runs in the image's interpreter, inside the sandbox.

Usage: `python -I run_beside.py GATEWAY IMPORTS RESULT NOTEBOOK_COMMAND…`. GATEWAY is a Python file, IMPORTS the folder it imports
from, RESULT a folder: `RESULT/gateway` becomes its working folder, with `ended.json` in it afterwards, and `RESULT/gateway-done`
appears when it has ended. Exit code: the notebook's.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

# Seconds that a gateway has to end when the notebook has ended: it may be writing the submission.
_GRACE = 5.0


def main(gateway: str, imports: str, result: str, *command: str) -> int:
    """Run both, and return the notebook's exit code when both have ended."""
    folder = Path(result, "gateway")
    folder.mkdir()
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([imports, inherited] if inherited else [imports])
    notebook = subprocess.Popen(command)
    playing = subprocess.Popen(
        [sys.executable, "-u", gateway],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    told = threading.Thread(target=_follow, args=(playing, Path(result, "gateway-done")), daemon=True)
    told.start()
    code = notebook.wait()
    told.join(_GRACE)
    finished = not told.is_alive()
    if not finished:
        playing.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            playing.wait(_GRACE)
        playing.kill()
        told.join(_GRACE)
    value = {"exit_code": playing.wait(), "finished": finished}
    Path(folder, "ended.json").write_text(json.dumps(value), encoding="utf-8")
    return code


def _follow(playing: "subprocess.Popen[str]", done: Path) -> None:
    """Hand on what the gateway prints, and say when it has ended."""
    for line in playing.stdout or ():
        print(f"gateway | {line}", end="", flush=True)
    playing.wait()
    done.touch()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
