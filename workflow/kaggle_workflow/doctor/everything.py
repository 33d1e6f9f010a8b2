"""`invoke doctor`: everything that could stop you, one line each, with the one thing to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from kaggle_workflow.doctor import images as doctor_images
from kaggle_workflow.doctor import kaggle as doctor_kaggle
from kaggle_workflow.doctor import machine as doctor_machine
from kaggle_workflow.doctor import template as doctor_template
from kaggle_workflow.doctor import workspace as doctor_workspace
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line, of_error
from kaggle_workflow.errors import Unreachable, WorkflowError
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.workspace import Workspace

Look = Callable[[], Iterable[Line]]


@dataclass(frozen=True)
class Diagnosis:
    """All lines, in the order in which they are shown."""

    lines: tuple[Line, ...]

    @property
    def wrong(self) -> tuple[Line, ...]:
        """The lines that will stop a command."""
        return tuple(line for line in self.lines if line.state == WRONG)

    def to_json(self) -> dict[str, object]:
        """The diagnosis as plain JSON values."""
        return {"wrong": len(self.wrong), "lines": [asdict(line) for line in self.lines]}


def examine(workspace: Workspace, kaggle: Kaggle) -> Diagnosis:
    """Look at the machine, the workspace, the template and Kaggle; what can't be looked at is a line too."""
    lines = [*_looked("machine", lambda: doctor_machine.lines(workspace))]
    lines += _looked("workspace", lambda: doctor_workspace.lines(workspace))
    lines += _looked("template", lambda: doctor_template.lines(workspace))
    lines += _looked("kaggle", lambda: doctor_kaggle.lines(workspace, kaggle))
    online = any(line.topic == "account" and line.state in (OK, NOTE) for line in lines)
    lines += _looked("image", lambda: doctor_images.lines(workspace, kaggle if online else None))
    return Diagnosis(tuple(lines))


def _looked(topic: str, look: Look) -> Iterator[Line]:
    try:
        yield from look()
    except Unreachable as error:
        yield of_error(topic, UNKNOWN, error)
    except WorkflowError as error:
        yield of_error(topic, WRONG, error)
