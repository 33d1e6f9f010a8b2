"""Read the single values of a ledger's line; each function raises ValueError for anything else."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


def text(value: object) -> str:
    """A text; half of a surrogate pair is replaced."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")  # noqa: TRY004 - one kind of error for a line that can't be read
    # JSON may contain half a surrogate pair, which can't be written to a terminal or a file.
    return value if value.isprintable() else value.encode("utf-8", "replace").decode("utf-8")


def number(value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def count(value: object) -> int:
    """A number that counts."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 - as above
    return value


def moment(value: object) -> datetime:
    """A time with its time zone, in UTC."""
    at = datetime.fromisoformat(text(value))
    if at.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return at.astimezone(UTC)


def list_of(parse: Callable[[object], Any]) -> Callable[[object], tuple[Any, ...]]:
    """A function that reads a list of what `parse` reads."""

    def parsed(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")  # noqa: TRY004 - as above
        return tuple(parse(one) for one in value)

    return parsed


def mapping_of(parse: Callable[[object], Any]) -> Callable[[object], dict[str, Any]]:
    """A function that reads an object whose values `parse` reads."""

    def parsed(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is not an object")  # noqa: TRY004 - as above
        return {text(name): parse(one) for name, one in value.items()}

    return parsed
