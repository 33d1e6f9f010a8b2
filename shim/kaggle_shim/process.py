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
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

_POSIX = os.name == "posix"
_CHUNK = 1 << 16
_SAMPLE_SECONDS = 0.25
_LOOK_SECONDS = 0.05
_TAIL_LINES = 30
_TAIL_CHARACTERS = 2000
_PAGE = os.sysconf("SC_PAGE_SIZE") if _POSIX else 0


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
    started = time.monotonic()
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
    watch = _Watch(child, started, warn_at, guard, grace, should_end)
    tail = _Tail()
    try:
        with _forwarded_signals():
            watch.start()
            for text in _pieces(child.stdout):
                tail.add(text)
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
    seconds = time.monotonic() - started
    return Ended(exit_code, seconds, watch.peak, tail.lines(), watch.guarded, watch.stopped)


def end_group(child: subprocess.Popen[bytes], grace: float) -> None:
    """End a child and all it started: SIGTERM, `grace` seconds, SIGKILL."""
    _signal_group(child, force=False)
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=grace)
    _signal_group(child, force=True)
    child.wait()


class _Tail:
    """The last lines of a stream; of a progress bar, its last state."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._open = ""

    def add(self, text: str) -> None:
        *whole, self._open = (self._open + text).split("\n")
        self._lines.extend(line.rstrip("\r").rpartition("\r")[2][-_TAIL_CHARACTERS:] for line in whole)
        self._open = self._open[-_TAIL_CHARACTERS:]

    def lines(self) -> tuple[str, ...]:
        last = [self._open.rpartition("\r")[2]] if self._open.strip() else []
        return (*self._lines, *last)


@dataclass
class _Watch:
    """Sample memory, warn once, and end the group at the guard time or when `should_end` returns True."""

    child: subprocess.Popen[bytes]
    started: float
    warn_at: tuple[float, Callable[[], object]] | None
    guard: float | None
    grace: float
    should_end: Callable[[], bool] | None
    peak: int | None = None
    guarded: bool = False
    stopped: bool = False

    def __post_init__(self) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
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
            if (guarded or stopped) and self.child.poll() is None:
                self.guarded, self.stopped = guarded, stopped
                end_group(self.child, self.grace)
                return
            if self.child.poll() is not None:
                # What the child left running would keep its output open, and this notebook waiting for it.
                _signal_group(self.child, force=True)
                return
            if self._done.wait(pause):
                return

    def stop(self) -> None:
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()


def group_memory(leader: int) -> int | None:
    """Resident bytes over the processes of the session that `leader` started; None where there is no `/proc`."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return None
    members = [pid for pid in pids if _session(pid) == leader]
    return sum(map(_resident, members)) if members else None


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _resident(pid: int) -> int:
    try:
        with Path(f"/proc/{pid}/statm").open(encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _pieces(stream: IO[bytes] | None) -> Iterator[str]:
    """Decode the stream as it arrives: a progress bar without a newline is shown too."""
    if stream is None:
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while chunk := os.read(stream.fileno(), _CHUNK):
        yield decoder.decode(chunk)
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest


@contextmanager
def _forwarded_signals() -> Iterator[None]:
    """While the child runs, turn SIGTERM into SystemExit, so that `run_child` ends the group."""
    if not _POSIX or threading.current_thread() is not threading.main_thread():
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
        # The group is gone already, or what is left of it can't be signalled by this user.
        return
