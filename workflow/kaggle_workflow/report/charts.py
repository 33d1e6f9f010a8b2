"""The charts of the report: which submissions stand where, on which axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter

from kaggle_workflow.durations import spell, spell_measured
from kaggle_workflow.ledger import validation
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.ledger.history import HIGHER, Order, number, printable
from kaggle_workflow.ledger.standing import MEDALS, place_of
from kaggle_workflow.report.ticks import duration_ticks, nice_ticks, time_ticks

_DAY = 86400

Point = tuple[float, float]
Value = Callable[[Submission], float | None]

_public, _private, _cv, _rerun = map(attrgetter, ("public_score", "private_score", "cv", "rerun_seconds"))


def _time(one: Submission) -> float:
    return one.time.timestamp()


@dataclass(frozen=True)
class Series:
    """Points of one meaning.

    Attributes:
        title: for the legend.
        kind: `public`, `private`, `failed`, `best`, `limit` or a medal: the page's name for its colour and shape.
        points: x and y, by x for a line.
        refs: the submission or setting behind each point; empty for a line.
        tips: the details of each point, as lines; empty for a line.
        line: whether the points are joined by a line instead of drawn as dots.
        bars: lines from one point to another behind the dots, such as a spread.
    """

    title: str
    kind: str
    points: tuple[Point, ...]
    refs: tuple[str, ...] = ()
    tips: tuple[str, ...] = ()
    line: bool = False
    bars: tuple[tuple[Point, Point], ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart before it is drawn.

    Attributes:
        title: what is compared.
        hint: how to read it, in a sentence.
        x_title: the x axis with its unit, and `y_title` the y axis.
        missing: shown when there is no point: what to do to get one.
        series: those that have points; empty for a chart without any.
        x_text: the label of a tick of the x axis, with a line end where it takes two lines, and `y_text` that of the y axis.
        x_ticks: the marks of the x axis, which hold every point, and `y_ticks` those of the y axis.
    """

    title: str
    hint: str
    x_title: str
    y_title: str
    missing: str
    series: tuple[Series, ...] = ()
    x_text: Callable[[float], str] = lambda value: number(value) or "0"
    y_text: Callable[[float], str] = lambda value: number(value) or "0"
    x_ticks: tuple[float, ...] = ()
    y_ticks: tuple[float, ...] = ()


def all_charts(
    submissions: Sequence[Submission],
    ranking: Order,
    limit: float,
    *,
    limit_assumed: bool,
    public_rows: float | None = None,
    hindsight: str = "",
) -> tuple[Chart, ...]:
    """The charts of a history: three, one of places on the leaderboard when the ledger has any, and one of private scores likewise.

    `public_rows` is how many rows the public score is computed on, `hindsight` says which final selection would have been best.
    """
    better = f"{ranking.better} is better{', assumed' if ranking.assumed else ''}"
    ranked = any(one.score_rank is not None for one in submissions)
    ended = any(one.private_score is not None for one in submissions)
    return (
        cv_against_score(submissions, better, public_rows),
        score_over_time(submissions, ranking, better),
        *([place_over_time(submissions)] if ranked else []),
        *([private_against_public(submissions, better, hindsight)] if ended else []),
        score_against_rerun(submissions, better, limit, limit_assumed=limit_assumed),
    )


def cv_against_score(submissions: Sequence[Submission], better: str, public_rows: float | None) -> Chart:
    """Whether local validation and the leaderboard move together."""
    empty = Chart(
        "CV against leaderboard score",
        " ".join(validation.sentences(validation.agreement(submissions, public_rows)))
        or "The closer the dots are to a line, the better your own validation (CV) predicts the leaderboard.",
        "CV, the score in your own validation",
        f"public score ({better})",
        "No submission has both a CV and a public score yet. To record a CV, submit with: invoke submit --cv 0.812",
    )
    return _with(empty, (_series("submission", "public", submissions, _cv, _public),))


def score_over_time(submissions: Sequence[Submission], ranking: Order, better: str) -> Chart:
    """Scores by date, and the best so far."""
    public = _series("public score", "public", submissions, _time, _public)
    private = _series("private score", "private", submissions, _time, _private)
    # A line along the worst scores would mislead: no best is drawn while it is unknown which score is better.
    stairs = () if ranking.assumed else _best_so_far(public.points, ranking)
    best = Series("best public score so far", "best", stairs, line=True)
    times = [time for time, _ in (*public.points, *private.points)]
    medals = tuple(_medal_line(medal, submissions, times) for medal in MEDALS)
    ticks = time_ticks(min(times), max(times)) if times else ()
    empty = Chart(
        "Score over time",
        "Each dot is a submission. Lines show your best public score so far and the medal lines of the public leaderboard, where known.",
        "date (UTC)",
        f"score ({better})",
        "No submission has a score yet.",
        x_text=_date if all(tick % _DAY == 0 for tick in ticks) else _date_and_time,
    )
    return _with(empty, (public, private, best, *medals), ticks)


def place_over_time(submissions: Sequence[Submission]) -> Chart:
    """Places on the public leaderboard by date, each as it was when the score arrived."""
    scores = _series("place of this score alone", "public", submissions, _time, attrgetter("score_rank"))
    team = _series("place of your team's best", "private", submissions, _time, attrgetter("team_rank"))
    times = [time for time, _ in (*scores.points, *team.points)]
    ticks = time_ticks(min(times), max(times))
    empty = Chart(
        "Place over time",
        "Where each score stood on the public leaderboard when it arrived. Place 1 is the best.",
        "date (UTC)",
        "place on the public leaderboard",
        "No place is known yet.",
        x_text=_date if all(tick % _DAY == 0 for tick in ticks) else _date_and_time,
    )
    return _with(empty, (scores, team), ticks)


def private_against_public(submissions: Sequence[Submission], better: str, hindsight: str) -> Chart:
    """What the public score was worth."""
    empty = Chart(
        "Private against public score",
        hindsight or "The closer the dots are to a line, the more a public score was worth.",
        f"public score ({better})",
        f"private score ({better})",
        "No submission has both scores.",
    )
    return _with(empty, (_series("submission", "private", submissions, _public, _private),))


def score_against_rerun(
    submissions: Sequence[Submission], better: str, limit: float, *, limit_assumed: bool
) -> Chart:
    """What a longer rerun gained, and how near the limit it came; failed reruns stand at the bottom."""
    empty = Chart(
        "Score against rerun time",
        "How long Kaggle took to run your notebook on the hidden data. A rerun that passes the limit fails.",
        "time of the rerun (h: hours, m: minutes, s: seconds)",
        f"public score ({better})",
        "No rerun has been measured yet. To measure one while it runs, use: invoke watch",
        x_text=lambda seconds: spell(seconds) if seconds else "0",
    )
    scored = _series("scored", "public", submissions, _rerun, _public)
    scores = [score for _, score in scored.points]
    ticks = nice_ticks(min(scores), max(scores)) if scores else (0.0, 1.0)
    unscored = [one for one in submissions if one.public_score is None]
    failed = _series("failed, without a score", "failed", unscored, _rerun, lambda _: ticks[0])
    times = [time for time, _ in (*scored.points, *failed.points)]
    if not times:
        return empty
    bound = Series(
        f"limit {spell(limit)}{', assumed' if limit_assumed else ''}",
        "limit",
        ((limit, ticks[0]), (limit, ticks[-1])),
        line=True,
    )
    return _with(empty, (scored, failed, bound), duration_ticks(max(limit, *times)), ticks)


def _with(
    chart: Chart,
    series: Sequence[Series],
    x_ticks: tuple[float, ...] = (),
    y_ticks: tuple[float, ...] = (),
) -> Chart:
    """The chart with those series that have points, and with axes that hold them all."""
    kept = tuple(one for one in series if one.points)
    points = [point for one in kept for point in one.points]
    if not points:
        return chart
    xs, ys = zip(*points, strict=True)
    return replace(
        chart,
        series=kept,
        x_ticks=x_ticks or nice_ticks(min(xs), max(xs)),
        y_ticks=y_ticks or nice_ticks(min(ys), max(ys)),
    )


def _series(title: str, kind: str, submissions: Sequence[Submission], x: Value, y: Value) -> Series:
    """Dots for the submissions that have both values."""
    placed = [(x(one), y(one), one) for one in submissions]
    known = [(across, up, one) for across, up, one in placed if across is not None and up is not None]
    return Series(
        title,
        kind,
        tuple((across, up) for across, up, _ in known),
        tuple(printable(one.ref) for *_, one in known),
        tuple(_tip(one) for *_, one in known),
    )


def _medal_line(medal: str, submissions: Sequence[Submission], times: Sequence[float]) -> Series:
    """The scores at a medal line as they were when scores arrived, drawn on to the last submission."""
    value = attrgetter(f"{medal}_score")
    points = [(_time(one), value(one)) for one in submissions if value(one) is not None]
    if points and max(times) > points[-1][0]:
        points.append((max(times), points[-1][1]))
    return Series(f"{medal} medal line", medal, tuple(points) if len(points) > 1 else (), line=True)


def _best_so_far(scores: Sequence[Point], ranking: Order) -> tuple[Point, ...]:
    """A staircase: each step where a score beats all before it, and on to the last submission."""
    points: list[Point] = []
    beats = max if ranking.better == HIGHER else min
    for when, score in scores:
        before = points[-1][1] if points else score
        height = beats(before, score)
        if height != before:
            points.append((when, before))
        points.append((when, height))
    return tuple(points) if len(points) > 1 else ()


def _tip(one: Submission) -> str:
    """The details of a submission: which, what ran, how it did, its message."""
    ran = " ".join((one.experiment or "", *(one.args or ()))).strip()
    measured = (
        f"public score {number(one.public_score)}"
        if one.public_score is not None
        else one.error or one.status,
        f"private score {number(one.private_score)}" if one.private_score is not None else "",
        f"CV {number(one.cv)}" if one.cv is not None else "",
        f"place {place_of(one)}" if place_of(one) else "",
        f"rerun {spell_measured(one.rerun_seconds, one.rerun_error)}"
        if one.rerun_seconds is not None
        else "",
    )
    lines = (
        " · ".join(filter(None, (f"Submission {one.ref}", f"{one.time:%Y-%m-%d %H:%M} UTC", ran))),
        " · ".join(filter(None, measured)),
        one.message or "",
    )
    return "\n".join(printable(line) for line in lines if line.strip())


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%b %d}"


def _date_and_time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M\n%b %d}"
