"""Time that passes only while somebody sleeps: hours of waiting cost milliseconds, and the same seed meets the same Kaggle.

The thread that makes it sees it in place of the machine's, and so does the local Kaggle; the server's own threads keep
the machine's. Before time passes, every run that can end has ended.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.local_kaggle import LocalKaggle
from tests.local_kaggle.execution import Execution

_SETTLED_SECONDS = 30.0


class VirtualTime:
    """The clock of one thread and of one local Kaggle."""

    def __init__(self, kaggle: LocalKaggle, patch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        self._kaggle, self._thread, self._endless = kaggle, threading.get_ident(), 0
        self._sleep, self._monotonic, self._time = time.sleep, time.monotonic, time.time
        patch.setattr(time, "sleep", self.sleep)
        patch.setattr(time, "monotonic", lambda: self._monotonic() + self._here())
        patch.setattr(time, "time", lambda: self._time() + self._here())
        patch.setattr(kaggle.world.clock, "now", lambda: self._time() + self.passed)
        play = Execution._play

        def counted(execution: Execution, fault: Any, wait: Any) -> Any:
            endless = fault.outcome == "never"
            self._endless += endless
            try:
                return play(execution, fault, wait)
            finally:
                self._endless -= endless

        patch.setattr(Execution, "_play", counted)

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` is to the thread that made this."""
        if threading.get_ident() != self._thread:
            self._sleep(seconds)
            return
        self.settle()
        self.passed += seconds

    def settle(self) -> None:
        """Wait, for real, until every run is over but those that never end and those that are held."""
        limit = self._monotonic() + _SETTLED_SECONDS
        while self._kaggle.world.sessions._busy > self._endless and not self._kaggle.world.sessions._held:
            if self._monotonic() > limit:
                raise AssertionError("the local Kaggle does not come to rest")
            self._sleep(0.0005)

    def _here(self) -> float:
        return self.passed if threading.get_ident() == self._thread else 0.0
