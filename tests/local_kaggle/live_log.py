"""The log of a run that goes on."""

from __future__ import annotations

import json
import threading
import time

_COMMA = "\n,"


class LiveLog:
    """The events of a run that goes on; streams wait on `changed`."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.events: list[dict[str, object]] = []
        self.over = False
        self.changed = threading.Condition()

    def add(self, line: str) -> None:
        """Adds one line of output, in the form of Kaggle's logs."""
        seconds = round(time.monotonic() - self.started, 3)
        with self.changed:
            self.events.append({"stream_name": "stdout", "time": seconds, "data": f"{line}\n"})
            self.changed.notify_all()

    def to_json(self) -> str:
        """The persisted form: one JSON array, each event on a line that begins with a comma, as users publish it."""
        return f"[{_COMMA.join(json.dumps(event, separators=(',', ':')) for event in self.events)}\n]"

    def close(self) -> None:
        """Says that nothing more comes."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[list[dict[str, object]], bool]:
        """Events after the first `seen`, once there are any, and whether these are the last."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) > seen or self.over, timeout=seconds)
            return self.events[seen:], self.over
