"""`invoke blend`."""

from __future__ import annotations

from kaggle_workflow import command_list, console
from kaggle_workflow.blend import making
from kaggle_workflow.commands.push import open_session
from kaggle_workflow.workspace import Workspace


def make_blend(workspace: Workspace, command: command_list.Blend) -> None:
    """Make a blend of earlier submissions and make it the entry point.

    Raises:
        WorkflowError: a member can't take part, or a check refused; nothing was changed.
    """
    made = making.make(open_session(workspace, command), command)
    for sentence in made.warnings:
        console.warn(sentence)
    if command.json:
        console.as_json(made.to_json())
        return
    for line in making.told(made):
        console.say(line)
