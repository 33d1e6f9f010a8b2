"""The smallest edit of a notebook file: cells get another source or go, every other character stays."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaggle_workflow.edit import json_edit
from kaggle_workflow.edit.json_edit import Span
from kaggle_workflow.errors import WorkflowError


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook file: where it stands in the text, its kind and its source as one text."""

    span: Span
    kind: str
    source: str


def cells(text: str) -> tuple[Cell, ...]:
    """The cells of a notebook's text; raises WorkflowError when it does not read as one."""
    places, _ = json_edit.members(text)
    if "cells" not in places:
        raise WorkflowError("The file holds no cells: open and save it in Jupyter.")
    found = []
    for span in json_edit.items(text, places["cells"], "cells"):
        value: Any = json.loads(text[span.start : span.end])
        if not isinstance(value, dict) or "source" not in value:
            raise WorkflowError("The file holds a cell without a source: open and save it in Jupyter.")
        source = value["source"]
        found.append(
            Cell(span, str(value.get("cell_type")), source if isinstance(source, str) else "".join(source))
        )
    return tuple(found)


def replace(text: str, new: Mapping[int, str | None]) -> str:
    """The notebook's text with other sources for some cells, by number from 0; None removes a cell.

    A changed cell loses its outputs: they are those of another source.
    """
    listed = cells(text)
    for number in sorted(new, reverse=True):
        span, source = listed[number].span, new[number]
        if source is not None:
            text = text[: span.start] + _with_source(text[span.start : span.end], source) + text[span.end :]
        elif number + 1 < len(listed):
            text = text[: span.start] + text[listed[number + 1].span.start :]
        else:
            text = text[: listed[number - 1].span.end if number else span.start] + text[span.end :]
        listed = cells(text)
    return text


def _with_source(cell: str, source: str) -> str:
    places, _ = json_edit.members(cell)
    changes = [(places["source"], _written(cell, places["source"], source))]
    if "outputs" in places:
        changes.append((places["outputs"], "[]"))
    if "execution_count" in places:
        changes.append((places["execution_count"], "null"))
    for span, value in sorted(changes, key=lambda change: change[0].start, reverse=True):
        cell = cell[: span.start] + value + cell[span.end :]
    return cell


def _written(cell: str, span: Span, source: str) -> str:
    """A source in the form that the cell has: one text, or a list of lines indented as before."""
    if cell[span.start] != "[":
        return json.dumps(source, ensure_ascii=False)
    lines = [json.dumps(line, ensure_ascii=False) for line in source.splitlines(keepends=True)]
    match = re.match(r"\[(?P<lead>\s*)", cell[span.start : span.end])
    lead = match["lead"] if match else ""
    tail = re.search(r"(?P<tail>\s*)\]\Z", cell[span.start : span.end])
    between = f",{lead}" if lead else ", "
    return f"[{lead}{between.join(lines)}{tail['tail'] if tail else ''}]" if lines else "[]"
