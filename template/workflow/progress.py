"""That something long goes on, said on stderr: how many files are done, every few seconds, and a file that takes long by itself."""

from __future__ import annotations

import sys
import time

from workflow import console

TELL_SECONDS = 3.0
LARGE = 500_000_000


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


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
