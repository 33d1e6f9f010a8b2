"""The smallest edit of a JSON file that a person wrote: one item of one list, all other characters as they were."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from workflow.errors import WorkflowError
from workflow.files import write_bytes

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_BOM = "\ufeff"


@dataclass(frozen=True)
class _Span:
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
    members, closing = _members(text)
    item = json.dumps(new, ensure_ascii=False)
    if key not in members:
        return _add_member(text, members, closing, key, item)
    items = _items(text, members[key], key)
    if old is not None:
        place = next((span for span in items if json.loads(text[span.start : span.end]) == old), None)
        if place is None:
            raise WorkflowError(f"{key} does not hold {old}: it was changed meanwhile, run this again.")
        return text[: place.start] + item + text[place.end :]
    span = members[key]
    if not items:
        indent = _indent(text, members)
        end = _line_end(text)
        inside = f"[{end}{indent * 2}{item}{end}{indent}]" if indent else f"[{item}]"
        return text[: span.start] + inside + text[span.end :]
    lead = text[span.start + 1 : items[0].start] if len(items) == 1 else text[items[0].end : items[1].start].partition(",")[2]
    if len(items) == 1 and "\n" not in lead:
        lead = " "
    return text[: items[-1].end] + "," + lead + item + text[items[-1].end :]


def edit_file(path: Path, key: str, old: str | None, new: str) -> None:
    """`set_item` in a file, by a temporary file beside it; byte order mark and line ends stay."""
    text = path.read_bytes().decode("utf-8")
    mark, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    write_bytes(path, (mark + set_item(body, key, old, new)).encode("utf-8"))


def _members(text: str) -> tuple[dict[str, _Span], int]:
    """Places of the values of a top-level object, by key, and the place of its closing brace."""
    members: dict[str, _Span] = {}
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
        members[str(name)] = _Span(start, end)
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise WorkflowError(f"The file is not JSON behind the value of {name!r}: correct that line.")
    return members, at


def _items(text: str, span: _Span, key: str) -> list[_Span]:
    if text[span.start] != "[":
        raise WorkflowError(f"{key} must be a list: write [] in its place.")
    items = []
    at = _skip(text, span.start + 1)
    while text[at] != "]":
        _, end = _decode(text, at)
        items.append(_Span(at, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return items


def _add_member(text: str, members: dict[str, _Span], closing: int, key: str, item: str) -> str:
    indent, end = _indent(text, members), _line_end(text)
    value = f"[{end}{indent * 2}{item}{end}{indent}]" if indent else f"[{item}]"
    member = f"{json.dumps(key)}: {value}"
    if not members:
        return f"{text[:closing].rstrip()}{member}{text[closing:]}"
    last = max(span.end for span in members.values())
    lead = f",{end}{indent}" if indent else ", "
    return text[:last] + lead + member + text[last:]


def _indent(text: str, members: dict[str, _Span]) -> str:
    """What stands before the first key on its line, "" when the object is on one line."""
    if not members:
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
