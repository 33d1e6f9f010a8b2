"""Notebooks that are plainly valid, read without nbformat: its import and its schemas take longer than a push that sends nothing.

What is accepted here is what nbformat accepts, and the same value; whatever is less than plain is left to nbformat.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MAJOR = 4
_NEWEST_MINOR = 5
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KEYS = {
    "code": {"cell_type", "metadata", "source", "execution_count", "outputs"},
    "markdown": {"cell_type", "metadata", "source"},
    "raw": {"cell_type", "metadata", "source"},
}
# Metadata of which the format says what it must look like, or that nbformat takes out.
_TYPED = {"authors", "orig_nbformat", "orig_nbformat_minor", "signature", "title"}
_TYPED_OF_CELLS = {
    "collapsed",
    "execution",
    "format",
    "jupyter",
    "name",
    "outputs_hidden",
    "scrolled",
    "source_hidden",
    "tags",
    "trusted",
}
_TEXTS_OF_LANGUAGE = ("file_extension", "mimetype", "pygments_lexer")


def node_of(value: object) -> dict[str, Any] | None:
    """A notebook without outputs, as nbformat would read it.

    Args:
        value: the notebook's JSON, its outputs emptied.

    Returns:
        Its value, each source as one text; None when nbformat has to decide.
    """
    if not isinstance(value, dict) or set(value) != {"cells", "metadata", "nbformat", "nbformat_minor"}:
        return None
    minor, cells = value["nbformat_minor"], value["cells"]
    if value["nbformat"] != _MAJOR or type(minor) is not int or not 0 <= minor <= _NEWEST_MINOR:
        return None
    if not _is_plain_metadata(value["metadata"]) or not isinstance(cells, list):
        return None
    named = minor == _NEWEST_MINOR
    if not all(_is_plain_cell(cell, named=named) for cell in cells):
        return None
    if named and len({cell["id"] for cell in cells}) < len(cells):
        return None
    return {**value, "cells": [{**cell, "source": _joined(cell["source"])} for cell in cells]}


def _is_plain_metadata(value: object) -> bool:
    if not isinstance(value, dict) or _TYPED & set(value):
        return False
    kernel, language = value.get("kernelspec", {}), value.get("language_info", {})
    if not isinstance(kernel, dict) or not isinstance(language, dict):
        return False
    return (
        ("kernelspec" not in value or _has_texts(kernel, ("name", "display_name")))
        and ("language_info" not in value or _has_texts(language, ("name",)))
        and isinstance(language.get("codemirror_mode", ""), str | dict)
        and all(isinstance(language.get(key, ""), str) for key in _TEXTS_OF_LANGUAGE)
    )


def _has_texts(value: Mapping[str, object], keys: tuple[str, ...]) -> bool:
    return all(isinstance(value.get(key), str) for key in keys)


def _is_plain_cell(cell: object, *, named: bool) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    wanted = _KEYS.get(cell["cell_type"])
    if wanted is None or set(cell) != (wanted | {"id"} if named else wanted):
        return False
    if named and not (isinstance(cell["id"], str) and _ID.fullmatch(cell["id"])):
        return False
    if not isinstance(cell["metadata"], dict) or _TYPED_OF_CELLS & set(cell["metadata"]):
        return False
    source = cell["source"]
    if not isinstance(source, str) and not (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    ):
        return False
    return cell["cell_type"] != "code" or (cell["outputs"] == [] and _is_count(cell["execution_count"]))


def _is_count(value: object) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
