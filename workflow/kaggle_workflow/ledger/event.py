"""Events of the ledger, and how a line is read and written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

PUSHED = "pushed"
SUBMITTED = "submitted"
SCORE = "score"
REFRESHED = "refreshed"
KINDS = frozenset((PUSHED, SUBMITTED, SCORE, REFRESHED))

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
            _text(value["ref"]),
            None if version is None else _count(version),
            None if fingerprint is None else _text(fingerprint),
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
        cv: the validation score.
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
    overruled: tuple[str, ...] | None = None
    message: str | None = None


@dataclass(frozen=True)
class Event(Facts):
    """A push, a submission, a score, or what a refresh found on Kaggle.

    Attributes:
        event: `pushed`, `submitted`, `score` (any end of a rerun, a failure too) or `refreshed`.
        time: when this line was written (aware, UTC).
        ref: Kaggle's reference of the submission; None for a push.
        submitted: when the submission was made, according to Kaggle.
        better: `higher` or `lower`, in the event that recorded which score is better.
        image_moved: what changed in Kaggle's image since the run before, None when nothing did.
        extra: fields that this version does not know, kept as they were read.
    """

    event: str
    time: datetime
    ref: str | None = None
    submitted: datetime | None = None
    better: str | None = None
    image_moved: str | None = None
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


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")  # noqa: TRY004 - one kind of error for a line that can't be read
    # JSON may contain half a surrogate pair, which can't be written to a terminal or a file.
    return value if value.isprintable() else value.encode("utf-8", "replace").decode("utf-8")


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 - as above
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment.astimezone(UTC)


def _part(value: object) -> Part:
    return Part.from_json(value)


def _list(parse: Callable[[object], Any]) -> Callable[[object], tuple[Any, ...]]:
    def parsed(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")  # noqa: TRY004 - as above
        return tuple(parse(one) for one in value)

    return parsed


_FIRST = ("event", "time", "ref", "submitted", "account", "competition", "notebook", "notebook_version")
_PART = frozenset(one.name for one in fields(Part))
_BY_TYPE: Mapping[str, Callable[[object], Any]] = {
    "str": _text,
    "datetime": _moment,
    "int": _count,
    "float": _number,
    "bool": _flag,
    "Part": _part,
    "tuple[str, ...]": _list(_text),
    "tuple[Part, ...]": _list(_part),
}
_PARSERS: Mapping[str, Callable[[object], Any]] = {
    one.name: _BY_TYPE[str(one.type).removesuffix(" | None")]
    for one in sorted(
        (one for one in fields(Event) if one.name != "extra"),
        # The most important fields first; the rest in the order of declaration.
        key=lambda one: _FIRST.index(one.name) if one.name in _FIRST else len(_FIRST),
    )
}
