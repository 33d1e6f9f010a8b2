"""Intents: what is about to be sent, written to disk first. An open intent is settled by asking Kaggle, not by sending again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kaggle_workflow import waiting
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_text
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.known import file_name

UPLOADING = "uploading"
CREATING = "creating"
SENT = "sent"


@dataclass(frozen=True)
class Intent:
    """One upload, saved notebook or submission in progress.

    Attributes:
        marker: identifies the new version or the submission.
        base: the newest version that was there before, 0 for none.
        step: `uploading` (no version can exist yet), `creating` (it may exist) or `sent` (Kaggle accepted it).
        at: when it reached this step, in seconds since 1970: an upload may take hours, and waiting starts after it.
        details: further JSON values.
    """

    marker: str
    base: int
    step: str
    at: float
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Any) -> Intent:
        """Read an intent; raises ValueError, KeyError or TypeError for anything else."""
        if value["step"] not in (UPLOADING, CREATING, SENT):
            raise ValueError(value["step"])
        details = dict(value.get("details") or {})
        return cls(str(value["marker"]), int(value["base"]), value["step"], float(value["at"]), details)

    @property
    def seconds_left(self) -> float:
        """Seconds for which its version may still appear; a clock that was set back adds none."""
        limit = waiting.PROCESSING_SECONDS if self.step == SENT else waiting.LATE_SECONDS
        return max(0.0, limit - max(0.0, time.time() - self.at))


class Intents:
    """The open intents of a workspace, one file for each thing that is sent (such as `codes--me/cmi-codes`)."""

    def __init__(self, build: Path) -> None:
        self._folder = build / "intents"

    @contextmanager
    def sending(
        self,
        thing: str,
        marker: str,
        base: int = 0,
        step: str = CREATING,
        details: Mapping[str, Any] | None = None,
    ) -> Iterator[None]:
        """Keep an intent on disk while something is sent.

        It is closed when nothing was made, because Kaggle refused it or the upload failed. Otherwise it stays open, for the caller
        to close once the version was found: at `sent`, or at `creating` if Kaggle's answer was lost.
        """
        self._write(thing, Intent(marker, base, step, time.time(), details or {}))
        try:
            yield
        except AnswerLost:
            intent = self.read(thing)
            if intent is None or intent.step == UPLOADING:
                self.close(thing)
            else:
                self.advance(thing, CREATING)
            raise
        except WorkflowError:
            self.close(thing)
            raise
        self.advance(thing, SENT)

    def advance(self, thing: str, step: str) -> None:
        """Record that a step was reached now."""
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
