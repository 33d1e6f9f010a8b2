"""What a single setting may say: each function turns a value of YAML, or the text of a variable, into ours.

All take the value and how a sentence names its place, and raise WorkflowError for anything else.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable

from kaggle_workflow.errors import WorkflowError

_DURATION = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?\Z")


def duration(value: object, where: str) -> float:
    """Seconds of a time such as `9h`, `1h30m` or `45s`; raises WorkflowError."""
    text = str(value).strip().lower()
    match = _DURATION.match(text)
    if isinstance(value, bool) or not text or match is None:
        raise WorkflowError(f"{where} is {value!r}: write a time such as 9h, 1h30m or 45s.")
    parts = match.groupdict(default="0")
    return float(parts["h"]) * 3600 + float(parts["m"]) * 60 + float(parts["s"])


def text(value: object, where: str) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise WorkflowError(f"{where} is {value!r}: write a text, in quotes if it looks like a number.")
    return _passable(value.strip(), where)


def words(value: object, where: str) -> tuple[str, ...]:
    """A command line, as one text or as a list."""
    if isinstance(value, list) and all(
        isinstance(word, str | int | float) and not isinstance(word, bool) for word in value
    ):
        return tuple(_passable(str(word), where) for word in value)
    try:
        return tuple(shlex.split(text(value, where)))
    except ValueError as error:
        raise WorkflowError(f"{where} is {value!r}: a quotation mark is not closed.") from error


def names(value: object, where: str) -> tuple[str, ...]:
    """Names, as a list or with commas or spaces between them."""
    items = value if isinstance(value, list) else text(value, where).replace(",", " ").split()
    if not all(isinstance(item, str) for item in items):
        raise WorkflowError(f"{where} is {value!r}: write a list of names.")
    return tuple(items)


def variables(value: object, where: str) -> tuple[tuple[str, str], ...]:
    """Environment variables, as a mapping or as one text of NAME=value words."""
    if isinstance(value, str):
        value = dict(part.partition("=")[::2] for part in words(value, where))
    if not isinstance(value, dict) or not all(isinstance(v, str | int | float) for v in value.values()):
        raise WorkflowError(f"{where} is {value!r}: write NAME: value lines below it.")
    made = tuple((_passable(str(name), where), _passable(str(one), where)) for name, one in value.items())
    for name, _ in made:
        if not name or "=" in name:
            raise WorkflowError(
                f"{where} names a variable {name!r}, and no system has one called so: correct it."
            )
    return made


def one_of(*choices: str) -> Callable[[object, str], str]:
    """One of these words."""

    def parse(value: object, where: str) -> str:
        if value not in choices:
            raise WorkflowError(f"{where} is {value!r}: write one of {', '.join(choices)}.")
        return str(value)

    return parse


def notification(value: object, where: str) -> str:
    """`desktop`, or the address of a webhook; the error does not repeat the value, which may be a secret."""
    given = text(value, where)
    if given != "desktop" and not re.match(r"https?://[^/\s]+", given):
        raise WorkflowError(f"{where} is neither `desktop` nor an address that begins with https://.")
    return given


def number(low: float, high: float) -> Callable[[object, str], float]:
    """A number of that range, its ends included."""

    def parse(value: object, where: str) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        if isinstance(value, bool) or not low <= number <= high:
            raise WorkflowError(f"{where} is {value!r}: write a number from {low:g} to {high:g}.")
        return number

    return parse


def relative(value: object, where: str) -> str:
    """The name of a file in the working folder; an empty text where none is meant."""
    if value == "":
        return ""
    path = text(value, where)
    if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/"):
        raise WorkflowError(f"{where} is {path!r}: write a path inside the working folder.")
    return path


def _passable(word: str, where: str) -> str:
    """The text, when a program can be given it: not with a NUL character in it, nor with half of a letter."""
    try:
        os.fsencode(word)
    except UnicodeEncodeError:
        passable = False
    else:
        passable = "\0" not in word
    if not passable:
        raise WorkflowError(
            f"{where} holds a character that no program can be given, in {word!r}: take it out."
        )
    return word
