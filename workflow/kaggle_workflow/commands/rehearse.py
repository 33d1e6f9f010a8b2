"""`invoke rehearse`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from kaggle_workflow import check, console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import errors
from kaggle_workflow.rehearsal import rehearse
from kaggle_workflow.rehearsal.executing import Options
from kaggle_workflow.workspace import Workspace

# Warnings of check that a rehearsal may pass by on this machine, and Kaggle will not.
_TOLD = ("left-out", "online-call")


def main(
    workspace: Workspace,
    *,
    notebook: str,
    layout: str,
    entry: str,
    rerun: bool,
    without: list[str],
    python: str,
    require_isolation: bool,
    without_isolation: bool,
    force: bool,
    image: str,
    engine: str,
    json: bool,
) -> None:
    """Check the workspace, rehearse it, and show what happened.

    Raises:
        WorkflowError: the workspace has faults, or the run failed.
    """
    found = check.find_all(workspace)
    wrong = [finding for finding in errors(found) if not (entry and finding.name == "entry-point")]
    for finding in found:
        if finding.name in _TOLD:
            print(console.plain(str(finding)), file=sys.stderr, flush=True)
    if len(wrong) == 1:
        raise WorkflowError(f"{wrong[0].path}: {wrong[0].sentence}")
    if wrong:
        for finding in wrong:
            print(console.plain(str(finding)), file=sys.stderr)
        raise WorkflowError(f"The workspace has {len(wrong)} errors: fix them, then rehearse again.")
    options = Options(
        notebook=notebook,
        layout=layout,
        entry=tuple(shlex.split(entry)),
        rerun=rerun,
        without=frozenset(without),
        python=Path(python).expanduser().absolute() if python else None,
        require_isolation=require_isolation,
        without_isolation=without_isolation,
        force=force,
        image=image,
        engine=engine,
    )
    outcome = rehearse.rehearse(workspace, options, _quietly if json else _aloud)
    if json:
        console.as_json(as_value(outcome))
    else:
        show(workspace, outcome)


def as_value(outcome: rehearse.Outcome) -> dict[str, object]:
    """The outcome as plain JSON values."""
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


def show(workspace: Workspace, outcome: rehearse.Outcome) -> None:
    """Print the table that ends a rehearsal."""
    report = outcome.report
    rows = [(f"{name} (s)", f"{seconds:.1f}") for name, seconds in outcome.phases.items()]
    rows += [(f"  {name} (s)", f"{seconds:.1f}") for name, seconds in report.get("phases", {}).items()]
    peak = report.get("peak_memory")
    rows.append(("peak memory", console.size(peak) if peak else "not known here"))
    submission = report.get("submission", {})
    if outcome.submission is not None:
        count = submission.get("rows")
        rows.append(
            (
                "submission",
                f"{_shown(outcome.submission, workspace.root)}, {'rows not counted' if count is None else f'{count} rows'}",
            )
        )
    if outcome.score is not None:
        rows.append(("local score", f"{outcome.score:.6g} by {workspace.settings.metric}"))
    rows.append(("wheels", f"{outcome.wheels}, {len(report.get('wheels', []))} installed"))
    if outcome.image is not None:
        rows.append(("Python", f"{outcome.image.version} in the image, {sys.version.split()[0]} here"))
    rows += [("note", note) for note in outcome.notes]
    rows += [("warning", warning) for warning in report.get("warnings", [])]
    console.table("rehearsal", ("what", "value"), rows)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _aloud(line: str) -> None:
    """The notebook's own words, colours included."""
    print(console.coloured(line), flush=True)


def _quietly(line: str) -> None:
    print(console.plain(line), file=sys.stderr, flush=True)
