"""That something long goes on, said on stderr: how many files are done, a file that takes long by itself, how much of an upload is sent."""

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
    """How far a loop over files has come."""

    def __init__(self, what: str, total: int) -> None:
        """`what` is what is done with the files, `total` how many there are."""
        self._what, self._total = what, total
        self._told = time.monotonic()

    def at(self, number: int) -> None:
        """Say that this file's turn has come, unless something was said a moment ago."""
        if time.monotonic() - self._told > TELL_SECONDS:
            self._told = time.monotonic()
            _say(f"{self._what}: {number} of {self._total} files")


def large(what: str, name: str, size: int) -> None:
    """Name a file that is about to be read from end to end, when its size says that this takes a while."""
    if size >= LARGE:
        _say(f"{what}: {name}, {console.size(size)}")


class Sending:
    """The body of an upload, which says how far it is: on a terminal in one line that is written over, elsewhere now and then."""

    def __init__(self, body: Any, total: int) -> None:
        """`body` is read from, `total` is how many bytes it has."""
        self._body, self._total, self._sent = body, total, 0
        self._began = self._told = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __len__(self) -> int:
        """How many bytes there are: requests announces them."""
        return self._total

    def __iter__(self) -> Iterator[bytes]:
        """The pieces (requests wants to be able to ask for them, and reads)."""
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
