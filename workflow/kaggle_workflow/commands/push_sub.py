"""`invoke push-sub`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow.push import in_order as push
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, notebook: str, json: bool, **options: Any) -> None:
    """Push one notebook, see its run through, and print what became of it."""
    push.refuse_faults(workspace)
    session = Push(workspace, Options.parse(json=json, **options))
    push.print_outcomes([push_sub.push_notebook(session, notebook)], session.took, json=json)
