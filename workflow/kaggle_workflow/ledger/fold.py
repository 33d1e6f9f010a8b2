"""Combine events into submissions; the order of the events does not matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby
from typing import Any

from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.ledger.event import COMPLETE, PUSHED, SUBMITTED, Event, Facts, MadeOf

# Fields that may change after the submission: the newest event counts.
_LATEST = ("status", "error", "public_score", "private_score", "cv")
_MEASURED = ("rerun_seconds", "rerun_error")
# Fields of a push, which hold for every submission of that version.
_MADE_OF = tuple(one.name for one in fields(MadeOf))
# Fields of a submission's own events.
_OWN = tuple(one.name for one in fields(Facts))


@dataclass(frozen=True)
class Submission(Facts):
    """A submission, with the fields of all its events.

    Attributes:
        ref: Kaggle's reference.
        time: when it was made: Kaggle's date, else the time of its first event.
        recorded: whether a command of this workspace submitted it, not the browser or a team-mate.
    """

    ref: str
    time: datetime
    recorded: bool

    @property
    def experiment(self) -> str | None:
        """The experiment of its entry point, None when the entry point is not known."""
        return experiment_of(self.entry) if self.entry else None

    @property
    def complete(self) -> bool:
        """Whether it was scored."""
        return self.status == COMPLETE


def fold(events: Iterable[Event]) -> tuple[Submission, ...]:
    """Combine events into submissions, oldest first.

    What a submission was made of comes from its `submitted` event, then from the push of that notebook version, then from a refresh.
    Status, scores and CV come from the newest event, the rerun's time from the measurement with the smallest error.
    """
    by_ref: dict[str, list[Event]] = defaultdict(list)
    ordered = _ordered(events)
    for event in ordered:
        if event.ref and event.event != PUSHED:
            by_ref[event.ref].append(event)
    pushes = _pushed(ordered)
    found = (_one(ref, told, pushes) for ref, told in by_ref.items())
    return tuple(sorted(found, key=lambda one: (one.time, one.ref)))


def pushed(events: Iterable[Event]) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    """Fields of every pushed version, by notebook and version; later events override earlier ones."""
    return _pushed(_ordered(events))


def says_something_new(event: Event, known: Iterable[Submission]) -> bool:
    """Whether `event`, found by a refresh, adds something to what the ledger has about its submission."""
    before = next((one for one in known if one.ref == event.ref), None)
    if before is None:
        return True
    stated = _stated(event, _OWN)
    return any(
        value != getattr(before, name) and (name in _LATEST or getattr(before, name) is None)
        for name, value in stated.items()
    )


def better_of(events: Iterable[Event], competition: str | None = None) -> str | None:
    """`higher` or `lower`, whichever score is better, from the newest event with it; None when there is none.

    Args:
        events: the ledger.
        competition: only what was learned of this one; None for all.
    """
    said = [
        event
        for event in _ordered(events)
        if event.better in ("higher", "lower") and competition in (None, event.competition)
    ]
    return said[-1].better if said else None


def final_of(events: Iterable[Event], competition: str | None = None) -> Event | None:
    """The newest event with the final leaderboard of a competition (None for any); None while it is not known."""
    told = [event for event in _ordered(events) if event.ended and competition in (None, event.competition)]
    return told[-1] if told else None


def _one(ref: str, told: list[Event], pushes: Mapping[tuple[str, int], Mapping[str, Any]]) -> Submission:
    ours = [event for event in told if event.event == SUBMITTED]
    found: dict[str, Any] = {}
    for event in reversed(told):
        if event.event != SUBMITTED:
            found |= _stated(event, _OWN)
    recorded: dict[str, Any] = {}
    for event in ours:
        recorded |= _stated(event, _OWN)
    values = {**found, **recorded}
    values = {
        **values,
        **pushes.get((values.get("notebook", ""), values.get("notebook_version", -1)), {}),
        **recorded,
    }
    for event in told:
        if event.status is not None:
            # A submission that was scored after all did not fail.
            values["error"] = None
        values |= _stated(event, _LATEST)
    values |= _measured(told)
    dates = [event.submitted for event in told if event.submitted is not None] or [
        event.time for event in ours or told
    ]
    return Submission(ref=ref, time=min(dates), recorded=bool(ours), **values)


def _pushed(ordered: Iterable[Event]) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    result: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)
    for event in ordered:
        if event.event == PUSHED and event.notebook is not None and event.notebook_version is not None:
            result[event.notebook, event.notebook_version] |= _stated(event, _MADE_OF)
    return result


def _measured(told: list[Event]) -> dict[str, Any]:
    """The measurement of the rerun with the smallest error, the newest of equal ones."""
    measured = [event for event in told if event.rerun_seconds is not None]
    if not measured:
        return {}
    best = min(
        reversed(measured), key=lambda event: float("inf") if event.rerun_error is None else event.rerun_error
    )
    return {name: getattr(best, name) for name in _MEASURED}


def _stated(event: Event, names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(event, name)) is not None}


def _ordered(events: Iterable[Event]) -> list[Event]:
    """Sort by time, and events of the same time by content: the order in the file does not matter."""
    result: list[Event] = []
    for _, same in groupby(sorted(events, key=lambda event: event.time), key=lambda event: event.time):
        group = list(same)
        result += group if len(group) == 1 else sorted(group, key=lambda event: event.line())
    return result
