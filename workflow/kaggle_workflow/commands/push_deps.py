"""`invoke push-deps`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import in_order as push
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import DEPS, Workspace


def main(workspace: Workspace, *, json: bool, **options: Any) -> None:
    """Push the wheel notebook and print what became of it; raises WorkflowError in a workspace without one."""
    session = Push(workspace, Options.parse(json=json, **options))
    outcomes = push_deps.push_wheels(session)
    if not outcomes and DEPS not in workspace.notebook_names():
        raise WorkflowError("This workspace has no deps notebook: there is no deps/kernel-metadata.json.")
    if not outcomes:
        session.say(
            f"Nothing to collect: {DEPS}/requirements.txt asks for nothing, and {DEPS}/wheels/ holds no package."
        )
    push.print_outcomes(outcomes, session.took, json=json)
