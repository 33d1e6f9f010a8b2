"""Push codes, deps and a notebook in order, each only when it changed; an interrupted push resumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from kaggle_shim.manifest import short
from kaggle_workflow import check, console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import errors
from kaggle_workflow.push import codes as push_codes
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.waiting import seconds
from kaggle_workflow.workspace import DEPS, Workspace

_PHASES = ("upload", "processing", "queue", "run")


def push_all(push: Push, name: str) -> list[Outcome]:
    """Push codes, deps and a notebook.

    Args:
        push: the command.
        name: folder of the notebook.

    Raises:
        WorkflowError: the first thing that failed; what was done before it stays, and is not done again.
    """
    refuse_faults(push.workspace)
    folder = push_sub.runnable(push.workspace, name)
    name = folder.name
    _ask_first(push, name)
    outcomes = [push_codes.push_codes(push)]
    attaches = push_deps.attached_by(push.workspace, folder) is not None
    outcomes += push_deps.push_wheels(push, needed=attaches)
    push.versions |= {outcome.name: outcome.version for outcome in outcomes}
    outcomes.append(push_sub.push_notebook(push, name, rest_pushed=True))
    return outcomes


def _ask_first(push: Push, name: str) -> None:
    """Check owner and visibility of all three before the first is sent."""
    workspace = push.workspace
    if workspace.settings.codes == "dataset":
        ref = workspace.codes.id
        push.check_owner(ref.owner, f"the dataset {ref.name}")
    for part in dict.fromkeys((DEPS, name)):
        if part in workspace.notebook_names():
            about = workspace.notebook(part).metadata
            push.check_owner(about.id.owner, f"the notebook {about.id.name}")
            push.check_public(metadata_says_public=not about.is_private, what=about.id.name)


def refuse_faults(workspace: Workspace) -> None:
    """Raise WorkflowError when `check` finds errors."""
    wrong = errors(check.find_all(workspace))
    if wrong:
        more = f" ({len(wrong) - 1} more: invoke check lists them)" if len(wrong) > 1 else ""
        raise WorkflowError(f"{wrong[0]}{more}")


def print_outcomes(outcomes: Sequence[Outcome], took: float, *, json: bool) -> None:
    """Print the table that ends a push; `took` is its seconds."""
    if json:
        console.as_json({"things": [asdict(outcome) for outcome in outcomes]})
        return
    columns = (
        "thing",
        "what",
        "name",
        "version",
        "fingerprint",
        *(f"{phase} (s)" for phase in _PHASES),
        "page",
    )
    rows = [
        (
            outcome.thing,
            outcome.did,
            outcome.name,
            "" if outcome.version is None else str(outcome.version),
            short(outcome.fingerprint),
            *(f"{outcome.seconds[phase]:.1f}" if phase in outcome.seconds else "" for phase in _PHASES),
            outcome.url,
        )
        for outcome in outcomes
    ]
    sent = any(outcome.seconds for outcome in outcomes)
    console.table(f"pushed in {seconds(took)}" if sent else "nothing was sent", columns, rows)
