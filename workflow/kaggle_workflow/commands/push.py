"""`invoke push`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow.push import in_order as push
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, notebook: str, json: bool, **options: Any) -> None:
    """Push codes, deps and a notebook in order, and print what became of each."""
    session = Push(workspace, Options.parse(json=json, **options))
    push.print_outcomes(push.push_all(session, notebook), session.took, json=json)
