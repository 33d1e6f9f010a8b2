"""`metrics.json`: the numbers that an entry point writes about its validation, beside its weights or into its working folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_workflow.files import read_object

FILE = "metrics.json"


@dataclass(frozen=True)
class Metrics:
    """What a `metrics.json` says (docs/reference/files.md).

    Attributes:
        cv: the validation score, None when the file has no finite number `cv`.
        folds: the score of each fold; empty when the file has no list of finite numbers `folds`.
        others: every further number, by name.
    """

    cv: float | None = None
    folds: tuple[float, ...] = ()
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def numbers(self) -> dict[str, float]:
        """All of its single numbers by name."""
        return {**({} if self.cv is None else {"cv": self.cv}), **self.others}

    @property
    def rows(self) -> int | None:
        """On how many rows the score was computed, all folds together; None when the file does not say."""
        return int(self.others["rows"]) if self.others.get("rows", 0) >= 1 else None


def read(path: Path) -> Metrics:
    """Read a `metrics.json`; one that is missing or is no JSON object has no numbers."""
    return of(read_object(path))


def of(value: Mapping[str, Any]) -> Metrics:
    """Read the object of a `metrics.json`."""
    listed = value.get("folds")
    folds = [_number(one) for one in listed] if isinstance(listed, list) else []
    complete = tuple(one for one in folds if one is not None)
    others = {
        name: _number(one)
        for name, one in value.items()
        if isinstance(one, int | float) and not isinstance(one, bool) and name not in ("cv", "folds")
    }
    return Metrics(
        _number(value.get("cv")),
        complete if len(complete) == len(folds) else (),
        {name: number for name, number in others.items() if number is not None},
    )


def _number(value: object) -> float | None:
    """A finite number, also of a text; None for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever JSON holds
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
