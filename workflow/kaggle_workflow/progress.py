"""Progress of long operations, on stderr: files done, a large file, bytes uploaded."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from kaggle_workflow import console, durations

TELL_SECONDS = 3.0
LARGE = 500_000_000
UPLOAD_SECONDS = 20.0
REDRAW_SECONDS = 0.2
_PIECE = 1 << 16


class Progress:
    """Progress of a loop over files."""

    def __init__(self, what: str, total: int) -> None:
        """`what` names the operation, `total` is the number of files."""
        self._what, self._total = what, total
        self._told = time.monotonic()

    def at(self, number: int) -> None:
        """Report the number of the current file, every few seconds."""
        if time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            _say(f"{self._what}: {number} of {self._total} files")


def large(what: str, name: str, size: int) -> None:
    """Report a large file before it is read."""
    if size >= LARGE:
        _say(f"{what}: {name}, {console.size(size)}")


class Sending:
    """The body of an upload, which reports its progress: on a terminal in one line, elsewhere in a plain line every 20 seconds."""

    def __init__(self, body: Any, total: int) -> None:
        """`body` is the file to read, `total` its bytes."""
        self._body, self._total, self._sent = body, total, 0
        self._began = self._told = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __len__(self) -> int:
        """Number of bytes, which requests announces."""
        return self._total

    def __iter__(self) -> Iterator[bytes]:
        """The pieces; requests requires the method, and uses `read`."""
        while piece := self.read(_PIECE):
            yield piece

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        piece: bytes = self._body.read(size)
        self._sent += len(piece)
        now = time.monotonic()
        if now - self._told > (REDRAW_SECONDS if self._terminal else UPLOAD_SECONDS):
            self._told = now
            left = (self._total - self._sent) * (now - self._began) / self._sent if self._sent else 0.0
            line = f"  {console.size(self._sent)} of {console.size(self._total)} sent, about {durations.spell(left)} to go."
            if self._terminal:
                print(f"\r\x1b[K{line}", end="" if piece else "\n", file=sys.stderr, flush=True)
            else:
                print(line, file=sys.stderr, flush=True)
        return piece


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
