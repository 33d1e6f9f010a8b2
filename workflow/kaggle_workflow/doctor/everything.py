"""`invoke doctor`: everything that could block a command, one line each, with what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from kaggle_workflow.doctor import images, kaggle, machine, template, workspace
from kaggle_workflow.doctor.diagnosis import NOTE, OK, WRONG, Line, guarded
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.workspace import Workspace


@dataclass(frozen=True)
class Diagnosis:
    """All lines, in the order in which they are shown."""

    lines: tuple[Line, ...]

    @property
    def wrong(self) -> tuple[Line, ...]:
        """The lines that block a command."""
        return tuple(line for line in self.lines if line.state == WRONG)

    def to_json(self) -> dict[str, object]:
        """Turn the diagnosis into plain JSON values."""
        return {"wrong": len(self.wrong), "lines": [asdict(line) for line in self.lines]}


def examine(made: Workspace, client: Kaggle) -> Diagnosis:
    """Check the machine, the workspace, the template and Kaggle; what can't be checked is a line too."""
    lines = [*guarded("machine", lambda: machine.lines(made))]
    lines += guarded("workspace", lambda: workspace.lines(made))
    lines += guarded("template", lambda: template.lines(made))
    lines += guarded("kaggle", lambda: kaggle.lines(made, client))
    online = any(line.topic == "account" and line.state in (OK, NOTE) for line in lines)
    lines += guarded("image", lambda: images.lines(made, client if online else None))
    return Diagnosis(tuple(lines))
