"""`invoke watch`."""

from __future__ import annotations

from typing import Any

from kaggle_workflow import console
from kaggle_workflow.ledger.history import flat
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.submit import rerun, watching
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, ref: list[str], json: bool, **options: Any) -> None:
    """Wait until submissions are over; raises RunFailed when one failed."""
    session = Push(workspace, Options.parse(json=json, **options))
    chosen = watching.open_ones(session, ref)
    if not chosen:
        session.say(
            "No submission of this workspace is in flight: invoke submit makes one, invoke history shows those that are over."
        )
    over = watching.watch(session, chosen)
    if json:
        console.as_json({"submissions": [flat(one) for one in over]})
    else:
        for one in (one for one in chosen if one.status != "pending"):
            session.say(rerun.scored(one) if one.complete else rerun.failure(one))
    watching.raise_failures(over)
