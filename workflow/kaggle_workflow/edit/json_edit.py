"""The smallest edit of a JSON file that a person wrote: one value or one item of a list, all other characters as they were."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_bytes

_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode
_BOM = "\ufeff"


def set_item(text: str, key: str, old: str | None, new: str) -> str:
    """Replace an item of a top-level list of texts, or append one.

    Args:
        text: a JSON object.
        key: name of the list; made when it is not there.
        old: the item to replace, None to append.
        new: what takes its place.

    Raises:
        WorkflowError: the text is not a JSON object, the key is not a list, or `old` is not in it.
    """
    places = members(text)
    item = json.dumps(new, ensure_ascii=False)
    there = items(text, places[key], key) if key in places else []
    if old is not None and key in places:
        place = next((one for one in there if json.loads(text[one]) == old), None)
        if place is None:
            raise WorkflowError(f"{key} does not have {old}: the file was changed meanwhile. Run this again.")
        return replace(text, place, item)
    if not there:
        indent, end = _indent(text), _line_end(text)
        return _set(text, places, key, f"[{end}{indent * 2}{item}{end}{indent}]" if indent else f"[{item}]")
    if len(there) > 1:
        lead = text[there[0].stop : there[1].start].partition(",")[2]
    else:
        lead = text[places[key].start + 1 : there[0].start]
        lead = lead if "\n" in lead else " "
    last = there[-1].stop
    return f"{text[:last]},{lead}{item}{text[last:]}"


def set_value(text: str, key: str, value: object) -> str:
    """Give a top-level key of a JSON object another value, or add it at the end; raises WorkflowError like `set_item`."""
    return _set(text, members(text), key, json.dumps(value, ensure_ascii=False))


def edit_file(path: Path, key: str, old: str | None, new: str) -> None:
    """`set_item` in a file, by a temporary file beside it; byte order mark and line ends stay."""
    text = path.read_bytes().decode("utf-8")
    mark = _BOM if text.startswith(_BOM) else ""
    write_bytes(path, (mark + set_item(text.removeprefix(_BOM), key, old, new)).encode("utf-8"))


def members(text: str) -> dict[str, slice]:
    """Places of the values of a JSON object, by key; raises WorkflowError when the text is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"The file is not JSON ({error}). Correct it.") from error
    if not isinstance(value, dict):
        raise WorkflowError("The file is not a JSON object. Correct its first line.")
    found: dict[str, slice] = {}
    at = _skip(text, 0)
    while value and text[at] != "}":
        # Behind the brace or the comma there is a name, then a colon, then a value.
        name, at = _decode(text, _skip(text, at + 1))
        start = _skip(text, _skip(text, at) + 1)
        found[name] = slice(start, _decode(text, start)[1])
        at = _skip(text, found[name].stop)
    return found


def items(text: str, span: slice, key: str) -> list[slice]:
    """Places of the items of a list; raises WorkflowError when the value is not one."""
    value = json.loads(text[span])
    if not isinstance(value, list):
        raise WorkflowError(f"{key} must be a list. Write [] in its place.")
    found: list[slice] = []
    at = span.start
    while value and text[at] != "]":
        start = _skip(text, at + 1)
        found.append(slice(start, _decode(text, start)[1]))
        at = _skip(text, found[-1].stop)
    return found


def replace(text: str, span: slice, value: str) -> str:
    """The text with another value at a place."""
    return text[: span.start] + value + text[span.stop :]


def _set(text: str, places: dict[str, slice], key: str, value: str) -> str:
    if key in places:
        return replace(text, places[key], value)
    member = f"{json.dumps(key)}: {value}"
    if not places:
        closing = text.rindex("}")
        return f"{text[:closing].rstrip()}{member}{text[closing:]}"
    last = max(span.stop for span in places.values())
    indent = _indent(text)
    lead = f",{_line_end(text)}{indent}" if indent else ", "
    return text[:last] + lead + member + text[last:]


def _indent(text: str) -> str:
    """What stands before the first key on its line, "" when the object is on one line."""
    match = re.match(r"\s*\{[ \t]*\r?\n(?P<indent>[ \t]+)\"", text)
    return match["indent"] if match else ""


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
