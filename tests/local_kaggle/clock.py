"""The server's time: the machine's, moved forward on request."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.local_kaggle.store import write_atomic

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Seconds since 1970; `advance` skips time, for processing, deadlines and the daily limit alike."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset: float = json.loads(path.read_text(encoding="utf-8")) if path.exists() else 0.0

    def now(self) -> float:
        """The server's present."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Moves the server's present; survives a restart."""
        self._offset += seconds
        write_atomic(self._path, json.dumps(self._offset))


def as_datetime(seconds: float) -> datetime:
    """A naive UTC datetime, the form that kagglesdk's serializer wants ("…Z" is appended to it)."""
    return datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None)


def as_seconds(moment: datetime) -> float:
    """The reverse of `as_datetime`."""
    return moment.replace(tzinfo=UTC).timestamp()
