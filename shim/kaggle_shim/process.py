"""Run one child process: stream its output, watch its time and memory, end its whole group."""

from __future__ import annotations

import codecs
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

_POSIX = os.name == "posix"
_HAS_PROC = Path("/proc/self/statm").exists()
_CHUNK = 1 << 16
_SAMPLE_SECONDS = 0.25
_LOOK_SECONDS = 0.05
_TAIL_LINES = 30
_TAIL_CHARACTERS = 2000


@dataclass(frozen=True)
class Ended:
    """Result of a child process.

    Attributes:
        exit_code: what it returned; negative for the signal that ended it.
        seconds: its wall time.
        peak_memory: highest sum of resident memory over its processes in bytes, sampled four times a second (memory they
            share counts once for each), None without `/proc`.
        tail: the last lines it printed.
        guarded: whether the guard ended it.
        stopped: whether `should_end` ended it.
    """

    exit_code: int
    seconds: float
    peak_memory: int | None
    tail: tuple[str, ...]
    guarded: bool
    stopped: bool = False


def run_child(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    write: Callable[[str], object],
    warn_at: tuple[float, Callable[[], object]] | None = None,
    guard: float | None = None,
    grace: float = 60.0,
    should_end: Callable[[], bool] | None = None,
) -> Ended:
    """Run a command to its end and pass on everything it prints (stdout and stderr in order).

    Args:
        command: program and arguments.
        cwd: its working folder.
        environment: its whole environment.
        write: takes each piece of output.
        warn_at: seconds from now, and what to call then if the child still runs.
        guard: seconds from now after which the group gets SIGTERM, and `grace` seconds later SIGKILL; None for never.
        grace: see `guard`.
        should_end: called twenty times a second, from another thread; the group gets SIGTERM when it returns True.

    Raises:
        OSError: the program can't be started.
        KeyboardInterrupt: passed on after the group was ended.
    """
    try:
        child = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=_POSIX,
        )
    except ValueError as error:
        # A character that no system takes in a command line or a variable.
        raise OSError(errno.EINVAL, str(error)) from error
    watch = _Watch(child, warn_at, guard, grace, should_end)
    tail = ""
    try:
        with _sigterm_as_exit():
            watch.start()
            for text in _pieces(child.stdout):
                tail = (tail + text)[-_TAIL_LINES * _TAIL_CHARACTERS :]
                write(text)
            exit_code = child.wait()
    except BaseException:
        # Whatever stops us (Ctrl-C in the notebook, a closed output) must not leave a child that holds the GPU.
        end_group(child, grace=5.0)
        raise
    finally:
        watch.stop()
        if child.stdout is not None:
            child.stdout.close()
    _signal_group(child, force=True)
    seconds = time.monotonic() - watch.started
    # Of a progress bar, the last state.
    lines = [line.rstrip("\r").rpartition("\r")[2][-_TAIL_CHARACTERS:] for line in tail.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return Ended(exit_code, seconds, watch.peak, tuple(lines[-_TAIL_LINES:]), watch.guarded, watch.stopped)


def end_group(child: subprocess.Popen[bytes], grace: float) -> None:
    """End a child and all it started: SIGTERM, `grace` seconds, SIGKILL."""
    _signal_group(child, force=False)
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=grace)
    _signal_group(child, force=True)
    child.wait()


class _Watch(threading.Thread):
    """Sample memory, warn once, and end the group at the guard time or when `should_end` returns True."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        warn_at: tuple[float, Callable[[], object]] | None,
        guard: float | None,
        grace: float,
        should_end: Callable[[], bool] | None,
    ) -> None:
        super().__init__(daemon=True)
        self.child, self.warn_at, self.guard, self.grace = child, warn_at, guard, grace
        self.should_end = should_end
        self.started = time.monotonic()
        self.peak: int | None = None
        self.guarded = self.stopped = False
        self._done = threading.Event()

    def run(self) -> None:
        pause = _SAMPLE_SECONDS if self.should_end is None else _LOOK_SECONDS
        sampled = 0.0
        while True:
            elapsed = time.monotonic() - self.started
            if not sampled or elapsed - sampled >= _SAMPLE_SECONDS:
                sampled = elapsed
                memory = group_memory(self.child.pid)
                self.peak = self.peak if memory is None else max(self.peak or 0, memory)
            if self.warn_at is not None and elapsed >= self.warn_at[0]:
                self.warn_at[1]()
                self.warn_at = None
            guarded = self.guard is not None and elapsed >= self.guard
            stopped = not guarded and self.should_end is not None and self.should_end()
            if self.child.poll() is not None:
                # What the child left running would keep its output open, and this notebook waiting for it.
                _signal_group(self.child, force=True)
                return
            if guarded or stopped:
                self.guarded, self.stopped = guarded, stopped
                end_group(self.child, self.grace)
                return
            if self._done.wait(pause):
                return

    def stop(self) -> None:
        self._done.set()
        if self.ident is not None:
            self.join()


def group_memory(leader: int) -> int | None:
    """Resident bytes over the processes of the session that `leader` started; None where there is no `/proc`."""
    total = None
    for pid in filter(str.isdigit, os.listdir("/proc") if _HAS_PROC else ()):
        # A process may end while it is read.
        with suppress(OSError):
            if os.getsid(int(pid)) == leader:
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
                total = (total or 0) + pages * os.sysconf("SC_PAGE_SIZE")
    return total


def _pieces(stream: IO[bytes] | None) -> Iterator[str]:
    """Decode the stream as it arrives: a progress bar without a newline is shown too."""
    chunks = iter(partial(os.read, stream.fileno(), _CHUNK) if stream is not None else bytes, b"")
    return codecs.iterdecode(chunks, "utf-8", errors="replace")


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that `run_child` ends the group."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _signal_group(child: subprocess.Popen[bytes], *, force: bool) -> None:
    if sys.platform == "win32":
        if child.poll() is None:
            child.kill() if force else child.terminate()
        return
    try:
        os.killpg(child.pid, signal.SIGKILL if force else signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        # The group is gone already, or this user may not signal what is left of it.
        return
