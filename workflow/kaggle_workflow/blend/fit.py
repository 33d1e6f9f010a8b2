"""The validation score of a blend, and weights that are fitted to it, from out-of-fold predictions."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim import averaging
from kaggle_workflow.blend.scoring import MARK, MISSING, OTHER_ROWS
from kaggle_workflow.errors import RunFailed, WorkflowError
from kaggle_workflow.workspace import CODES, Workspace

_SECONDS = 600.0


@dataclass(frozen=True)
class Fitted:
    """Weights that add up to one, and the blend's validation score with them."""

    weights: tuple[float, ...]
    score: float


def fit(
    workspace: Workspace,
    files: Sequence[Path],
    truth: Path,
    *,
    better: str | None,
    how: str,
    targets: Sequence[str],
    weights: Sequence[float] | None,
    python: str = sys.executable,
) -> Fitted:
    """Score the blend of out-of-fold predictions with `workspace.metric`, and fit the weights when none are given.

    Args:
        workspace: the workspace; the metric is a function in its `codes/`.
        files: the members' out-of-fold predictions, CSV files with the columns of a submission.
        truth: what the metric compares them with, CSV or parquet.
        better: `higher` or `lower`; only fitting needs it.
        how: how they are averaged.
        targets: the columns to average, empty for all but the first.
        weights: the members' weights, None to fit them.
        python: an interpreter with pandas, and scipy for a fit.

    Raises:
        WorkflowError: a setting or a package is missing.
        RunFailed: the metric failed, took longer than ten minutes, or returned no finite number.
    """
    metric = workspace.settings.metric
    if metric is None or (weights is None and better is None):
        missing = "metric" if metric is None else "better"
        raise WorkflowError(
            f"workspace.{missing} is not set: a blend's validation score needs it in invoke.yaml."
        )
    asked = {
        "files": [str(path) for path in files],
        "truth": str(truth),
        "metric": metric,
        "better": better,
        "how": how,
        "targets": list(targets),
        "weights": list(weights) if weights is not None else None,
    }
    packages = {str(Path(averaging.__file__).parents[1]), str(Path(__file__).parents[2])}
    path = os.pathsep.join([str(workspace.root / CODES), *sorted(packages)])
    try:
        done = subprocess.run(
            [python, "-m", "kaggle_workflow.blend.scoring"],
            cwd=workspace.root,
            env={**os.environ, "PYTHONPATH": path},
            input=json.dumps(asked),
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise RunFailed(
            f"The metric {metric} took longer than {_SECONDS / 60:.0f} minutes: give the weights with --weights."
        ) from error
    said = done.stderr.strip().splitlines() or ["it printed nothing"]
    if said[-1].startswith(MISSING):
        raise WorkflowError(
            f"The validation score of a blend needs {said[-1].removeprefix(MISSING)}, which isn't installed: install pandas and scipy into this "
            "environment (the extra `blend`), or leave out --truth and give --weights."
        )
    if said[-1].startswith(OTHER_ROWS):
        raise WorkflowError(
            f"The blend can't be scored: {said[-1].removeprefix(OTHER_ROWS)}. Name the truth of exactly those rows with --truth."
        )
    line = next((one for one in reversed(done.stdout.splitlines()) if one.startswith(MARK)), None)
    if done.returncode != 0 or line is None:
        raise RunFailed(f"The metric {metric} failed on the blend: {said[-1]}")
    value = json.loads(line.removeprefix(MARK))
    if not math.isfinite(value["score"]):
        raise RunFailed(f"The metric {metric} returned {value['score']} for the blend.")
    return Fitted(tuple(value["weights"]), value["score"])
