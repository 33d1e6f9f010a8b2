"""`invoke push-codes`."""

from __future__ import annotations

from typing import Any

from workflow import push, push_codes
from workflow.pushing import Options, Push
from workflow.workspace import Workspace


def main(workspace: Workspace, *, json: bool, **options: Any) -> None:
    """Push the code dataset and print what became of it."""
    outcome = push_codes.run(Push(workspace, Options.parse(json=json, **options)))
    push.show([outcome], json=json)
