"""`invoke push-codes`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow.push import codes as push_codes
from kaggle_workflow.push import in_order as push
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, json: bool, **options: Any) -> None:
    """Push the code dataset and print what became of it."""
    session = Push(workspace, Options.parse(json=json, **options))
    push.print_outcomes([push_codes.push_codes(session)], session.took, json=json)
