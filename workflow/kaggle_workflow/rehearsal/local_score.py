"""The score of a rehearsed submission on this machine: the user's metric against the truth that the user keeps here."""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path

from kaggle_workflow.errors import RunFailed, WorkflowError
from kaggle_workflow.workspace import CODES, Workspace

_SECONDS = 600.0
_MARK = "local score: "
# The signature of the metric notebooks that Kaggle publishes: score(solution, submission, row_id_column_name).
_CODE = f"""
import importlib, sys
import pandas
module, function, truth, submission = sys.argv[1:]
solution, given = (
    pandas.read_parquet(path) if path.endswith(".parquet") else pandas.read_csv(path) for path in (truth, submission)
)
found = getattr(importlib.import_module(module), function)(solution, given, solution.columns[0])
print({_MARK!r} + repr(float(found)))
"""


def score(workspace: Workspace, python: Path, submission: Path) -> float | None:
    """Score a submission with `workspace.metric` against `workspace.truth`; None when neither is set.

    Args:
        workspace: the workspace; the metric is a function in its `codes/`.
        python: the interpreter that imports the metric and pandas.
        submission: the file that the rehearsal left, CSV or parquet.

    Raises:
        WorkflowError: only one of the two settings is there, or the truth is not a file.
        RunFailed: the metric failed, took longer than ten minutes, or returned no finite number.
    """
    metric, truth = workspace.settings.metric, workspace.settings.truth
    if metric is None and truth is None:
        return None
    if metric is None or truth is None:
        missing = "workspace.metric" if metric is None else "workspace.truth"
        raise WorkflowError(
            f"{missing} is not set: a local score needs both metric and truth in invoke.yaml."
        )
    path = workspace.root / truth
    if not path.is_file():
        raise WorkflowError(f"workspace.truth is {truth}, which doesn't exist: correct the path.")
    module, _, function = metric.partition(":")
    try:
        done = subprocess.run(
            [python, "-c", _CODE, module, function or "score", str(path), str(submission)],
            cwd=workspace.root,
            env={**os.environ, "PYTHONPATH": str(workspace.root / CODES)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise RunFailed(f"The metric {metric} took longer than {_SECONDS / 60:.0f} minutes.") from error
    line = next((one for one in reversed(done.stdout.splitlines()) if one.startswith(_MARK)), None)
    if done.returncode != 0 or line is None:
        said = done.stderr.strip().splitlines() or ["it printed nothing"]
        raise RunFailed(f"The metric {metric} failed on {submission.name}: {said[-1]}")
    found = float(line.removeprefix(_MARK))
    if not math.isfinite(found):
        raise RunFailed(f"The metric {metric} returned {found} for {submission.name}.")
    return found
