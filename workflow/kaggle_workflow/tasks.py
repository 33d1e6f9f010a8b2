"""The collection of commands that a workspace's `tasks.py` gives to invoke. What a command does is imported when it runs."""

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
from kaggle_workflow.command_options import Command, Option


def collection(tasks_file: str, *modules: ModuleType) -> Collection:
    """The commands for the workspace whose `tasks.py` this is; add your own to it as invoke's documentation shows.

    Args:
        tasks_file: `__file__` of `tasks.py`.
        modules: modules with commands of your own, whose tasks and sub-collections are added.

    Raises:
        invoke.exceptions.Exit: a line of invoke.yaml can't be used.
    """
    from kaggle_workflow.command import validate

    file = Path(tasks_file).resolve()
    root = file.parents[1] if file.name == "__init__.py" else file.parent
    validate(root)
    made = Collection()
    for commands in GROUPS.values():
        for command in commands:
            made.add_task(_task(command, _runner(root, command)))

    def list_commands(_context: Any = None) -> None:
        _print_list(getattr(_program(), "collection", None) or made)

    made.add_task(
        _task(Command("commands", "List the commands in groups, as `invoke --list` does."), list_commands),
        default=True,
    )
    for module in modules:
        own = Collection.from_module(module)
        for name, task in own.tasks.items():
            made.add_task(task, name)
        for name, inner in own.collections.items():
            made.add_collection(inner, name)
    _group_the_list(list_commands)
    command_help.install(_program())
    return made


def _runner(root: Path, command: Command) -> Callable[..., None]:
    def run_command(_context: Any, **given: Any) -> None:
        from kaggle_workflow.command import run

        # As a `pre` of another task it gets no arguments.
        values = {
            option.argument: _value(option, given.get(_parameter(option), option.default))
            for option in command.options
        }
        run(root, command.name, **values)

    return run_command


def _task(command: Command, body: Callable[..., None]) -> Any:
    """An invoke task: invoke reads a command's options from its signature."""
    parameters = [inspect.Parameter("_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [
        inspect.Parameter(
            _parameter(option), inspect.Parameter.POSITIONAL_OR_KEYWORD, default=_default(option)
        )
        for option in command.options
    ]
    body.__name__ = command.name.replace("-", "_")
    body.__doc__ = f"{command.summary}\n\nExample: {command_help.example(command)}"
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # mypy knows no signature of a function
    return Task(
        body,
        name=command.name,
        help={option.name: option.help for option in command.options},
        iterable=[_parameter(option) for option in command.options if isinstance(option.default, list)],
        optional=[_parameter(option) for option in command.options if option.optional],
    )


def _parameter(option: Option) -> str:
    """Its name in the signature: `from` is a keyword of Python, and invoke drops the underscore again."""
    return option.name.replace("-", "_") + "_"


def _default(option: Option) -> Any:
    """None for a list: invoke appends to the one it is given. Nothing for a positional one: invoke requires it then."""
    if option.positional:
        return inspect.Parameter.empty
    return None if isinstance(option.default, list) else option.default


def _value(option: Option, given: Any) -> Any:
    return given or [] if isinstance(option.default, list) else given


def _program() -> Any:
    """Invoke's running program; None when tasks.py is imported by something else."""
    return getattr(sys.modules.get("invoke.main"), "program", None)


def _print_list(commands: Collection) -> None:
    from kaggle_workflow import overview

    try:
        print(overview.text(commands), flush=True)
    except BrokenPipeError:
        from kaggle_workflow.command import silence_closed_pipe

        silence_closed_pipe()


def _group_the_list(list_commands: Callable[[], None]) -> None:
    """Let `invoke --list` print the groups; for a part of it (`--list NAME`, `--list-depth`) invoke's own list stays."""
    program = _program()
    by_name = getattr(program, "list_flat", None)
    if by_name is None:
        return

    def list_flat() -> None:
        if program.list_root or program.list_depth:
            by_name()
        else:
            list_commands()

    program.list_flat = list_flat
