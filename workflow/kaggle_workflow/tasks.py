"""Build the collection of commands that a workspace's `tasks.py` gives to invoke. Each command's code is imported when it runs."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from invoke.collection import Collection
from invoke.tasks import Task

from kaggle_workflow import command_help
from kaggle_workflow.command_list import GROUPS
from kaggle_workflow.command_options import Command


class Commands(Command):
    """List the commands in groups, as `invoke --list` does."""


def collection(tasks_file: str, *modules: ModuleType) -> Collection:
    """Make the commands for a workspace; add your own to the collection as invoke's documentation shows.

    Args:
        tasks_file: `__file__` of the workspace's `tasks.py`.
        modules: modules with commands of your own, whose tasks and sub-collections are added.

    Raises:
        invoke.exceptions.Exit: invoke.yaml has a mistake.
    """
    from kaggle_workflow.command import validate

    file = Path(tasks_file).resolve()
    root = file.parents[1] if file.name == "__init__.py" else file.parent
    validate(root)
    made = Collection()
    for commands in GROUPS.values():
        for command in commands:
            made.add_task(_task(command, _runner(root, command)))
    # Invoke's running program; None when tasks.py is imported by something else.
    program = getattr(sys.modules.get("invoke.main"), "program", None)

    def list_commands(_context: Any = None) -> None:
        command_help.print_list(getattr(program, "collection", None) or made)

    made.add_task(_task(Commands, list_commands), default=True)
    for module in modules:
        own = Collection.from_module(module)
        for name, task in own.tasks.items():
            made.add_task(task, name)
        for name, inner in own.collections.items():
            made.add_collection(inner, name)
    if program is not None:
        command_help.install(program, list_commands)
    return made


def _runner(root: Path, command: type[Command]) -> Callable[..., None]:
    def run_command(_context: Any, **given: Any) -> None:
        from kaggle_workflow.command import run

        # As a `pre` of another task it gets no arguments.
        values = {name: given[_parameter(name)] for name in command.options() if _parameter(name) in given}
        run(root, command(**values))

    return run_command


def _task(command: type[Command], body: Callable[..., None]) -> Any:
    """Make the invoke task of a command: invoke reads the options from the signature."""
    options = {_parameter(name): one for name, one in command.options().items()}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("_context", kind)]
    for name, one in options.items():
        # None for a list, since invoke appends to the one that it is given. Invoke's positional arguments have no default.
        default = None if isinstance(one.default, list) else one.default
        parameters.append(
            inspect.Parameter(name, kind, default=inspect.Parameter.empty if one.positional else default)
        )
    body.__name__ = command.name.replace("-", "_")
    body.__doc__ = f"{command.summary()}\n\nExample: {command.example}"
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # mypy knows no signature of a function
    return Task(
        body,
        name=command.name,
        help={name.rstrip("_").replace("_", "-"): one.help for name, one in options.items()},
        iterable=[name for name, one in options.items() if isinstance(one.default, list)],
        optional=[name for name, one in options.items() if one.bare],
    )


def _parameter(name: str) -> str:
    """The name of an option in the signature: `from` is a keyword of Python, and invoke drops the underscore."""
    return f"{name.rstrip('_')}_"
