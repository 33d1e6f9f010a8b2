"""`invoke explain`."""

from __future__ import annotations

from kaggle_workflow import console, refusals
from kaggle_workflow.workspace import Workspace


def main(_workspace: Workspace, *, refusal: str) -> None:
    """Print what a refusal means, how to fix it and how to override it; raises WorkflowError for an unknown name."""
    found = refusals.find(refusal)
    console.say(f"{found.name}: {found.meaning}")
    console.say(f"  fix:       {found.fix}")
    console.say(f"  override:  {found.override}; `workspace.allow` in invoke.yaml overrides it every time.")
