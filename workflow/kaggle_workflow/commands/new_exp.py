"""`invoke new-exp`."""

from __future__ import annotations

import os

from kaggle_workflow import command_list, console, new_exp
from kaggle_workflow.workspace import CODES, Workspace

_SHOWN = 8


def start_experiment(workspace: Workspace, command: command_list.NewExp) -> None:
    """Start an experiment from an earlier one and make it the entry point.

    Raises:
        WorkflowError: there is nothing to start from, or the new name is taken; nothing was changed.
    """
    codes = workspace.root / CODES
    step = new_exp.plan(codes, workspace.settings.entry, command.from_, command.name_)
    settings, warnings = new_exp.carry_out(workspace, step, os.environ)
    left = new_exp.mentions(codes, step)
    if command.json:
        mentions = [{"path": f"{CODES}/{one.path}", "line": one.line, "text": one.text} for one in left]
        console.as_json(
            {
                "from": f"{CODES}/{step.source}",
                "path": f"{CODES}/{step.target}",
                "entry": list(step.entry),
                "settings": settings.name,
                "mentions": mentions,
                "warnings": list(warnings),
            }
        )
        return
    console.say(
        f"Copied {CODES}/{step.source} to {CODES}/{step.target}. The entry point in {settings.name} is now {' '.join(step.entry)}."
    )
    for sentence in warnings:
        console.warn(sentence)
    for one in left[:_SHOWN]:
        console.warn(
            f"{CODES}/{one.path}, line {one.line}, still names the earlier experiment: {one.text[:100]}"
        )
    if len(left) > _SHOWN:
        console.warn(f"{len(left) - _SHOWN} more lines name it.")
