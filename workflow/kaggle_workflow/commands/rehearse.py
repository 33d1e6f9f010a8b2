"""`invoke rehearse`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from kaggle_workflow import check, command_list, console, metrics
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import errors, relative
from kaggle_workflow.push.session import aside
from kaggle_workflow.rehearsal import rehearse as rehearsal
from kaggle_workflow.rehearsal.executing import REHEARSAL, Options
from kaggle_workflow.workspace import Workspace

# Warnings about what may work on this machine and fail on Kaggle.
_TOLD = ("left-out", "online-call")


def rehearse(workspace: Workspace, command: command_list.Rehearse) -> None:
    """Check the workspace, rehearse it, and show what happened.

    Raises:
        WorkflowError: the workspace has errors, or the run failed.
    """
    found = check.find_all(workspace)
    wrong = [one for one in errors(found) if not (command.entry and one.name == "entry-point")]
    for finding in found:
        if finding.name in _TOLD:
            aside(str(finding))
    if len(wrong) == 1:
        raise WorkflowError(f"{wrong[0].path}: {wrong[0].sentence}")
    if wrong:
        for finding in wrong:
            aside(str(finding))
        raise WorkflowError(
            f"The workspace has {len(wrong)} errors: fix them, then run `invoke rehearse` again."
        )
    options = Options(
        notebook=command.notebook,
        layout=command.layout,
        entry=tuple(shlex.split(command.entry)),
        rerun=command.rerun,
        light=command.light,
        without=frozenset(command.without),
        python=Path(command.python).expanduser().absolute() if command.python else None,
        require_isolation=command.require_isolation,
        without_isolation=command.without_isolation,
        force=command.force,
        image=command.image,
        engine=command.engine,
    )
    outcome = rehearsal.rehearse(workspace, options, aside if command.json else _say)
    if command.json:
        console.as_json(as_value(outcome))
    else:
        show(workspace, outcome)


def as_value(outcome: rehearsal.Outcome) -> dict[str, object]:
    """Turn the outcome into plain JSON values."""
    return {
        "phases": outcome.phases,
        "wheels": outcome.wheels,
        "python": sys.version.split()[0],
        "image_python": outcome.image.version if outcome.image else None,
        "submission": str(outcome.submission) if outcome.submission else None,
        "local_score": outcome.score,
        "notes": outcome.notes,
        "report": outcome.report,
    }


def show(workspace: Workspace, outcome: rehearsal.Outcome) -> None:
    """Print the table at the end of a rehearsal."""
    report = outcome.report
    rows = [(f"{name} (s)", f"{seconds:.1f}") for name, seconds in outcome.phases.items()]
    rows += [(f"  {name} (s)", f"{seconds:.1f}") for name, seconds in report.get("phases", {}).items()]
    peak = report.get("peak_memory")
    rows.append(("peak memory", console.size(peak) if peak else "unknown"))
    submission = report.get("submission", {})
    if outcome.submission is not None:
        count = submission.get("rows")
        rows_told = "rows not counted" if count is None else f"{count} rows"
        rows.append(("submission", f"{relative(outcome.submission, workspace.root)}, {rows_told}"))
    if outcome.score is not None:
        rows.append(("local score", f"{outcome.score:.6g} by {workspace.settings.metric}"))
    validation = metrics.read(workspace.build / REHEARSAL / "working" / metrics.FILE)
    if validation.cv is not None:
        folds = f", {len(validation.folds)} folds" if validation.folds else ""
        rows.append(("cv", f"{validation.cv:.6g} in {metrics.FILE}{folds}"))
    rows.append(("wheels", f"{outcome.wheels}, {len(report.get('wheels', []))} installed"))
    if outcome.image is not None:
        kaggles = f", {outcome.kaggle_python} on Kaggle" if outcome.kaggle_python else ""
        rows.append(("Python", f"{outcome.image.version} in the rehearsal{kaggles}"))
    rows += [("note", note) for note in outcome.notes]
    rows += [("warning", warning) for warning in report.get("warnings", [])]
    console.table("light rehearsal" if report.get("light") else "rehearsal", ("what", "value"), rows)


def _say(line: str) -> None:
    """Print a line of the notebook's own output, with its colours."""
    print(console.coloured(line), flush=True)
