"""Loaded into a child by `sitecustomize`: ends the process with SIGKILL at its N-th change of the disk below a folder.

`KILL_BELOW` is the folder, `KILL_AT` the number; with `KILL_COUNT` the number of changes is written to that file instead.
Changes are what the interpreter's audit events name: opening for writing, renaming, removing, making folders.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

CHANGES = frozenset(
    ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.utime", "os.link", "os.symlink")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def watch(below: str, at: int, count_into: str) -> None:
    """Count changes, and end the process at the one that is asked for."""
    seen = 0

    def is_change(event: str, args: tuple[object, ...]) -> bool:
        if event == "open":
            path, mode, flags = args
            writes = (
                any(c in mode for c in "wax+")
                if isinstance(mode, str)
                else bool(flags and int(str(flags)) & _WRITING)
            )
            return writes and _is_below(path)
        return event in CHANGES and any(_is_below(one) for one in args)

    def _is_below(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.fsdecode(path)
        # resolve() would raise audit events of its own.
        return os.path.normpath(name if name.startswith("/") else f"{os.getcwd()}/{name}").startswith(below)  # noqa: PTH109 - see above

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal seen
        if event != "open" and event not in CHANGES:
            return
        if is_change(event, args):
            seen += 1
            if count_into:
                fd = os.open(count_into, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.write(fd, b".")
                os.close(fd)
            elif seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if os.environ.get("KILL_BELOW"):
    watch(os.environ["KILL_BELOW"], int(os.environ.get("KILL_AT", "0")), os.environ.get("KILL_COUNT", ""))


def environment(folder: Path, below: Path, *, at: int = 0, count_into: Path | None = None) -> dict[str, str]:
    """What a child needs for this to be loaded; `folder` gets the `sitecustomize.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    return {
        "PYTHONPATH": str(folder),
        "KILL_BELOW": str(below),
        **({"KILL_COUNT": str(count_into)} if count_into is not None else {"KILL_AT": str(at)}),
    }
