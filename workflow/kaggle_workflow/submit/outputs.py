"""How alike the predictions of submissions are, from the outputs of their save runs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import combinations, islice
from math import isfinite
from pathlib import Path
from statistics import StatisticsError, correlation, mean

from kaggle_workflow.ledger.choosing import Correlations
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.workspace import Workspace

_MOST_ROWS = 50_000
# A code competition shows a few rows of the test set: too few say nothing.
_FEWEST_ROWS = 20

_Columns = Mapping[str, Mapping[str, float]]
"""Numbers by column, and by the id in the first column."""


def place(workspace: Workspace, one: Submission) -> tuple[str, Path] | None:
    """The notebook's folder and the file to which `invoke output` downloads a submission's predictions; None if it can't be known."""
    for name in workspace.notebook_names():
        about, _ = workspace.read_notebook(name)
        if about is not None and one.notebook_version and about.id.name == one.notebook:
            folder = workspace.build / "output" / name / f"v{one.notebook_version}"
            return name, folder / workspace.settings.of(name).submission_name
    return None


def correlations(workspace: Workspace, submissions: Iterable[Submission]) -> Correlations:
    """Pearson's correlation of each two submissions whose outputs are at hand as CSV: the mean over their columns of numbers.

    Two outputs are compared if they have the same ids, each once, in their first column, and at least twenty rows.
    """
    read = {}
    for one in submissions:
        found = place(workspace, one)
        if found is not None and found[1].is_file():
            read[one.ref] = _columns(found[1])
    alike = ((frozenset(pair), _correlation(read[pair[0]], read[pair[1]])) for pair in combinations(read, 2))
    return {pair: value for pair, value in alike if value is not None}


def _columns(path: Path) -> _Columns:
    """The columns of numbers in a CSV file; none for another file."""
    found: dict[str, dict[str, float]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            names, *rows = islice(csv.reader(file), _MOST_ROWS)
    except (ValueError, csv.Error):
        return {}
    for at, name in enumerate(names[1:], 1):
        try:
            values = {row[0]: float(row[at]) for row in rows}
        except (ValueError, IndexError):
            continue
        if len(values) == len(rows) and all(map(isfinite, values.values())):
            found[name] = values
    return found


def _correlation(one: _Columns, other: _Columns) -> float | None:
    values = []
    for name in one.keys() & other.keys():
        if one[name].keys() != other[name].keys() or len(one[name]) < _FEWEST_ROWS:
            continue
        # A column that never changes has no correlation.
        with suppress(StatisticsError):
            values.append(correlation(list(one[name].values()), [other[name][row] for row in one[name]]))
    return mean(values) if values else None
