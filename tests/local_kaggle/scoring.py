"""Scores a submission file with the competition's metric."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from tests.local_kaggle.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local_kaggle.competition import Competition
    from tests.local_kaggle.records import Submission

Frame: TypeAlias = Any
"""A pandas DataFrame; pandas is imported when something is scored."""

Metric = Callable[[Frame, Frame, str], float]
"""`score(solution, submission, row_id_column_name)`, the signature of Kaggle's own metric notebooks.

Both are data frames, rows in the solution's order and the row id kept; for a file that is neither CSV nor Parquet
both are paths.
"""


def _accuracy(solution: Frame, submission: Frame, row_id: str) -> float:
    columns = [c for c in solution.columns if c != row_id]
    return float((solution[columns].to_numpy() == submission[columns].to_numpy()).mean())


def _rmse(solution: Frame, submission: Frame, row_id: str) -> float:
    columns = [c for c in solution.columns if c != row_id]
    difference = solution[columns].to_numpy(dtype=float) - submission[columns].to_numpy(dtype=float)
    return float((difference**2).mean() ** 0.5)


def _exact_match(solution: Frame, submission: Frame, row_id: str) -> float:
    columns = [c for c in solution.columns if c != row_id]
    return float((solution[columns].to_numpy() == submission[columns].to_numpy()).all())


BUILTIN: dict[str, Metric] = {"accuracy": _accuracy, "rmse": _rmse, "exact-match": _exact_match}


class UnscorableError(Exception):
    """The submission does not fit the solution; the sentence is for the competitor."""


def find_metric(name: str, folder: Path) -> Metric:
    """The metric of that name: built in, `file.py:function` beside competition.json, or `package.module:function`.

    Raises:
        SetupError: There is none.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    place, _, function = name.partition(":")
    if place.endswith(".py") and (folder / place).is_file():
        spec = importlib.util.spec_from_file_location(
            f"metric_of_{folder.name}".replace("-", "_"), folder / place
        )
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return cast("Metric", getattr(module, function))
    elif function:
        return cast("Metric", getattr(importlib.import_module(place), function))
    raise SetupError(
        f"There is no metric {name!r}; use {', '.join(BUILTIN)}, file.py:function or module:function."
    )


def score_submission(competition: Competition, folder: Path, file: Path, submission: Submission) -> None:
    """Fills in the scores, or status ERROR with the class of failure that Kaggle shows.

    A solution may have the column `Usage` with Public and Private, Kaggle's convention; without it all rows count
    for both scores.
    """
    try:
        public, private = _scores(find_metric(competition.metric, folder), competition, folder, file)
    except Exception as error:  # noqa: BLE001  # whatever a metric raises is one and the same class of failure
        visible = (
            isinstance(error, UnscorableError | SetupError)
            or type(error).__name__ == "ParticipantVisibleError"
        )
        submission.error_description = (
            f"Submission Scoring Error: {error}" if visible else "Submission Scoring Error"
        )
        submission.status = "ERROR"
        return
    submission.public_score, submission.private_score = f"{public:.5f}", f"{private:.5f}"
    submission.status = "COMPLETE"  # last: whoever polls and sees it sees the scores too


def _scores(metric: Metric, competition: Competition, folder: Path, file: Path) -> tuple[float, float]:
    solution_file = next(
        (folder / n for n in ("solution.csv", "solution.parquet") if (folder / n).exists()), None
    )
    row_id = competition.row_id
    submission = _read(file)
    if submission is None or solution_file is None:
        others = [path for path in folder.glob("solution.*") if path.is_file()]
        value = float(metric(others[0] if others else None, file, row_id))
        return value, value
    solution = _read(solution_file)
    usage = solution.pop("Usage") if "Usage" in solution.columns else None
    missing = [column for column in solution.columns if column not in submission.columns]
    if missing:
        raise UnscorableError(f"the submission lacks the column {missing[0]}")
    if submission[row_id].duplicated().any() or set(submission[row_id]) != set(solution[row_id]):
        raise UnscorableError(f"the submission's {row_id} values are not those of the solution")
    ordered = submission.set_index(row_id).loc[solution[row_id]].reset_index()
    if usage is None:
        value = float(metric(solution, ordered, row_id))
        return value, value
    parts = []
    for name in ("Public", "Private"):
        rows = (usage == name).to_numpy()
        parts.append(
            float(metric(solution[rows].reset_index(drop=True), ordered[rows].reset_index(drop=True), row_id))
        )
    return parts[0], parts[1]


def _read(file: Path) -> Frame:
    """A table; None for a file that is none."""
    import pandas as pd  # half a second that only scoring needs

    if file.suffix == ".csv":
        return pd.read_csv(file)
    return pd.read_parquet(file) if file.suffix == ".parquet" else None
