"""Follow a running process: pass on its lines and enforce its limit."""

import contextlib
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kaggle_workflow import platforms

# How often, in seconds, a progress bar that redraws its line is passed on.
_REDRAW = 2.0
# How often, in seconds, to look whether the process has ended although something still holds its pipe open.
_LOOK = 0.5


Stopped = Callable[[], bool]


def never() -> bool:
    """For a run that nothing stops but Ctrl-C."""
    return False


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Args:
        exit_code: never 0 when its limit ended it.
        seconds: from its start.
        timed_out: whether its limit ended it.
        last_line: the last line of its output.
    """

    exit_code: int
    seconds: float
    timed_out: bool
    last_line: str


def follow(
    process: subprocess.Popen[bytes],
    limit: float | None,
    marker: tuple[str, str] | None,
    on_line: Callable[[str], None],
    stopped: Stopped,
) -> Ended:
    """Wait for a process started by `platforms.start`, then end whatever it started.

    Args:
        process: the process.
        limit: seconds after which it is ended; None: no limit.
        marker: see `platforms.end_tree`.
        on_line: called with each line, without its end.
        stopped: asked twice a second whether to end it now.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    begun = time.monotonic()
    chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    lines = Lines(on_line)
    if process.stdout is None:
        raise ValueError("the process was not started with a pipe")
    reader = threading.Thread(target=platforms.read_into, args=(process.stdout, chunks.put), daemon=True)
    reader.start()
    timed_out = False
    try:
        open_pipe = True
        while open_pipe or process.poll() is None:
            left = _LOOK if limit is None else begun + limit - time.monotonic()
            if left <= 0:
                timed_out = True
                break
            if stopped():
                raise KeyboardInterrupt
            if not open_pipe:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(min(left, _LOOK))
                continue
            try:
                chunk = chunks.get(timeout=min(left, _LOOK))
            except queue.Empty:
                open_pipe = process.poll() is None
                continue
            if chunk is None:
                open_pipe = False
            else:
                lines.feed(chunk)
    finally:
        platforms.end_tree(process, marker)
    seconds = time.monotonic() - begun
    reader.join(platforms.GRACE)
    while not chunks.empty():
        lines.feed(chunks.get() or b"")
    lines.close()
    process.stdout.close()
    return Ended(
        (process.returncode or 1) if timed_out else process.returncode, seconds, timed_out, lines.last
    )


class Lines:
    """Cuts a stream of bytes into lines.

    A progress bar redraws its line with carriage returns: of these states the newest is passed on every two seconds, and the last
    when the line ends.
    """

    def __init__(self, on_line: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._on_line = on_line
        self._clock = clock
        self._rest = b""
        self._shown = clock()
        self.last = ""

    def feed(self, chunk: bytes) -> None:
        """Take what has arrived."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._show(line)
        if b"\r" in self._rest and self._clock() - self._shown >= _REDRAW:
            states, _, self._rest = self._rest.rpartition(b"\r")
            self._show(states)

    def close(self) -> None:
        """Pass on a last line that has no end."""
        if self._rest:
            self._show(self._rest)
        self._rest = b""

    def _show(self, line: bytes) -> None:
        self._shown = self._clock()
        state = line.rstrip(b"\r").rpartition(b"\r")[2]
        self.last = state.decode("utf-8", errors="replace")
        self._on_line(self.last)
