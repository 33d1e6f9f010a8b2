"""A power cut seen from outside: a command and all that it started are killed at once, when so much was written below a folder."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.002


class Outage:
    """To be called with a process while it works, as `cuts.traced` does; returns when it has ended or was killed.

    Attributes:
        seen: how many files were seen that were new, or had grown, since the last look.
    """

    def __init__(self, below: Path, at: int = 0) -> None:
        """Below which folder to look, and at which file to kill; 0 for never."""
        self.seen = 0
        self._below, self._at = below, at
        self._known = self._files()

    def __call__(self, process_id: int) -> None:
        process = psutil.Process(process_id)
        while process.status() != psutil.STATUS_ZOMBIE:
            now = self._files()
            self.seen += len(now - self._known)
            self._known |= now
            if 0 < self._at <= self.seen:
                _kill(process)
                return
            time.sleep(_LOOK_SECONDS)

    def _files(self) -> set[tuple[str, int]]:
        found = set()
        for folder, _, names in os.walk(self._below):
            for name in names:
                path = f"{folder}/{name}"
                with contextlib.suppress(OSError):
                    found.add((path, os.lstat(path).st_size))
        return found


def _kill(process: psutil.Process) -> None:
    """Stop all of them first, so that none sees another end."""
    stopped: list[psutil.Process] = []
    while fresh := [one for one in (process, *process.children(recursive=True)) if one not in stopped]:
        for one in fresh:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
        stopped += fresh
    for one in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
