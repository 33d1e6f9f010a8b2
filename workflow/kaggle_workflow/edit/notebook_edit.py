"""The smallest edit of a notebook file: cells get another source or go, every other character stays."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook file: its place in the text, its kind and its source as one text."""

    span: slice
    kind: str
    source: str


def cells(text: str) -> tuple[Cell, ...]:
    """The cells of a notebook's text; raises WorkflowError when it can't be read as one."""
    places = json_edit.members(text)
    if "cells" not in places:
        raise WorkflowError("The file has no cells. Open it in Jupyter and save it.")
    found = []
    for span in json_edit.items(text, places["cells"], "cells"):
        value: Any = json.loads(text[span])
        if not isinstance(value, dict) or "source" not in value:
            raise WorkflowError("The file has a cell without a source. Open it in Jupyter and save it.")
        found.append(Cell(span, str(value.get("cell_type")), "".join(value["source"])))
    return tuple(found)


def replace(text: str, new: Mapping[int, str | None]) -> str:
    """The notebook's text with other sources for some cells, by number from 0; None removes a cell.

    A changed cell loses its outputs: they are those of another source.
    """
    for number in sorted(new, reverse=True):
        spans = [cell.span for cell in cells(text)]
        span, source = spans[number], new[number]
        if source is not None:
            text = json_edit.replace(text, span, _with_source(text[span], source))
        elif number + 1 < len(spans):
            text = text[: span.start] + text[spans[number + 1].start :]
        else:
            text = text[: spans[number - 1].stop if number else span.start] + text[span.stop :]
    return text


def _with_source(cell: str, source: str) -> str:
    places = json_edit.members(cell)
    written = {"source": _written(cell[places["source"]], source), "outputs": "[]", "execution_count": "null"}
    for key in sorted(written.keys() & places.keys(), key=lambda key: places[key].start, reverse=True):
        cell = json_edit.replace(cell, places[key], written[key])
    return cell


def _written(old: str, source: str) -> str:
    """A source in the form of the old one: one text, or a list of lines indented as before."""
    if not old.startswith("["):
        return json.dumps(source, ensure_ascii=False)
    lines = [json.dumps(line, ensure_ascii=False) for line in source.splitlines(keepends=True)]
    lead, tail = (match[1] if (match := re.search(one, old)) else "" for one in (r"\A\[(\s*)", r"(\s*)\]\Z"))
    between = f",{lead}" if lead else ", "
    return f"[{lead}{between.join(lines)}{tail}]" if lines else "[]"
