"""Events of the ledger, and how a line is read and written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from kaggle_workflow.ledger import values

PUSHED = "pushed"
SUBMITTED = "submitted"
SCORE = "score"
REFRESHED = "refreshed"
JOB = "job"
KINDS = frozenset((PUSHED, SUBMITTED, SCORE, REFRESHED, JOB))

COMPLETE = "complete"
ERROR = "error"
PENDING = "pending"


@dataclass(frozen=True)
class Part:
    """A dataset, notebook or model that a submission was made of.

    Attributes:
        ref: `owner/slug`, or `owner/model/framework/variation`.
        version: its version, None when not known.
        fingerprint: from its manifest, None for what is not ours.
    """

    ref: str
    version: int | None = None
    fingerprint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The part as JSON values, without unknown ones."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: object) -> Part:
        """Read a part; raises ValueError."""
        if not isinstance(value, dict) or "ref" not in value:
            raise ValueError(f"{value!r} has no ref")
        version, fingerprint = value.get("version"), value.get("fingerprint")
        return cls(
            values.text(value["ref"]),
            None if version is None else values.count(version),
            None if fingerprint is None else values.text(fingerprint),
        )


@dataclass(frozen=True, kw_only=True)
class MadeOf:
    """What a pushed version was made of, and its save run; None for what is not known.

    Attributes:
        entry: entry point as words, and `args` the arguments after it.
        git_commit: the commit, and `git_dirty` whether what was sent differed from it.
        codes: the code dataset; `deps` the wheel notebook; `sub` the notebook, whose fingerprint is its marker; `models` the models.
        template: version of template and shim.
        image: what identifies Kaggle's image.
        machine_shape: the accelerator as the metadata names it.
        save_run_seconds: how long the save run took, and `save_run_rows` how many rows it wrote.
        peak_memory: peak memory of the save run, in bytes.
        light: whether it was a light save run.
        limit: seconds that the competition allowed.
    """

    entry: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    codes: Part | None = None
    deps: Part | None = None
    sub: Part | None = None
    models: tuple[Part, ...] | None = None
    template: str | None = None
    image: str | None = None
    machine_shape: str | None = None
    save_run_seconds: float | None = None
    save_run_rows: int | None = None
    peak_memory: int | None = None
    light: bool | None = None
    limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Facts(MadeOf):
    """Fields that an event and a submission share; None for what is not known.

    Attributes:
        account: who submitted or pushed.
        competition: slug of the competition.
        notebook: `owner/slug` of the notebook, and `notebook_version` its version.
        rerun_seconds: the rerun's time as measured from outside, and `rerun_error` its error in seconds.
        status: `pending`, `complete` or `error`, and `error` Kaggle's text for a failure.
        public_score: score on the public leaderboard, and `private_score` the one after the end.
        teams: how many teams the public leaderboard had when this was first read, as a rule when the score arrived.
        team_rank: our team's place on it, by its best score, and `score_rank` the place that this score alone would take.
        gold_score: the public score of the last team in the gold medals, with `silver_score` and `bronze_score`; None for a
            competition without medals.
        cv: the validation score, with `cv_folds`, the score of each fold, and `cv_rows`, on how many rows it was computed.
        message: the submission's message, and `overruled` the names of the refusals that were overridden.
    """

    account: str | None = None
    competition: str | None = None
    notebook: str | None = None
    notebook_version: int | None = None
    rerun_seconds: float | None = None
    rerun_error: float | None = None
    status: str | None = None
    error: str | None = None
    public_score: float | None = None
    private_score: float | None = None
    teams: int | None = None
    team_rank: int | None = None
    score_rank: int | None = None
    gold_score: float | None = None
    silver_score: float | None = None
    bronze_score: float | None = None
    cv: float | None = None
    cv_folds: tuple[float, ...] | None = None
    cv_rows: int | None = None
    overruled: tuple[str, ...] | None = None
    message: str | None = None


@dataclass(frozen=True)
class Event(Facts):
    """A push, a submission, a score, what a refresh found on Kaggle, or the state of a job of a sweep.

    Attributes:
        event: `pushed`, `submitted`, `score` (any end of a rerun, a failure too), `refreshed` or `job`.
        time: when this line was written (aware, UTC).
        ref: Kaggle's reference of the submission; None for a push.
        submitted: when the submission was made, according to Kaggle.
        better: `higher` or `lower`, in the event that recorded which score is better.
        ended: when the competition ended, in an event without `ref` that holds the final leaderboard: `team_rank` is then the final
            place, `score_rank` that of the team's best private score, and the medal lines are private scores.
        image_moved: what changed in Kaggle's image since the run before, None when nothing did.
        sweep: name of a sweep, `job` the job's name in it, and `jobs` how many it has.
        folder: folder of the notebook that the job runs, with these `parameters`, for the `attempt`-th time at this `place`.
        began: when the job was sent, in seconds since 1970.
        metrics: numbers that the job's run left.
        extra: fields that this version does not know, kept as they were read.
    """

    event: str
    time: datetime
    ref: str | None = None
    submitted: datetime | None = None
    better: str | None = None
    ended: datetime | None = None
    image_moved: str | None = None
    sweep: str | None = None
    job: str | None = None
    jobs: int | None = None
    folder: str | None = None
    parameters: Mapping[str, str] | None = None
    attempt: int | None = None
    place: str | None = None
    began: float | None = None
    metrics: Mapping[str, float] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The event as JSON values in a fixed order, without unknown ones."""
        known = {name: _plain(value) for name in _PARSERS if (value := getattr(self, name)) is not None}
        return {**known, **self.extra}

    def line(self) -> str:
        """The event as one line of JSON, without the line end; raises ValueError for a value that can't be read back."""
        value = self.to_json()
        self.from_json(value)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        # An argument that was not UTF-8 contains surrogates; the submission must be recorded all the same.
        return text.encode("utf-8", "replace").decode("utf-8")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Event:
        """Read an event; raises ValueError with the name of a field that can't be read."""
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, stated in value.items():
            parse = _PARSERS.get(name)
            if parse is None:
                extra[name] = stated
                continue
            if stated is None:
                continue
            try:
                known[name] = parse(stated)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            if parse is _part and not _PART.issuperset(stated):
                extra |= {f"{name}.{key}": inner for key, inner in stated.items() if key not in _PART}
        missing = [name for name in ("event", "time") if name not in known]
        if missing:
            raise ValueError(f"{' and '.join(missing)} missing")
        return cls(**known, extra=extra)


def now() -> datetime:
    """The current time in UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    """A time as the ledger writes it: `2026-11-23T15:04:05.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def score_of(text: object) -> float | None:
    """A score of Kaggle's API, which is a text, as a number; None for an empty text."""
    try:
        score = float(str(text))
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def _plain(value: object) -> object:
    if isinstance(value, Part):
        return value.to_json()
    if isinstance(value, datetime):
        return stamp(value)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _part(value: object) -> Part:
    return Part.from_json(value)


_FIRST = ("event", "time", "ref", "submitted", "account", "competition", "notebook", "notebook_version")
_PART = frozenset(one.name for one in fields(Part))
_BY_TYPE: Mapping[str, Callable[[object], Any]] = {
    "str": values.text,
    "datetime": values.moment,
    "int": values.count,
    "float": values.number,
    "bool": values.flag,
    "Part": _part,
    "tuple[str, ...]": values.list_of(values.text),
    "tuple[float, ...]": values.list_of(values.number),
    "tuple[Part, ...]": values.list_of(_part),
    "Mapping[str, str]": values.mapping_of(values.text),
    "Mapping[str, float]": values.mapping_of(values.number),
}
_PARSERS: Mapping[str, Callable[[object], Any]] = {
    one.name: _BY_TYPE[str(one.type).removesuffix(" | None")]
    for one in sorted(
        (one for one in fields(Event) if one.name != "extra"),
        # The most important fields first; the rest in the order of declaration.
        key=lambda one: _FIRST.index(one.name) if one.name in _FIRST else len(_FIRST),
    )
}
