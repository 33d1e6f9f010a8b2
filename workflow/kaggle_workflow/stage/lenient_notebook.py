"""Notebooks that papermill runs though they break the format: Colab, coding agents and other tools write them so.

papermill reads without validating (nbformat.reads, then its own upgrade), so Kaggle would run them. What goes out is made valid here.
"""

from __future__ import annotations

import re
from typing import Any

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_KINDS = ("code", "markdown", "raw")
_KEYS = ("cells", "metadata", "nbformat", "nbformat_minor")
_MAJOR, _MINOR = 4, 5
# Of a cell's metadata what the format gives a type.
_BOOLEANS = ("collapsed", "trusted")


def made_valid(value: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A notebook in format 4.5 with the same cells, and what was changed, as sentences.

    Args:
        value: the notebook's JSON; it is not changed.

    Raises:
        ValueError: it has no cells, or a cell is none; the message names it.
    """
    if not isinstance(value, dict) or not isinstance(value.get("cells"), list):
        raise ValueError("it has no list of cells")  # noqa: TRY004 - what a file holds is a value
    said: list[str] = []
    extra = sorted(set(value) - set(_KEYS))
    if extra:
        said.append(f"{', '.join(extra)} at the top is no part of a notebook and is left out")
    if value.get("nbformat") != _MAJOR or not isinstance(value.get("nbformat_minor"), int):
        said.append(f"its format is {value.get('nbformat')}.{value.get('nbformat_minor')} and is sent as 4.5")
    seen: set[str] = set()
    cells = [_cell(cell, number, seen, said) for number, cell in enumerate(value["cells"], 1)]
    metadata = _metadata(value.get("metadata"), said)
    return {"cells": cells, "metadata": metadata, "nbformat": _MAJOR, "nbformat_minor": _MINOR}, tuple(said)


def _cell(cell: Any, number: int, seen: set[str], said: list[str]) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise ValueError(f"cell {number} is {type(cell).__name__}, not an object")  # noqa: TRY004 - as above
    kind, source = cell.get("cell_type"), _source(cell.get("source"), number, said)
    if kind == "heading":
        # A kind of notebook format 3.
        level = cell.get("level")
        marks = "#" * max(1, min(level, 6)) if isinstance(level, int) else "#"
        kind, source = "markdown", f"{marks} {source}"
        said.append(f"cell {number} is a heading of the old format and is sent as markdown")
    if kind not in _KINDS:
        raise ValueError(f"cell {number} has the cell_type {kind!r}: write code, markdown or raw")
    made = {"cell_type": kind, "id": _id(cell.get("id"), number, seen, said), "source": source}
    made["metadata"] = _cell_metadata(cell.get("metadata"), number, said)
    if kind == "code":
        # Whatever was run before is not sent.
        made |= {"execution_count": None, "outputs": []}
        if "outputs" not in cell:
            said.append(f"cell {number} has no outputs and gets an empty list")
    elif {"outputs", "execution_count"} & set(cell):
        said.append(f"cell {number} is {kind} and has outputs, which are left out")
    return made


def _source(source: Any, number: int, said: list[str]) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    said.append(f"cell {number} has no text as its source and is sent empty")
    return ""


def _id(given: Any, number: int, seen: set[str], said: list[str]) -> str:
    if isinstance(given, str) and _ID.match(given) and given not in seen:
        seen.add(given)
        return given
    if given is not None:
        said.append(
            f"cell {number} has the id {str(given)[:20]!r}, which the format does not allow: it gets another"
        )
    made = next(name for count in range(len(seen) + 1) if (name := f"cell-{number}-{count}") not in seen)
    seen.add(made)
    return made


def _cell_metadata(metadata: Any, number: int, said: list[str]) -> dict[str, Any]:
    kept = dict(metadata) if isinstance(metadata, dict) else {}
    tags = kept.get("tags")
    if isinstance(tags, str):
        kept["tags"] = [tags]
        said.append(f"cell {number} has tags as one text and gets a list")
    elif tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        del kept["tags"]
        said.append(f"cell {number} has tags that are no texts: they are left out")
    for name in _BOOLEANS:
        if name in kept and not isinstance(kept[name], bool):
            del kept[name]
    return kept


def _metadata(metadata: Any, said: list[str]) -> dict[str, Any]:
    kept = (
        {name: value for name, value in metadata.items() if value is not None}
        if isinstance(metadata, dict)
        else {}
    )
    kernel = kept.get("kernelspec")
    if kernel is not None and not (isinstance(kernel, dict) and {"name", "display_name"} <= set(kernel)):
        name = str(kernel.get("name") or "python3") if isinstance(kernel, dict) else "python3"
        kept["kernelspec"] = {"name": name, "display_name": "Python 3", "language": "python"}
        said.append("its kernelspec is not whole and is completed")
    language = kept.get("language_info")
    if language is not None and not (isinstance(language, dict) and isinstance(language.get("name"), str)):
        del kept["language_info"]
        said.append("its language_info names no language and is left out")
    for name in ("authors", "title", "orig_nbformat"):
        kept.pop(name, None)
    return kept
