"""Pictures drawn by pygal: SVG that needs no script and no network, in the colours of the page."""

from __future__ import annotations

from typing import Any

from kaggle_workflow.ledger.history import number
from kaggle_workflow.report.pictures import Picture

_CROWD = 120
_WIDTH, _HEIGHT = 900, 420


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
