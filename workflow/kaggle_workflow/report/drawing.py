"""Draw a chart as SVG that keeps its text size at any width: positions are percentages of the plot, distances are pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from kaggle_workflow.report.charts import Chart, Series

_CROWD = 120
_HEIGHT = 300
_RIGHT = 28
_LINE = 20
# The widest digit of the fonts that the page asks for, at its 13 px.
_DIGIT = 8.3

Place = Callable[[float], str]


def draw(chart: Chart) -> str:
    """The chart in a box whose padding holds the labels outside the plot; the chart has at least one point."""
    across, up = _scale(chart.x_ticks), _scale(chart.y_ticks, downwards=True)
    y_labels = [chart.y_text(tick) for tick in chart.y_ticks]
    x_labels = [chart.x_text(tick).split("\n") for tick in chart.x_ticks]
    left = round(_DIGIT * max(map(len, y_labels))) + 14
    below = _LINE * (max(map(len, x_labels)) + 1) + 6
    legend = [one for one in chart.series if len(chart.series) > 1]
    above = _LINE * len(legend) + 32
    marks = [
        *(_across(up(tick), label) for tick, label in zip(chart.y_ticks, y_labels, strict=True)),
        *(
            _down(across(tick), lines, index)
            for index, (tick, lines) in enumerate(zip(chart.x_ticks, x_labels, strict=True))
        ),
        '<line class="axis" x2="100%" y1="100%" y2="100%"/><line class="axis" y2="100%"/>',
        f'<text x="{-left}" y="-12">{escape(chart.y_title)}</text>',
        f'<text class="middle" x="50%" y="100%" dy="{below - 4}">{escape(chart.x_title)}</text>',
        *(_legend(one, -left, index * _LINE - above + 14) for index, one in enumerate(legend)),
    ]
    # Dots last: a line must not cover what can be pointed at.
    shapes = [
        _line(one, across, up) if one.line else _dots(one, across, up)
        for one in sorted(chart.series, key=lambda one: not one.line)
    ]
    return (
        f'<div class="chart" style="padding:{above}px {_RIGHT}px {below + 4}px {left}px">'
        f'<svg width="100%" height="{max(_HEIGHT, _LINE * len(y_labels))}" role="img" aria-label="{escape(chart.title)}">'
        f'<g aria-hidden="true">{"".join(marks)}</g>{"".join(shapes)}</svg></div>'
    )


def _scale(ticks: Sequence[float], *, downwards: bool = False) -> Place:
    """Where a value lies between the first and the last tick, in percent."""
    low, high = ticks[0], ticks[-1]

    def place(value: float) -> str:
        share = 100 * (value - low) / (high - low)
        return f"{100 - share if downwards else share:.2f}"

    return place


def _across(y: str, label: str) -> str:
    return f'<line class="grid" x2="100%" y1="{y}%" y2="{y}%"/><text class="end" x="-8" y="{y}%" dy="4">{escape(label)}</text>'


def _down(x: str, lines: Sequence[str], index: int) -> str:
    """One mark of the x axis; a narrow page shows the label of every second one."""
    words = "".join(
        f'<text class="middle" x="{x}%" y="100%" dy="{_LINE + 16 * row}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    return f'<g class="tick{" odd" if index % 2 else ""}"><line class="grid" x1="{x}%" x2="{x}%" y2="100%"/>{words}</g>'


def _legend(one: Series, x: int, y: int) -> str:
    shape = (
        f'<line class="{one.kind}" x1="{x}" x2="{x + 14}" y1="{y - 4}" y2="{y - 4}"/>'
        if one.line
        else _dot(one.kind, str(x + 7), str(y - 4), 5)
    )
    return f'{shape}<text x="{x + 22}" y="{y}">{escape(one.title)}</text>'


def _line(one: Series, across: Place, up: Place) -> str:
    points = " ".join(f"{across(x)},{up(y)}" for x, y in one.points)
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" overflow="visible">'
        f'<polyline class="{one.kind}" points="{points}" vector-effect="non-scaling-stroke"/></svg>'
    )


def _dots(one: Series, across: Place, up: Place) -> str:
    radius = 3 if len(one.points) > _CROWD else 5
    bars = "".join(
        f'<line class="bar" x1="{across(x)}%" x2="{across(end_x)}%" y1="{up(y)}%" y2="{up(end_y)}%"/>'
        for (x, y), (end_x, end_y) in one.bars
    )
    return bars + "".join(
        _dot(one.kind, f"{across(x)}%", f"{up(y)}%", radius, ref, tip)
        for (x, y), ref, tip in zip(one.points, one.refs, one.tips, strict=True)
    )


def _dot(kind: str, x: str, y: str, radius: int, ref: str = "", tip: str = "") -> str:
    """A circle for a public score, a square for everything else: the colour is not the only difference."""
    about = f' data-ref="{escape(ref)}"><title>{escape(tip)}</title>' if ref else ">"
    if kind == "public":
        return f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}"{about}</circle>'
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{2 * radius - 1}" height="{2 * radius - 1}"{about}</rect>'
