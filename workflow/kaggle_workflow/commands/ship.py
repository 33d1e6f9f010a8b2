"""`invoke ship`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow import console
from kaggle_workflow.commands.submit import request_of
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.submit import rerun, shipping, watching
from kaggle_workflow.workspace import Workspace


def main(
    workspace: Workspace,
    *,
    notebook: str,
    detach: bool,
    again: bool,
    message: str,
    cv: str,
    hidden_rows: int,
    json: bool,
    **options: Any,
) -> None:
    """Push, submit and watch; raises RunFailed when the rerun failed."""
    request = request_of(notebook, 0, message, cv, hidden_rows, again=again)
    session = Push(workspace, Options.parse(json=json, message=message, **options))
    shipped = shipping.ship(session, request, detach=detach)
    if json:
        console.as_json(shipped.to_json())
    else:
        shipping.print_times(shipped)
    if shipped.submission is not None:
        watching.raise_failures([shipped.submission])
        if shipped.submission.complete and not json:
            console.say(rerun.scored(shipped.submission))
