"""The commands of a workspace, as invoke sees them."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

TASKS = Path(__file__).resolve().parents[1] / "template" / "tasks.py"


@cache
def collection() -> Any:
    """The collection that `tasks.py` builds."""
    spec = importlib.util.spec_from_file_location("template_tasks", TASKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.namespace


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
