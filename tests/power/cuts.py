"""A command in a process of its own, cut off or refused at the n-th change that it makes to the disk below a folder.

The process is a fork, so that nothing is imported anew: a cut costs what the command costs. Changes are what the
interpreter's audit events name (opening for writing, renaming, removing, making folders, setting times), and every write.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from invoke.program import Program

from tests.power import writes

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
WRITE = "write"
# A full disk still lets files be renamed and removed.
_NEED_SPACE = frozenset(("open", "os.mkdir", "os.link", "os.symlink", WRITE))
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
COUNT, KILL, TORN, INTERRUPT = "count", "kill", "torn", "interrupt"
FULL, DENIED, BROKEN = "full", "denied", "broken"
_ERRORS = {FULL: errno.ENOSPC, DENIED: errno.EACCES, BROKEN: errno.EIO}


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal), what it said on its standard error, and its changes in order."""

    code: int
    said: str
    changes: tuple[str, ...]


def run(root: Path, *words: str, how: str = COUNT, at: int = 0) -> Ended:
    """Run a command of a workspace; see `traced`."""
    return traced(root, command(*words), how, at)


def command(*words: str) -> Callable[[], object]:
    """What runs a command of a workspace, as invoke does."""
    return lambda: Program().run(["invoke", *words])


def traced(
    root: Path,
    act: Callable[[], object],
    how: str = COUNT,
    at: int = 0,
    meanwhile: Callable[[int], object] = lambda _: None,
) -> Ended:
    """Call a function in a process of its own, in a folder.

    Args:
        root: the folder; only changes below it count.
        act: what to do there.
        how: `count`; `kill` or `interrupt` (Ctrl-C) it before its change `at`; or refuse that change: `full` (and all that need space from there
            on), `denied`, `broken`. When the change is a write, `kill` and `full` come after half of the bytes. `torn`: `kill` it in its
            write `at`, other changes not counted.
        at: which change, from 1.
        meanwhile: called with the process's id while it works.
    """
    told = root.parent / "told"
    told.write_text("", encoding="utf-8")
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = _inside(root, act, how, at, told)
        finally:
            os._exit(code)
    meanwhile(child)
    _, status = os.waitpid(child, 0)
    changes, _, said = told.read_text(encoding="utf-8").partition("\n")
    return Ended(os.waitstatus_to_exitcode(status), said, tuple(changes.split()))


def _inside(root: Path, act: Callable[[], object], how: str, at: int, told: Path) -> int:
    os.chdir(root)
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), io.StringIO(), io.StringIO()
    code = 0
    watch = Watch(f"{root}/", how, at)
    sys.addaudithook(watch)
    writes.watch(watch.write)
    try:
        act()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - a traceback is what is looked for
        code = 99
        traceback.print_exc()
    watch.over = True
    told.write_text(f"{' '.join(watch.seen)}\n{sys.stderr.getvalue()}", encoding="utf-8")
    return code


class Watch:
    """An audit hook that counts changes, and acts at one of them; `write` does so for writes."""

    def __init__(self, below: str, how: str, at: int) -> None:
        self.seen: list[str] = []
        self.over = False
        self._below, self._how, self._at = below, how, at

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.over or (event != "open" and event not in CHANGES) or not self._is_change(event, args):
            return
        if self._due(event):
            self._strike(args[0])

    def write(self, path: str, size: int, do: writes.Do) -> int:
        """A write, as `writes.watch` tells of it."""
        if self.over or not path.startswith(self._below) or not self._due(WRITE):
            return do(size)
        begins = len(self.seen) == self._at
        if self._how == TORN or (begins and self._how == KILL):
            do(size // 2)
        elif begins and self._how == FULL and size > 1:
            return do(size // 2)
        self._strike(path)
        return do(size)

    def _due(self, event: str) -> bool:
        """Count a change; whether this is where to act."""
        self.seen.append(event)
        if self._how == FULL:
            return len(self.seen) >= self._at and event in _NEED_SPACE
        if self._how == TORN:
            return event == WRITE and self.seen.count(WRITE) == self._at
        return len(self.seen) == self._at

    def _strike(self, path: object) -> None:
        if self._how in (KILL, TORN):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._how == INTERRUPT:
            raise KeyboardInterrupt
        if self._how in _ERRORS:
            number = _ERRORS[self._how]
            raise OSError(number, os.strerror(number), str(path))

    def _is_change(self, event: str, args: tuple[object, ...]) -> bool:
        if event == "open":
            path, mode, flags = args
            opens = (
                any(c in mode for c in "wax+")
                if isinstance(mode, str)
                else bool(int(str(flags or 0)) & _WRITING)
            )
            return opens and self._is_below(path)
        if isinstance(args[0], int):
            return writes.path_of(args[0]).startswith(self._below)
        return any(self._is_below(one) for one in args)

    def _is_below(self, path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        name = os.fsdecode(path)
        # resolve() and Path.cwd() would raise audit events of their own. What is removed by the handle of a folder (shutil.rmtree)
        # is taken for something right here, wherever it lies: too much is cut, not too little.
        place = name if name.startswith("/") else f"{os.getcwd()}/{name}"  # noqa: PTH109 - see above
        return os.path.normpath(place).startswith(self._below)
