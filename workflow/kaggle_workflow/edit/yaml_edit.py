"""The smallest edit of a settings file: one value changes, every other byte stays as it is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from kaggle_workflow.errors import WorkflowError

_SECTION = "workspace"


def set_words(text: str, key: str, words: Sequence[str], name: str) -> str:
    """The text of a settings file with another command line for `workspace.<key>`, in the form the file has: a text or a list.

    Args:
        text: the file's text as it is, line ends included.
        key: the setting.
        words: its new words.
        name: the file's name, for the error.

    Raises:
        WorkflowError: the file is not YAML, or written in a way that can't be edited without touching more than that value.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    root = _compose(text, name)
    section = _child(root, _SECTION)
    if section is None:
        edited = f"{_ended(text, end)}{_SECTION}:{end}  {key}: {_scalar(shlex.join(words), None)}{end}"
    else:
        edited = _in_section(text, section, key, words, end)
    _verify(edited, key, words, name)
    return edited


def add_section(text: str, path: Sequence[str], values: Mapping[str, str], name: str) -> str:
    """The text of a settings file with one more section, after those beside it; what is there stays as it is.

    Args:
        text: the file's text as it is, line ends included.
        path: the keys that lead to the new section, its own last.
        values: its settings.
        name: the file's name, for the error.

    Raises:
        WorkflowError: the file is not YAML, has that section, or can't be edited without touching more.
    """
    node, keys, end = _compose(text, name), list(path), "\r\n" if "\r\n" in text else "\n"
    while keys and (inner := _child(node, keys[0])) is not None and inner.id == "mapping" and inner.value:
        node = inner
        del keys[0]
    if not keys:
        raise WorkflowError(f"{name} already has {'.'.join(path)}, which is not overwritten.")
    empty = _child(node, keys[0])
    if empty is not None:
        edited = _put(text, empty, f"{{{_flow(keys[1:], values)}}}")
    elif node is not None and node.flow_style:
        closing = node.end_mark.index - 1
        edited = f"{text[:closing]}, {_flow(keys, values)}{text[closing:]}"
    else:
        at, column = (len(text), 0) if node is None else (_stop(node), node.value[0][0].start_mark.column)
        # A block text ends after its line.
        line_end = at if text[:at].endswith("\n") else text.find("\n", at) + 1 or len(text)
        edited = f"{_ended(text[:line_end], end)}{_block(keys, values, column, end)}{text[line_end:]}"
    expected = _load(text) or {}
    section = expected
    for key in path[:-1]:
        section[key] = section.get(key) or {}
        section = section[key]
    section[path[-1]] = dict(values)
    if _load(edited) != expected:
        written = _flow(path[-1:], values)
        raise WorkflowError(
            f"{name} can't be edited without changing more than that. Write `{written}` below {'.'.join(path[:-1])} yourself."
        )
    return edited


def has_value(text: str, key: str, name: str) -> bool:
    """Whether the file sets `workspace.<key>`; raises WorkflowError when it is not YAML."""
    return _child(_child(_compose(text, name), _SECTION), key) is not None


def _in_section(text: str, section: Any, key: str, words: Sequence[str], end: str) -> str:
    old = _child(section, key)
    if old is not None and old.id == "sequence" and len(old.value) == len(words):
        for node, word in reversed(list(zip(old.value, words, strict=True))):
            if node.value != word:
                text = _put(text, node, _scalar(word, node.style))
        return text
    if old is not None and old.id == "sequence":
        # The end mark of a block list is after the comments that follow it.
        stop = old.end_mark.index if old.flow_style or not old.value else old.value[-1].end_mark.index
        listed = ", ".join(json.dumps(word) for word in words)
        return f"{text[: old.start_mark.index]}[{listed}]{text[stop:]}"
    written = shlex.join(words)
    if old is not None:
        return _put(text, old, _scalar(written, old.style))
    if section.id == "mapping" and section.value:
        first = section.value[0][0].start_mark
        between = ", " if section.flow_style else end + " " * first.column
        return f"{text[: first.index]}{key}: {_scalar(written, None)}{between}{text[first.index :]}"
    line_end = text.find("\n", section.end_mark.index)
    head, rest = (text, "") if line_end < 0 else (text[: line_end + 1], text[line_end + 1 :])
    return f"{_ended(head, end)}  {key}: {_scalar(written, None)}{end}{rest}"


def _put(text: str, node: Any, written: str) -> str:
    """The text with a scalar in place of another; an empty one (`entry:` alone) goes right after its colon."""
    start = node.start_mark.index
    space = " " if text[:start].endswith((":", "-")) else ""
    return f"{text[:start]}{space}{written}{text[node.end_mark.index :]}"


def _scalar(text: str, style: str | None) -> str:
    """A text as YAML writes it, in the quotes it had; without any, plain where that reads back as the same text."""
    if style == "'":
        return "'" + text.replace("'", "''") + "'"
    return text if style is None and _load(f"[{text}]") == [text] else json.dumps(text)


def _block(keys: Sequence[str], values: Mapping[str, str], column: int, end: str) -> str:
    lines = [f"{'  ' * depth}{_scalar(key, None)}:" for depth, key in enumerate(keys)]
    lines += [f"{'  ' * len(keys)}{key}: {_scalar(value, None)}" for key, value in values.items()]
    return "".join(f"{' ' * column}{line}{end}" for line in lines)


def _flow(keys: Sequence[str], values: Mapping[str, str]) -> str:
    inner = ", ".join(f"{key}: {_scalar(value, None)}" for key, value in values.items())
    for key in reversed(keys):
        inner = f"{_scalar(key, None)}: {{{inner}}}"
    return inner


def _stop(node: Any) -> int:
    """Where a value ends; the end mark of a block is after the comments that follow it."""
    if node.id == "scalar" or node.flow_style or not node.value:
        return int(node.end_mark.index)
    return _stop(node.value[-1][1] if node.id == "mapping" else node.value[-1])


def _load(text: str) -> Any:
    """The value of a YAML text, None when it is not YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return None


def _compose(text: str, name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        raise WorkflowError(
            f"{name} is not YAML ({getattr(error, 'problem', error)}). Correct it, then run this again."
        ) from error


def _child(node: Any, key: str) -> Any:
    if node is None or node.id != "mapping":
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else text + end


def _verify(text: str, key: str, words: Sequence[str], name: str) -> None:
    value = _load(text)
    section = value.get(_SECTION) if isinstance(value, dict) else None
    found = section.get(key) if isinstance(section, dict) else None
    if ([str(word) for word in found] if isinstance(found, list) else shlex.split(str(found))) != list(words):
        raise WorkflowError(
            f"{name} can't be edited without changing more than workspace.{key}. Write `{key}: {shlex.join(words)}` there yourself."
        )
