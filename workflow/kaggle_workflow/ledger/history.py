"""The history of submissions: filter, sort, group, and find the best."""

from __future__ import annotations

import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from kaggle_shim.manifest import short
from kaggle_workflow.durations import spell, spell_measured
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import standing
from kaggle_workflow.ledger.event import PUSHED, Event, Part, stamp
from kaggle_workflow.ledger.fold import Submission

HIGHER, LOWER = "higher", "lower"
LEARN_BETTER = "run `invoke history --refresh`, or write `better: higher` or `better: lower` below `workspace` in invoke.yaml."

_CONDITION = re.compile(r"(?P<name>[a-z][a-z_.-]*)(?P<sign>!=|>=|<=|=|>|<)(?P<value>.*)", re.DOTALL)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_SHORT = {
    "public": "public_score",
    "place": "score_rank",
    "private": "private_score",
    "rerun": "rerun_seconds",
    "version": "notebook_version",
    "commit": "git_commit",
}
_SMALL = 1e-3
_SCORES = ("public_score", "private_score", "cv")


@dataclass(frozen=True)
class Order:
    """Which score is better, and whether that is assumed."""

    better: str
    assumed: bool

    def best(self, submissions: Iterable[Submission], score: str = "public_score") -> Submission | None:
        """The submission with the best score, the earliest of equal ones; None when none has a score."""
        scored = [one for one in submissions if getattr(one, score) is not None]
        if not scored:
            return None
        return (max if self.better == HIGHER else min)(scored, key=lambda one: getattr(one, score))


def order(setting: str | None, learned: str | None) -> Order:
    """The order of scores: from `workspace.better`, else from Kaggle's leaderboard, else higher is assumed."""
    return Order(setting or learned or HIGHER, assumed=setting is None and learned is None)


def flat(one: Submission) -> dict[str, Any]:
    """A submission as plain values by column name (such as `codes.version`), in a fixed order; the columns of the CSV."""
    result: dict[str, Any] = {
        "ref": one.ref,
        "time": stamp(one.time),
        "recorded": one.recorded,
        "experiment": one.experiment,
    }
    for name in _FLAT:
        value = getattr(one, name)
        if name in ("codes", "deps", "sub"):
            part = value or Part("")
            result |= {
                f"{name}.version": part.version,
                f"{name}.fingerprint": part.fingerprint,
                f"{name}.ref": part.ref or None,
            }
        elif name == "models":
            result[name] = (
                " ".join(f"{part.ref}/{part.version}" if part.version else part.ref for part in value)
                if value
                else None
            )
        elif isinstance(value, tuple):
            result[name] = " ".join(map(str, value))
        else:
            result[name] = value
    return result


_FLAT = tuple(one.name for one in fields(Submission) if one.name not in ("ref", "time", "recorded"))


def select(submissions: Sequence[Submission], conditions: Sequence[str]) -> tuple[Submission, ...]:
    """The submissions that meet every condition.

    A condition is `name=value` (also `!=`, and `<`, `<=`, `>`, `>=` for numbers) with a column of `flat`, or a text that any value contains.
    Fingerprints and commits may be shortened.
    """
    matches = matcher(conditions)
    return tuple(one for one in submissions if matches(flat(one)))


def matcher(conditions: Sequence[str]) -> Callable[[dict[str, Any]], bool]:
    """A function that tells whether a row, values by column name, meets every condition of `select`."""
    tests = [_test(condition) for condition in conditions]
    return lambda values: all(test(values) for test in tests)


def arrange(submissions: Sequence[Submission], by: str, ranking: Order) -> tuple[Submission, ...]:
    """Sort submissions: the newest first for `time`, the best first for scores, else ascending; those without a value last.

    Raises:
        WorkflowError: there is no such column.
    """
    name = _SHORT.get(by, by)
    if name not in known_names():
        raise WorkflowError(f"--sort {by} is not a column: write one of {', '.join(known_names())}.")
    down = name == "time" or (name in _SCORES and ranking.better == HIGHER)
    values = [(one.time if name == "time" else flat(one)[name], one) for one in submissions]
    present = sorted((pair for pair in values if pair[0] is not None), key=lambda pair: pair[0], reverse=down)
    return (*(one for _, one in present), *(one for value, one in values if value is None))


def known_names() -> tuple[str, ...]:
    """Names of the columns, for `--sort` and `--filter`."""
    return tuple(flat(Submission("", datetime.min.replace(tzinfo=UTC), recorded=False)))


@dataclass(frozen=True)
class Group:
    """The submissions of one experiment, summarized."""

    experiment: str
    count: int
    last: datetime
    public_score: float | None
    private_score: float | None
    cv: float | None
    rerun_seconds: float | None
    best: str | None

    def to_json(self) -> dict[str, Any]:
        """The group as JSON values."""
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, "last": stamp(self.last)}


def grouped(submissions: Sequence[Submission], ranking: Order) -> tuple[Group, ...]:
    """Group submissions by experiment, the best first; `best` is the reference of the best submission, `rerun_seconds` the median."""
    members: dict[str, list[Submission]] = defaultdict(list)
    for one in submissions:
        members[one.experiment or "(not known)"].append(one)
    groups = [_group(name, own, ranking) for name, own in members.items()]
    worst = -math.inf if ranking.better == HIGHER else math.inf
    return tuple(
        sorted(
            groups,
            key=lambda one: worst if one.public_score is None else one.public_score,
            reverse=ranking.better == HIGHER,
        )
    )


def _group(name: str, own: Sequence[Submission], ranking: Order) -> Group:
    from statistics import median

    best = {score: ranking.best(own, score) for score in _SCORES}
    values = {score: getattr(one, score) if one is not None else None for score, one in best.items()}
    reruns = [one.rerun_seconds for one in own if one.rerun_seconds is not None]
    return Group(
        experiment=name,
        count=len(own),
        last=max(one.time for one in own),
        rerun_seconds=median(reruns) if reruns else None,
        best=best["public_score"].ref if best["public_score"] else None,
        **values,
    )


def cells(one: Submission) -> dict[str, str]:
    """A row of the table of submissions; "" for what is not known."""
    return {
        "date (UTC)": f"{one.time:%Y-%m-%d %H:%M}",
        "ref": one.ref,
        "experiment": one.experiment or "",
        "public": number(one.public_score) or (one.status or "" if not one.complete else ""),
        "place": standing.place_of(one),
        "private": number(one.private_score),
        "CV": number(one.cv),
        "rerun": spell_measured(one.rerun_seconds, one.rerun_error) if one.rerun_seconds is not None else "",
        "message": one.error or one.message or "",
        "codes": short(one.codes.fingerprint) if one.codes and one.codes.fingerprint else "",
        "version": str(one.notebook_version or ""),
        "commit": f"{one.git_commit[:8]}{'+' if one.git_dirty else ''}" if one.git_commit else "",
        "account": one.account or "",
        "save run": spell(one.save_run_seconds) + (" light" if one.light else "")
        if one.save_run_seconds is not None
        else "",
        "machine": one.machine_shape or "",
    }


def group_cells(one: Group) -> dict[str, str]:
    """A row of the table of experiments."""
    return {
        "experiment": one.experiment,
        "submissions": str(one.count),
        "public": number(one.public_score),
        "private": number(one.private_score),
        "CV": number(one.cv),
        "rerun": spell(one.rerun_seconds) if one.rerun_seconds is not None else "",
        "best": one.best or "",
        "last (UTC)": f"{one.last:%Y-%m-%d %H:%M}",
    }


def image_notes(events: Sequence[Event], submissions: Sequence[Submission]) -> list[str]:
    """Sentences about runs with another image than the run before, and about submissions that may have been rerun in one.

    Args:
        events: the ledger, oldest first.
        submissions: the submissions to check.
    """
    moves = [event for event in events if event.event == PUSHED and event.image_moved]
    found = [f"{event.notebook} version {event.notebook_version}: {event.image_moved}." for event in moves]
    for one in submissions:
        # The rerun starts at the submission: it may have used an image that a later version's run had found by then.
        later = [
            event
            for event in moves
            if event.notebook == one.notebook
            and (event.notebook_version or 0) > (one.notebook_version or 0) > 0
            and event.time <= one.time
        ]
        if later:
            found.append(
                f"Submission {one.ref} of version {one.notebook_version} may have been rerun in another image than its save run: "
                f"in that of version {later[-1].notebook_version}."
            )
    return found


def number(value: float | None) -> str:
    """A score as text, "" for none."""
    if value is None:
        return ""
    if value and abs(value) < _SMALL:
        return f"{value:.4g}"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def printable(text: str) -> str:
    """A text as one line without control characters, which would move a terminal's cursor and are not allowed in XML."""
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)


def _test(condition: str) -> Callable[[dict[str, Any]], bool]:
    match = _CONDITION.fullmatch(condition)
    name = _SHORT.get(match["name"], match["name"]) if match else ""
    if match is None or name not in known_names():
        text = condition.casefold()
        return lambda values: any(
            text in str(value).casefold() for value in values.values() if value is not None
        )
    sign, wanted = match["sign"], match["value"].strip()
    if sign in _COMPARE:
        try:
            bound = float(wanted)
        except ValueError as error:
            raise WorkflowError(
                f"--filter {condition}: {sign} compares numbers, and {wanted!r} is not a number."
            ) from error
        return lambda values: isinstance(values[name], int | float) and _COMPARE[sign](values[name], bound)
    return lambda values: _equal(name, values[name], wanted) == (sign == "=")


def _equal(name: str, value: object, wanted: str) -> bool:
    if value is None or wanted == "":
        return value is None and wanted == ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value).casefold()
        prefix = name.endswith("fingerprint") or name in ("git_commit", "time")
        return text.startswith(wanted.casefold()) if prefix else text == wanted.casefold()
    try:
        return float(wanted) == value
    except ValueError:
        return False
