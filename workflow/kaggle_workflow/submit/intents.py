"""What is about to be submitted, on the disk before it is sent: a lost answer is settled by looking for the mark, never by sending again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_workflow.files import write_text
from kaggle_workflow.kaggle.values import Submission
from kaggle_workflow.ledger import markers
from kaggle_workflow.ledger.event import Event


@dataclass(frozen=True)
class SubmissionIntent:
    """A submission on its way.

    Attributes:
        competition: slug.
        mark: what its description ends in.
        before: references of submissions that carried this mark already (`--again` sends a second one).
        event: the ledger's line, without the reference that Kaggle has yet to give.
        at: when, in seconds since 1970.
    """

    competition: str
    mark: str
    before: tuple[int, ...]
    event: Event
    at: float

    @classmethod
    def new(
        cls, competition: str, mark: markers.Mark, before: Iterable[int], event: Event
    ) -> SubmissionIntent:
        """An intent of now."""
        return cls(competition, str(mark), tuple(before), event, time.time())

    @classmethod
    def from_json(cls, value: Any) -> SubmissionIntent:
        """Read an intent; raises ValueError, KeyError or TypeError for anything else."""
        before = tuple(int(ref) for ref in value["before"])
        return cls(
            str(value["competition"]),
            str(value["mark"]),
            before,
            Event.from_json(value["event"]),
            float(value["at"]),
        )

    def find(self, submissions: Iterable[Submission]) -> Submission | None:
        """The submission that it became, None while there is none."""
        for one in submissions:
            _, mark = markers.read(one.description)
            if mark is not None and str(mark) == self.mark and one.ref not in self.before:
                return one
        return None


class SubmissionIntents:
    """The open intents of a workspace, one file for each notebook."""

    def __init__(self, build: Path) -> None:
        self._folder = build / "intents"

    def open(self, notebook: str, intent: SubmissionIntent) -> None:
        """Write an intent down, on the disk before this returns."""
        value = {
            "competition": intent.competition,
            "mark": intent.mark,
            "before": list(intent.before),
            "event": intent.event.to_json(),
            "at": intent.at,
        }
        write_text(self._path(notebook), json.dumps(value) + "\n")

    def close(self, notebook: str) -> None:
        """It is settled."""
        self._path(notebook).unlink(missing_ok=True)

    def read(self, notebook: str) -> SubmissionIntent | None:
        """The open intent for a notebook (`owner/slug`), None when there is none that can be read."""
        try:
            return SubmissionIntent.from_json(json.loads(self._path(notebook).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _path(self, notebook: str) -> Path:
        return self._folder / f"submission--{notebook.replace('/', '--')}.json"
