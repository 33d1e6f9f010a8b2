"""`invoke push-codes`."""

from __future__ import annotations

from typing import Any

from workflow.push import codes as push_codes
from workflow.push import in_order as push
from workflow.push.session import Options, Push
from workflow.workspace import Workspace


def main(workspace: Workspace, *, json: bool, **options: Any) -> None:
    """Push the code dataset and print what became of it."""
    session = Push(workspace, Options.parse(json=json, **options))
    push.show([push_codes.run(session)], session.took, json=json)
