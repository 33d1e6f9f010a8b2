"""`invoke explain`."""

from __future__ import annotations

import textwrap

from kaggle_workflow import command_list, console, refusals
from kaggle_workflow.workspace import Workspace


def explain(_workspace: Workspace, command: command_list.Explain) -> None:
    """Print what a refusal means, how to fix it and how to override it, or the list of refusals without a name.

    Raises:
        WorkflowError: the name is unknown.
    """
    if not command.refusal:
        width = max(len(one.name) for one in refusals.REFUSALS)
        for one in refusals.REFUSALS:
            console.say(f"{one.name:{width}}  {textwrap.shorten(one.meaning, 100, placeholder=' …')}")
        console.say("`invoke explain NAME` describes one.")
        return
    found = refusals.find(command.refusal)
    console.say(f"{found.name}: {found.meaning}")
    console.say(f"  fix:       {found.fix}")
    console.say(f"  override:  {found.override}; `workspace.allow` in invoke.yaml overrides it every time.")
