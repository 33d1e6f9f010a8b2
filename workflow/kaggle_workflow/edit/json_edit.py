"""The smallest edit of a JSON file that a person wrote: one value or one item of a list, all other characters as they were."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_bytes

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_BOM = "\ufeff"


@dataclass(frozen=True)
class Span:
    """A value in a text, from `start` up to `end`."""

    start: int
    end: int


def set_item(text: str, key: str, old: str | None, new: str) -> str:
    """Replace an item of a top-level list of texts, or append one.

    Args:
        text: a JSON object.
        key: name of the list; made when it is not there.
        old: the item to replace, None to append.
        new: what takes its place.

    Raises:
        WorkflowError: the text is no JSON object, the key holds no list, or `old` is not in it.
    """
    places, closing = members(text)
    item = json.dumps(new, ensure_ascii=False)
    if key not in places:
        indent, end = _indent(text, places), _line_end(text)
        value = f"[{end}{indent * 2}{item}{end}{indent}]" if indent else f"[{item}]"
        return _add_member(text, places, closing, key, value)
    there = items(text, places[key], key)
    if old is not None:
        place = next((span for span in there if json.loads(text[span.start : span.end]) == old), None)
        if place is None:
            raise WorkflowError(f"{key} does not hold {old}: it was changed meanwhile, run this again.")
        return text[: place.start] + item + text[place.end :]
    span = places[key]
    if not there:
        indent = _indent(text, places)
        end = _line_end(text)
        inside = f"[{end}{indent * 2}{item}{end}{indent}]" if indent else f"[{item}]"
        return text[: span.start] + inside + text[span.end :]
    lead = (
        text[span.start + 1 : there[0].start]
        if len(there) == 1
        else text[there[0].end : there[1].start].partition(",")[2]
    )
    if len(there) == 1 and "\n" not in lead:
        lead = " "
    return text[: there[-1].end] + "," + lead + item + text[there[-1].end :]


def set_value(text: str, key: str, value: object) -> str:
    """Give a top-level key of a JSON object another value, or add it at the end; raises WorkflowError like `set_item`."""
    places, closing = members(text)
    written = json.dumps(value, ensure_ascii=False)
    if key not in places:
        return _add_member(text, places, closing, key, written)
    return text[: places[key].start] + written + text[places[key].end :]


def edit_file(path: Path, key: str, old: str | None, new: str) -> None:
    """`set_item` in a file, by a temporary file beside it; byte order mark and line ends stay."""
    text = path.read_bytes().decode("utf-8")
    mark, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    write_bytes(path, (mark + set_item(body, key, old, new)).encode("utf-8"))


def members(text: str) -> tuple[dict[str, Span], int]:
    """Places of the values of a top-level object, by key, and the place of its closing brace; raises WorkflowError."""
    found: dict[str, Span] = {}
    at = _skip(text, 0)
    if at >= len(text) or text[at] != "{":
        raise WorkflowError("The file is no JSON object: correct its first line.")
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        name, at = _decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise WorkflowError(f"The file is not JSON behind {name!r}: correct that line.")
        start = _skip(text, at + 1)
        _, end = _decode(text, start)
        found[str(name)] = Span(start, end)
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise WorkflowError(f"The file is not JSON behind the value of {name!r}: correct that line.")
    return found, at


def items(text: str, span: Span, key: str) -> list[Span]:
    """Places of the items of a list; raises WorkflowError when the value is none."""
    if text[span.start] != "[":
        raise WorkflowError(f"{key} must be a list: write [] in its place.")
    found = []
    at = _skip(text, span.start + 1)
    while text[at] != "]":
        _, end = _decode(text, at)
        found.append(Span(at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _add_member(text: str, places: dict[str, Span], closing: int, key: str, value: str) -> str:
    indent, end = _indent(text, places), _line_end(text)
    member = f"{json.dumps(key)}: {value}"
    if not places:
        return f"{text[:closing].rstrip()}{member}{text[closing:]}"
    last = max(span.end for span in places.values())
    lead = f",{end}{indent}" if indent else ", "
    return text[:last] + lead + member + text[last:]


def _indent(text: str, places: dict[str, Span]) -> str:
    """What stands before the first key on its line, "" when the object is on one line."""
    if not places:
        return ""
    match = re.match(r"\s*\{[ \t]*\r?\n(?P<indent>[ \t]+)", text)
    return match["indent"] if match else ""


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _decode(text: str, at: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except ValueError as error:
        raise WorkflowError(f"The file is not JSON ({error}): correct it.") from error
