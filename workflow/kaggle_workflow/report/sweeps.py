"""The charts of a sweep: how its metric depends on each parameter, with the folds of a setting as one dot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from kaggle_workflow.ledger import job_results
from kaggle_workflow.ledger.event import Event, score_of
from kaggle_workflow.ledger.history import Order, printable
from kaggle_workflow.ledger.job_results import Setting
from kaggle_workflow.ledger.jobs import Sweep, sweeps
from kaggle_workflow.report.charts import Chart, Point, Series
from kaggle_workflow.report.ticks import nice_ticks

_NEWEST = 3
# From here on, equal steps would press the smaller values together.
_LOG_RATIO = 50
_MOST_TICKS = 7
_LONGEST_LABEL = 14


@dataclass(frozen=True)
class Results:
    """What a sweep found.

    Attributes:
        sweep: the sweep.
        metric: what its jobs are compared by.
        settings: those with a mean, best first where the direction is known.
        charts: one a parameter that varies.
    """

    sweep: Sweep
    metric: str
    settings: tuple[Setting, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class _Axis:
    """Where the values of a parameter stand.

    Attributes:
        at: the place of each value.
        ticks: the marks, and `text` their labels.
        words: whether the values are words: their labels need a line each, at the side of the plot.
    """

    at: dict[str, float]
    ticks: tuple[float, ...]
    text: Callable[[float], str]
    words: bool = False


def newest(events: Iterable[Event], ranking: Order) -> tuple[Results, ...]:
    """What the newest sweeps with a metric found, newest first."""
    found = (results(one, ranking) for one in reversed(sweeps(events)))
    return tuple(one for one in found if one.settings)[:_NEWEST]


def results(sweep: Sweep, ranking: Order) -> Results:
    """What a sweep found, and its charts."""
    metric = job_results.metric_of(sweep.jobs)
    ranking = job_results.order_of(ranking, metric)
    settings = _placed(job_results.settings(sweep.jobs, metric, ranking))
    # Where nothing but the fold varies, each fold is a dot of its own.
    drawn = settings
    if not _varying(drawn):
        drawn = _placed(job_results.settings(sweep.jobs, metric, ranking, fold=""))
    better = "" if ranking.assumed else f" ({ranking.better} is better)"
    return Results(
        sweep,
        metric,
        settings,
        tuple(_chart(sweep.name, metric, better, name, drawn) for name in _varying(drawn)),
    )


def _placed(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    return tuple(one for one in settings if one.values)


def _varying(settings: Sequence[Setting]) -> list[str]:
    """The parameters that have more than one value, in their order."""
    names = dict.fromkeys(name for one in settings for name in one.parameters)
    return [name for name in names if len({one.parameters.get(name) for one in settings}) > 1]


def _chart(sweep: str, metric: str, better: str, name: str, settings: Sequence[Setting]) -> Chart:
    """The metric against a parameter; a parameter whose values are words stands at the side."""
    axis = _axis(list(dict.fromkeys(one.parameters[name] for one in settings if name in one.parameters)))
    dots = [
        (index, one, axis.at[one.parameters[name]])
        for index, one in enumerate(settings)
        if name in one.parameters
    ]
    ends = [end for _, one, _ in dots for end in _ends(one)]
    values = nice_ticks(min(ends), max(ends))

    def point(at: float, value: float) -> Point:
        return (value, at) if axis.words else (at, value)

    def series(kind: str, label: str, *, whole: bool) -> Series:
        own = [(index, one, at) for index, one, at in dots if one.whole == whole]
        return Series(
            label,
            kind,
            tuple(point(at, one.mean or 0.0) for _, one, at in own),
            tuple(f"{sweep}/{index}" for index, *_ in own),
            tuple(printable(f"{sweep} · {one.words}") + f"\n{metric}: {_score(one)}" for _, one, _ in own),
            bars=tuple(
                (point(at, _ends(one)[0]), point(at, _ends(one)[1])) for _, one, at in own if one.spread
            ),
        )

    folds = any(one.spread for one in settings)
    both = (
        series("public", "all folds", whole=True),
        series("private", "some folds missing", whole=False),
    )
    chart = Chart(
        f"{sweep}: {metric} by {name}",
        "Each dot is a setting. A line shows the standard deviation over its folds."
        if folds
        else "Each dot is a job.",
        name,
        f"{metric}{better}",
        "",
        tuple(one for one in both if one.points),
        x_ticks=axis.ticks,
        y_ticks=values,
        x_text=axis.text,
    )
    if not axis.words:
        return chart
    return replace(
        chart,
        x_title=chart.y_title,
        y_title=name,
        x_ticks=values,
        y_ticks=axis.ticks,
        x_text=chart.y_text,
        y_text=axis.text,
    )


def _score(one: Setting) -> str:
    return f"{one.score}, folds: {one.folds}" if len(one.jobs) > 1 else one.score


def _ends(one: Setting) -> tuple[float, float]:
    """Mean minus and plus the spread."""
    mean, spread = one.mean or 0.0, one.spread or 0.0
    return mean - spread, mean + spread


def _axis(values: Sequence[str]) -> _Axis:
    """Numbers on a scale, over several orders of magnitude on a logarithmic one; words one below the other."""
    numbers = [parsed for value in values if (parsed := score_of(value)) is not None]
    if len(numbers) < len(values):
        at = {value: float(len(values) - index) for index, value in enumerate(values)}
        labels = dict(zip(at.values(), _labels(values), strict=True))
        ticks = tuple(map(float, range(len(values) + 2)))
        return _Axis(at, ticks, lambda tick: labels.get(tick, ""), words=True)
    low, high = min(numbers), max(numbers)
    if low <= 0 or high / low < _LOG_RATIO:
        return _Axis(dict(zip(values, numbers, strict=True)), nice_ticks(low, high), _number)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = math.ceil((last - first) / _MOST_TICKS)
    return _Axis(
        {value: math.log10(one) for value, one in zip(values, numbers, strict=True)},
        tuple(map(float, range(first, last + step, step))),
        lambda tick: _number(10**tick),
    )


def _number(value: float) -> str:
    return f"{value:.10g}"


def _labels(values: Sequence[str]) -> list[str]:
    """Values as labels: of a long one, the part in which it differs from the others, with what stands before it."""
    start = _shared(values)
    end = _shared([value[start:][::-1] for value in values])
    return [_short(value, start, len(value) - end) for value in map(printable, values)]


def _shared(values: Sequence[str]) -> int:
    """How many characters all begin with."""
    return len(list(takewhile(lambda found: len(set(found)) == 1, zip(*values, strict=False))))


def _short(value: str, start: int, end: int) -> str:
    """At most fourteen characters of a value: around those from start to end, or its two ends when these are more."""
    if len(value) <= _LONGEST_LABEL:
        return value
    if end - start > _LONGEST_LABEL - 2:
        half = _LONGEST_LABEL // 2
        return f"{value[: half - 1]}…{value[-half:]}"
    first = max(0, end - _LONGEST_LABEL + 2)
    return f"{'…' if first else ''}{value[first:end]}{'…' if end < len(value) else ''}"
