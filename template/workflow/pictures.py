"""The pictures of the report, drawn by pygal: SVG that needs no script and no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from workflow.durations import spell
from workflow.history import HIGHER, Order, number, printable
from workflow.history_fold import Submission

# The page gives these names their colours, once for light and once for dark.
_PUBLIC, _PRIVATE, _BEST, _FAILED, _LIMIT = (
    f"var(--{name})" for name in ("public", "private", "best", "failed", "limit")
)
_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY = 86400
_TICKS = 7
_CROWD = 120
_WIDTH, _HEIGHT = 900, 420

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


def draw(picture: Picture) -> str:
    """A picture as an SVG element for a page; raises ValueError when there is no point to draw."""
    import pygal
    from pygal.style import Style

    if not picture.series:
        raise ValueError(picture.missing)
    crowded = max(len(one.points) for one in picture.series) > _CROWD
    chart = pygal.XY(
        style=Style(
            **_STYLE, colors=tuple(one.colour for one in picture.series), opacity=".5" if crowded else ".9"
        ),
        width=_WIDTH,
        height=_HEIGHT,
        x_title=picture.x_title,
        y_title=picture.y_title,
        js=(),
        disable_xml_declaration=True,
        legend_at_bottom=True,
        legend_at_bottom_columns=1,
        legend_box_size=12,
        dots_size=3 if crowded else 5,
        show_x_guides=True,
        margin=10,
        margin_right=50,
        no_data_text=picture.missing,
        x_value_formatter=picture.x_text,
        value_formatter=number,
    )
    chart.x_labels = list(picture.x_ticks)
    chart.y_labels = list(picture.y_ticks)
    for one in picture.series:
        chart.add(
            one.title,
            list(one.points),
            stroke=one.line,
            show_dots=not one.line,
            stroke_style={"width": 2},
            allow_interruptions=False,
        )
    chart.add_xml_filter(lambda root: _finish(root, picture))
    return str(chart.render(is_unicode=True))


def nice_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from at or below low to at or above high, about six of them; a single value gets room around it."""
    if low == high:
        room = abs(low) / 10 or 1.0
        low, high = low - room, high + room
    rough = (high - low) / (_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return tuple(round(index * step, digits) for index in range(first, last + 1))


def duration_ticks(longest: float) -> tuple[float, ...]:
    """Round times from zero to at or above longest seconds."""
    step = next((one for one in _STEPS if longest / one <= _TICKS + 2), longest / _TICKS)
    return tuple(float(index * step) for index in range(math.ceil(longest / step * 1.02) + 1))


def time_ticks(first: float, last: float) -> tuple[float, ...]:
    """Midnights (UTC) around the times, or a few hours when all lie within a day or two."""
    lacking = max(0.0, 3600.0 - (last - first)) / 2
    first, last = first - lacking, last + lacking
    span = last - first
    step = next((one for one in _STEPS if span / one <= _TICKS - 1), 0) or _DAY * math.ceil(
        span / _DAY / (_TICKS - 1)
    )
    start = math.floor(first / step) * step
    return tuple(float(start + index * step) for index in range(math.ceil((last - start) / step) + 1))


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


def _finish(root: Any, picture: Picture) -> Any:
    """Take out pygal's script and its hidden numbers; give each dot its submission and a tip that browsers show by themselves."""
    import xml.etree.ElementTree as ET

    root.attrib.update({"role": "img", "aria-label": picture.title})
    parents = {child: parent for parent in root.iter() for child in parent}
    for node in list(root.iter()):
        if (
            node.tag in ("script", "desc")
            or not isinstance(node.tag, str)
            or (node.tag == "title" and parents.get(node) is root)
        ):
            parents[node].remove(node)
    for index, one in enumerate(picture.series):
        dots = [
            node
            for node in root.iter("g")
            if "dots" in node.get("class", "").split() and _in_series(node, parents, index)
        ]
        for dot, ref, tip in zip(dots, one.refs, one.tips, strict=False):
            dot.set("data-ref", ref)
            ET.SubElement(dot, "title").text = tip
    return root


def _in_series(node: Any, parents: dict[Any, Any], index: int) -> bool:
    while node in parents:
        node = parents[node]
        if f"serie-{index}" in node.get("class", "").split():
            return True
    return False


def _set(value: float | None) -> float:
    if value is None:
        raise ValueError("a submission without that value has no place in the picture")
    return value


def _date(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%b %d}" if not (moment.hour or moment.minute) else f"{moment:%b %d %H:%M}"


def _clock(seconds: float) -> str:
    return spell(seconds) if seconds else "0"


_STYLE = {
    "background": "transparent",
    "plot_background": "transparent",
    "foreground": "var(--text)",
    "foreground_strong": "var(--text)",
    "foreground_subtle": "var(--grid)",
    "guide_stroke_color": "var(--grid)",
    "major_guide_stroke_color": "var(--grid)",
    "guide_stroke_dasharray": "none",
    "major_guide_stroke_dasharray": "none",
    "stroke_width": "2.5",
    "stroke_opacity": "1",
    "opacity_hover": "1",
    "transition": "0s",
    "font_family": "inherit",
    "label_font_size": 13,
    "major_label_font_size": 13,
    "legend_font_size": 14,
    "title_font_size": 14,
}
