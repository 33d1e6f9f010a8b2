"""Intents: what is about to be sent, written to disk first. An open intent is settled by asking Kaggle, not by sending again."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kaggle_workflow.files import write_text
from kaggle_workflow.known import file_name

UPLOADING = "uploading"
CREATING = "creating"
SENT = "sent"
_STEPS = (UPLOADING, CREATING, SENT)


@dataclass(frozen=True)
class Intent:
    """One upload or saved notebook in progress.

    Attributes:
        name: what is sent, as Kaggle names it (`owner/slug`).
        marker: identifies the new version.
        base: the newest version that was there before, 0 for none.
        step: `uploading` (no version can exist yet), `creating` (it may exist) or `sent` (Kaggle accepted it).
        at: when it reached this step, in seconds since 1970: an upload may take hours, and waiting starts after it.
    """

    name: str
    marker: str
    base: int
    step: str
    at: float

    @classmethod
    def from_json(cls, value: Any) -> Intent:
        """Read an intent; raises ValueError, KeyError or TypeError for anything else."""
        if value["step"] not in _STEPS:
            raise ValueError(value["step"])
        return cls(
            str(value["name"]), str(value["marker"]), int(value["base"]), value["step"], float(value["at"])
        )


class Intents:
    """The open intents of a workspace, one file for each thing."""

    def __init__(self, build: Path) -> None:
        self._folder = build / "intents"

    def open(self, thing: str, name: str, marker: str, base: int, step: str) -> None:
        """Write an intent; it is on the disk when this returns."""
        self._write(thing, Intent(name, marker, base, step, time.time()))

    def advance(self, thing: str, step: str) -> None:
        """Record the next step."""
        intent = self.read(thing)
        if intent is not None:
            self._write(thing, replace(intent, step=step, at=time.time()))

    def close(self, thing: str) -> None:
        """Remove a settled intent."""
        self._path(thing).unlink(missing_ok=True)

    def read(self, thing: str) -> Intent | None:
        """The open intent, None when there is none or it can't be read."""
        try:
            return Intent.from_json(json.loads(self._path(thing).read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return None

    def _write(self, thing: str, intent: Intent) -> None:
        write_text(self._path(thing), json.dumps(asdict(intent)) + "\n")

    def _path(self, thing: str) -> Path:
        return self._folder / f"{file_name(thing)}.json"
