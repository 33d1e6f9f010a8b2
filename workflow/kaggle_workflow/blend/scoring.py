"""`python -m kaggle_workflow.blend.scoring`: score a blend with the user's metric, which runs in this process of its own.

It reads what to do as JSON from standard input (see `fit.py`) and needs pandas, and scipy for a fit.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kaggle_shim import averaging

MARK = "blend score: "
MISSING = "not installed: "
OTHER_ROWS = "other rows: "
_DIGITS = 4


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The weights that were given, or fitted ones, and the score with them."""
    import pandas as pd

    tables = [averaging.read(Path(path), Path(path).stem, asked["targets"]) for path in asked["files"]]
    tables = [averaging.aligned(table, tables[0]) for table in tables]
    read = pd.read_parquet if asked["truth"].endswith(".parquet") else pd.read_csv
    solution, given = read(asked["truth"]), pd.read_csv(asked["files"][0])
    module, _, function = asked["metric"].partition(":")
    metric = getattr(importlib.import_module(module), function or "score")

    def score(weights: Sequence[float]) -> float:
        columns = averaging.combine(tables, weights, asked["how"])
        blended = given.assign(**{name: list(values) for name, values in columns.items()})
        return float(metric(solution.copy(), _in_order(blended, solution), solution.columns[0]))

    weights = asked["weights"]
    if weights is None:
        sign = -1.0 if asked["better"] == "higher" else 1.0
        weights = _fitted(lambda weights: sign * score(weights), len(tables))
    return {"weights": weights, "score": score(weights)}


def _in_order(blended: Any, solution: Any) -> Any:
    """The blend with its rows in the truth's order, where the truth's first column identifies them; raises ValueError when ids differ."""
    ids = solution.columns[0]
    if ids not in blended or not (blended[ids].is_unique and solution[ids].is_unique):
        return blended
    if set(blended[ids]) != set(solution[ids]):
        raise ValueError(f"{OTHER_ROWS}the values of {ids} in oof.csv and in the truth differ")
    return blended.set_index(ids, drop=False).loc[solution[ids]].reset_index(drop=True)


def _fitted(loss: Callable[[Sequence[float]], float], count: int) -> list[float]:
    """The best weights: those of scipy's COBYLA, which needs no slope (rank metrics have none), or an equal or single weight."""
    from scipy import optimize

    equal = [1 / count] * count

    def inside(weights: Sequence[float]) -> list[float]:
        kept = [max(0.0, float(weight)) for weight in weights]
        total = sum(kept)
        return [round(weight / total, _DIGITS) for weight in kept] if total > 0 else equal

    found = optimize.minimize(
        lambda weights: loss(inside(weights)),
        equal,
        method="COBYLA",
        constraints=[{"type": "ineq", "fun": lambda weights, at=at: weights[at]} for at in range(count)],
        options={"rhobeg": 0.2, "maxiter": 60 * count},
    )
    single = [[float(place == other) for other in range(count)] for place in range(count)]
    return min([equal, *single, inside(found.x)], key=loss)


if __name__ == "__main__":
    try:
        # What the metric prints must not be taken for the answer.
        with contextlib.redirect_stdout(sys.stderr):
            answer = _answer(json.load(sys.stdin))
    except ModuleNotFoundError as missing:
        sys.exit(f"{MISSING}{missing.name}" if missing.name in ("pandas", "scipy") else str(missing))
    except ValueError as error:
        sys.exit(str(error))
    print(MARK + json.dumps(answer))
