"""`invoke push-model`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow.push import in_order as push
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import Workspace


def main(
    workspace: Workspace,
    *,
    exp: str,
    path: str,
    handle: str,
    framework: str,
    licence: str,
    ignore: list[str],
    notebook: str,
    json: bool,
    **options: Any,
) -> None:
    """Push one model and print what became of it."""
    session = Push(workspace, Options.parse(json=json, **options))
    outcome = push_model.push_model(
        session,
        exp=exp,
        path=path,
        handle=handle,
        framework=framework,
        licence=licence,
        ignore=tuple(ignore),
        notebook=notebook,
    )
    push.print_outcomes([outcome], session.took, json=json)
