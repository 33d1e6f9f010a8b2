"""`invoke doctor`."""

from __future__ import annotations

from kaggle_workflow import command_list, console
from kaggle_workflow.doctor import everything
from kaggle_workflow.doctor.diagnosis import UNKNOWN, Line
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.workspace import Workspace

# Doctor asks much and sends nothing: a slow answer counts as none.
_PATIENCE = 10.0


def examine(workspace: Workspace, command: command_list.Doctor) -> None:
    """Print every line; raises WorkflowError when one of them blocks a command."""
    found = everything.examine(workspace, Kaggle(lambda _: None, patience=_PATIENCE))
    if command.json:
        console.as_json(found.to_json())
    else:
        width = max(len(line.topic) for line in found.lines)
        for line in found.lines:
            console.say(_row(line, width))
        unseen = [line.topic for line in found.lines if line.state == UNKNOWN]
        if unseen:
            console.say(f"doctor: could not check {', '.join(unseen)}.")
        if not found.wrong:
            console.say("doctor: found nothing that blocks a command.")
    if found.wrong:
        first = found.wrong[0]
        raise WorkflowError(
            f"{console.count(len(found.wrong), 'problem')} to fix. First {first.topic}: {first.remedy or 'see its line'}."
        )


def _row(line: Line, width: int) -> str:
    text = f"{line.topic:{width}}  {line.state:7}  {line.says}"
    return f"{text}\n{'':{width}}           -> {line.remedy}" if line.remedy else text
