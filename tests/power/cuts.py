"""A command in a process of its own, cut off or refused at the n-th change that it makes to the disk below a folder.

The process is a fork, so that nothing is imported anew: a cut costs what the command costs. Changes are what the
interpreter's audit events name: opening for writing, renaming, removing, making folders, setting times.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from invoke.program import Program

CHANGES = frozenset(
    (
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.truncate",
        "os.utime",
        "os.link",
        "os.symlink",
        "os.chmod",
    )
)
# A full disk still lets files be renamed and removed.
_NEED_SPACE = frozenset(("open", "os.mkdir", "os.link", "os.symlink"))
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
COUNT, KILL, INTERRUPT = "count", "kill", "interrupt"
FULL, DENIED, BROKEN = "full", "denied", "broken"
_ERRORS = {FULL: errno.ENOSPC, DENIED: errno.EACCES, BROKEN: errno.EIO}


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal), what it said on its standard error, how many changes it made."""

    code: int
    said: str
    changes: int


def run(root: Path, *words: str, how: str = COUNT, at: int = 0) -> Ended:
    """Run a command of a workspace, as invoke does.

    Args:
        root: the workspace; only changes below it count.
        words: the command line, without `invoke`.
        how: `count`; `kill` or `interrupt` (Ctrl-C) it before its change `at`; or refuse that change: `full` (and all that need space from there
            on), `denied`, `broken`.
        at: which change, from 1.
    """
    told = root.parent / "told"
    told.write_text("", encoding="utf-8")
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = _inside(root, words, how, at, told)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    count, _, said = told.read_text(encoding="utf-8").partition("\n")
    return Ended(os.waitstatus_to_exitcode(status), said, int(count or 0))


def _inside(root: Path, words: tuple[str, ...], how: str, at: int, told: Path) -> int:
    os.chdir(root)
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), io.StringIO(), io.StringIO()
    code = 0
    watch = Watch(f"{root}/", how, at)
    sys.addaudithook(watch)
    try:
        Program().run(["invoke", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - a traceback is what is looked for
        code = 99
        traceback.print_exc()
    watch.over = True
    told.write_text(f"{watch.seen}\n{sys.stderr.getvalue()}", encoding="utf-8")
    return code


class Watch:
    """An audit hook that counts changes, and acts at one of them."""

    def __init__(self, below: str, how: str, at: int) -> None:
        self.seen, self.over = 0, False
        self._below, self._how, self._at = below, how, at

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.over or (event != "open" and event not in CHANGES) or not self._is_change(event, args):
            return
        self.seen += 1
        due = self.seen >= self._at and event in _NEED_SPACE if self._how == FULL else self.seen == self._at
        if due and self._how == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if due and self._how == INTERRUPT:
            raise KeyboardInterrupt
        if due and self._how in _ERRORS:
            number = _ERRORS[self._how]
            raise OSError(number, os.strerror(number), str(args[0]))

    def _is_change(self, event: str, args: tuple[object, ...]) -> bool:
        if event == "open":
            path, mode, flags = args
            writes = (
                any(c in mode for c in "wax+")
                if isinstance(mode, str)
                else bool(int(str(flags or 0)) & _WRITING)
            )
            return writes and self._is_below(path)
        return any(self._is_below(one) for one in args)

    def _is_below(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.fsdecode(path)
        # resolve() and Path.cwd() would raise audit events of their own.
        place = name if name.startswith("/") else f"{os.getcwd()}/{name}"  # noqa: PTH109 - see above
        return os.path.normpath(place).startswith(self._below)
