"""The documented fields of `--json` outputs, and whether an output keeps to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "json.md"
SUBMISSION = "A submission"
FAILURE = "A failure"
_TYPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "true or false": lambda value: isinstance(value, bool),
    "any": lambda _: True,
}


@cache
def documented() -> dict[str, dict[str, str]]:
    """By command (with `--fix` and the like): field to type, as the page says."""
    found: dict[str, dict[str, str]] = {}
    names: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            names = line[3:].split(", ")
            found |= {name: {} for name in names}
        elif row := re.fullmatch(r"\| `(.+?)` \| (.+?) \| (.+?) \|", line):
            for name in names:
                found[name][row[1]] = row[2]
    return found


def command_of(words: Sequence[str]) -> str:
    """Which of the documented outputs a command line asks for."""
    name = words[0]
    for word in words[1:]:
        if f"{name} {word}" in documented():
            return f"{name} {word}"
    return name


def problems(command: str, value: object) -> list[str]:
    """What an output has that is not documented, or lacks, or has of another type."""
    return list(_compare(documented()[command], value, ""))


def check(words: Sequence[str], output: str) -> None:
    """Raise AssertionError when the output of a command line is not as documented."""
    value = json.loads(output)
    command = FAILURE if isinstance(value, dict) and "error" in value else command_of(words)
    assert command in documented(), f"{PAGE.name} does not document {command} --json"
    found = problems(command, value)
    assert not found, f"{' '.join(words)}: {'; '.join(found)} ({PAGE.name})"


def _compare(fields: dict[str, str], value: object, at: str) -> list[str]:
    """Compare one level; `fields` are relative to it."""
    if "" in fields:
        return _typed(fields[""], value, at)
    if any(name.startswith("[]") for name in fields):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        inner = {name[2:].removeprefix("."): kind for name, kind in fields.items()}
        return [
            problem for number, one in enumerate(value) for problem in _compare(inner, one, f"{at}[{number}]")
        ]
    if not isinstance(value, dict):
        return [] if value is None and at == "submitted" else [f"{at or 'the output'} is no object"]
    if any(name == "*" or name.startswith(("*.", "*[")) for name in fields):
        inner = {name[1:].removeprefix("."): kind for name, kind in fields.items()}
        return [problem for name, one in value.items() for problem in _compare(inner, one, f"{at}.{name}")]
    groups: dict[str, dict[str, str]] = {}
    for name, kind in fields.items():
        first = next((known for known in value if name == known), None) or re.split(r"[.\[]", name)[0]
        groups.setdefault(first, {})[name[len(first) :].removeprefix(".")] = kind
    found = [f"{at}.{name} is not documented" for name in value if name not in groups]
    for name, inner in groups.items():
        place = f"{at}.{name}".lstrip(".")
        found += _compare(inner, value[name], place) if name in value else [f"{place} is missing"]
    return found


def _typed(kind: str, value: object, at: str) -> list[str]:
    if kind.endswith(" or null"):
        if value is None:
            return []
        kind = kind.removesuffix(" or null")
    if kind == "submission":
        return _compare(documented()[SUBMISSION], value, at)
    return [] if _TYPES[kind](value) else [f"{at} is {type(value).__name__}, not {kind}"]
