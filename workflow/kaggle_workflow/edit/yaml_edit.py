"""The smallest edit of a settings file: one value changes, every other byte stays as it is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
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
