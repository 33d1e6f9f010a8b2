"""`invoke doctor`."""

from __future__ import annotations

from kaggle_workflow import console
from kaggle_workflow.doctor import everything as doctor
from kaggle_workflow.doctor.diagnosis import UNKNOWN, Line
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.workspace import Workspace

# Doctor asks much and sends nothing: an answer that takes longer is one that it could not have.
_PATIENCE = 10.0


def main(workspace: Workspace, *, json: bool) -> None:
    """Print every line; raises WorkflowError when one of them will stop a command."""
    found = doctor.examine(workspace, Kaggle(lambda _: None, patience=_PATIENCE))
    if json:
        console.as_json(found.to_json())
    else:
        width = max(len(line.topic) for line in found.lines)
        for line in found.lines:
            console.say(_shown(line, width))
        unseen = [line.topic for line in found.lines if line.state == UNKNOWN]
        if unseen:
            console.say(f"doctor: could not look at {', '.join(unseen)}.")
        if not found.wrong:
            console.say("doctor: nothing stands in your way that could be seen.")
    if found.wrong:
        first = found.wrong[0]
        raise WorkflowError(
            f"{len(found.wrong)} of these will stop you, first of all {first.topic}: {first.remedy or 'see its line'}."
        )


def _shown(line: Line, width: int) -> str:
    text = f"{line.topic:{width}}  {line.state:7}  {line.says}"
    return f"{text}\n{'':{width}}           -> {line.remedy}" if line.remedy else text
