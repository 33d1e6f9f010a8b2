"""The pictures of the report: which submissions stand where, on which axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kaggle_workflow.durations import spell
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.ledger.history import HIGHER, Order, number, printable
from kaggle_workflow.report.ticks import duration_ticks, nice_ticks, time_ticks

# The page gives these names their colours, once for light and once for dark.
_PUBLIC, _PRIVATE, _BEST, _FAILED, _LIMIT = (
    f"var(--{name})" for name in ("public", "private", "best", "failed", "limit")
)

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points of one meaning.

    Attributes:
        title: for the legend.
        points: x and y; the submission behind each point in refs, empty for a line that stands for none.
        refs: the reference of each point's submission.
        tips: what is shown when the pointer rests on a point.
        colour: as CSS writes it.
        line: whether the points are joined, as a line without dots.
    """

    title: str
    colour: str
    points: tuple[Point, ...]
    refs: tuple[str, ...] = ()
    tips: tuple[str, ...] = ()
    line: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture before it is drawn; without a point there is none, and missing says what would make one."""

    title: str
    x_title: str
    y_title: str
    missing: str
    series: tuple[Series, ...] = ()
    x_text: Callable[[float], str] = number
    x_ticks: tuple[float, ...] = ()
    y_ticks: tuple[float, ...] = ()


def all_pictures(
    submissions: Sequence[Submission], ranking: Order, limit: float, *, limit_assumed: bool
) -> tuple[Picture, ...]:
    """The three pictures of a history."""
    return (
        cv_against_score(submissions),
        score_over_time(submissions, ranking),
        score_against_rerun(submissions, limit, limit_assumed=limit_assumed),
    )


def cv_against_score(submissions: Sequence[Submission]) -> Picture:
    """Validation against the leaderboard: do they move together?"""
    empty = Picture(
        "CV against leaderboard score",
        "CV",
        "public score",
        "No submission has both a CV and a public score yet: invoke submit --cv 0.812 keeps one with it.",
    )
    found = [one for one in submissions if one.cv is not None and one.public_score is not None]
    return _with(
        empty, (_series("submissions", _PUBLIC, found, lambda one: (_set(one.cv), _set(one.public_score))),)
    )


def score_over_time(submissions: Sequence[Submission], ranking: Order) -> Picture:
    """Scores by date, and the best so far."""
    empty = Picture("Score over time", "date (UTC)", "score", "No submission has a score yet.", x_text=_date)
    public = [one for one in submissions if one.public_score is not None]
    private = [one for one in submissions if one.private_score is not None]
    series = (
        _series("public score", _PUBLIC, public, lambda one: (one.time.timestamp(), _set(one.public_score))),
        _series(
            "private score", _PRIVATE, private, lambda one: (one.time.timestamp(), _set(one.private_score))
        ),
        Series(
            f"best public so far ({ranking.better} is better{', assumed' if ranking.assumed else ''})",
            _BEST,
            _best_so_far(public, ranking),
            line=True,
        ),
    )
    times = [one.time.timestamp() for one in (*public, *private)]
    return _with(empty, series, time_ticks(min(times), max(times)) if times else ())


def score_against_rerun(submissions: Sequence[Submission], limit: float, *, limit_assumed: bool) -> Picture:
    """What time bought, and how near the limit it came; failed reruns stand at the bottom."""
    empty = Picture(
        "Score against rerun time",
        "rerun time",
        "public score",
        "No rerun was measured yet: invoke watch measures it while it waits for the score.",
        x_text=_clock,
    )
    measured = [one for one in submissions if one.rerun_seconds is not None]
    scored = [one for one in measured if one.public_score is not None]
    failed = [one for one in measured if one.public_score is None]
    if not measured:
        return empty
    scores = [_set(one.public_score) for one in scored]
    ticks = nice_ticks(min(scores), max(scores)) if scores else (0.0, 1.0)
    longest = max([limit, *(_set(one.rerun_seconds) for one in measured)])
    x_ticks = duration_ticks(longest)
    series = (
        _series("scored", _PUBLIC, scored, lambda one: (_set(one.rerun_seconds), _set(one.public_score))),
        _series("failed, without a score", _FAILED, failed, lambda one: (_set(one.rerun_seconds), ticks[0])),
        Series(
            f"limit {spell(limit)}{', assumed' if limit_assumed else ''}",
            _LIMIT,
            ((limit, ticks[0]), (limit, ticks[-1])),
            line=True,
        ),
    )
    return _with(empty, series, x_ticks, ticks)


def _with(
    picture: Picture,
    series: Sequence[Series],
    x_ticks: tuple[float, ...] = (),
    y_ticks: tuple[float, ...] = (),
) -> Picture:
    """The picture with those series that have points, and with axes that hold them all."""
    kept = tuple(one for one in series if one.points)
    points = [point for one in kept for point in one.points]
    if not points:
        return picture
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return replace(
        picture,
        series=kept,
        x_ticks=x_ticks or nice_ticks(min(xs), max(xs)),
        y_ticks=y_ticks or nice_ticks(min(ys), max(ys)),
    )


def _series(
    title: str, colour: str, found: Sequence[Submission], at: Callable[[Submission], Point]
) -> Series:
    return Series(
        title,
        colour,
        tuple(at(one) for one in found),
        tuple(printable(one.ref) for one in found),
        tuple(_tip(one) for one in found),
    )


def _best_so_far(scored: Sequence[Submission], ranking: Order) -> tuple[Point, ...]:
    """A staircase: each step where a score beats all before it, and on to the last submission."""
    points: list[Point] = []
    beats = max if ranking.better == HIGHER else min
    for one in scored:
        when, height = one.time.timestamp(), _set(one.public_score)
        before = points[-1][1] if points else height
        height = beats(before, height)
        if height != before:
            points.append((when, before))
        points.append((when, height))
    return tuple(points) if len(points) > 1 else ()


def _tip(one: Submission) -> str:
    facts = [
        f"{one.ref} · {one.time:%Y-%m-%d %H:%M} UTC",
        " ".join((one.experiment or "", *(one.args or ()))),
        f"public {number(one.public_score)}"
        if one.public_score is not None
        else (one.error or one.status or ""),
        f"private {number(one.private_score)}" if one.private_score is not None else "",
        f"CV {number(one.cv)}" if one.cv is not None else "",
        f"rerun {spell(one.rerun_seconds)}" if one.rerun_seconds is not None else "",
        one.message or "",
    ]
    return "\n".join(printable(fact) for fact in facts if fact.strip())


def _set(value: float | None) -> float:
    if value is None:
        raise ValueError("a submission without that value has no place in the picture")
    return value


def _date(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b %d}" if not (moment.hour or moment.minute) else f"{moment:%b %d %H:%M}"


def _clock(seconds: float) -> str:
    return spell(seconds) if seconds else "0"
