"""The commands of a workspace, as invoke sees them."""

from functools import cache
from pathlib import Path
from typing import Any

from kaggle_workflow import tasks

TEMPLATE = Path(__file__).resolve().parents[1] / "template"


def collection() -> Any:
    """The collection that the template's `tasks.py` makes; a new one, since invoke uses up a task's help when it reads it."""
    return tasks.collection(str(TEMPLATE / "tasks.py"))


@cache
def options() -> dict[str, frozenset[str]]:
    """Every command by its name on the command line, with its long options."""
    found = collection()
    return {
        found.transform(name): frozenset(
            f"--{word.strip('_').replace('_', '-')}"
            for argument in task.get_arguments()
            for word in argument.names
            if len(word) > 1
        )
        for name, task in found.tasks.items()
    }
