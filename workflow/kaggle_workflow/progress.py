"""That something long goes on, said on stderr: how many files are done, a file that takes long by itself, how much of an upload is sent."""

from __future__ import annotations

import sys
import time
from typing import Any

from kaggle_workflow import console, durations

TELL_SECONDS = 3.0
LARGE = 500_000_000
UPLOAD_SECONDS = 20.0


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
    """The body of an upload, which says now and then how far it is, where no terminal shows the bars that the clients draw."""

    def __init__(self, body: Any, total: int) -> None:
        """`body` is read from, `total` is how many bytes it has."""
        self._body, self._total, self._sent = body, total, 0
        self._began = self._told = time.monotonic()

    def read(self, size: int = -1) -> bytes:
        """The next piece."""
        piece: bytes = self._body.read(size)
        self._sent += len(piece)
        now = time.monotonic()
        if now - self._told > UPLOAD_SECONDS:
            self._told = now
            left = (self._total - self._sent) * (now - self._began) / self._sent if self._sent else 0.0
            print(
                f"  {console.size(self._sent)} of {console.size(self._total)} sent, about {durations.spell(left)} to go.",
                # What the clients say is kept back, and with it whatever goes to sys.stderr.
                file=sys.__stderr__,
                flush=True,
            )
        return piece

    def tell(self) -> int:
        """Where the next piece begins."""
        place: int = self._body.tell()
        return place

    def seek(self, place: int) -> None:
        """Go to a place, as a redirect or whoever looks at a request does."""
        self._sent += place - self.tell()
        self._body.seek(place)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
