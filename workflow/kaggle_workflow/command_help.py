"""What `invoke --help NAME` prints for a command of ours: an example, and the options in groups."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable
from typing import Any

from kaggle_workflow.command_list import GROUPS
from kaggle_workflow.command_options import Command, Option

_WIDTH = 100
_INDENT = "      "


def example(command: Command) -> str:
    """A command line to copy."""
    return f"invoke {command.name} {command.example}".rstrip()


def install(program: Any) -> None:
    """Let `invoke --help NAME` print our text for our commands; invoke's own stays for the user's.

    Args:
        program: invoke's running program, None when there is none.
    """
    of_invoke = getattr(program, "print_task_help", None)
    if of_invoke is None:
        return
    ours = {command.name: command for commands in GROUPS.values() for command in commands}

    def print_task_help(name: str) -> None:
        command = ours.get(name.replace("_", "-"))
        if command is None or (program.collection[name].__doc__ or "").splitlines()[:1] != [command.summary]:
            of_invoke(name)
        else:
            print(text(command, program.parser.contexts[name]))

    program.print_task_help = print_task_help


def text(command: Command, context: Any) -> str:
    """The help of a command.

    Args:
        command: the command.
        context: invoke's parser context of it, which knows the short forms of its options.
    """
    words = [option.name.upper() for option in command.options if option.positional]
    usage = " ".join(["invoke", command.name, *words, *(["[--options]"] if command.options else [])])
    lines = [command.summary, "", f"Usage:    {usage}", f"Example:  {example(command)}"]
    for group in dict.fromkeys(option.group for option in command.options):
        lines += ["", f"{group}:"]
        lines += _rows((option for option in command.options if option.group == group), context)
    if any(option.default is False for option in command.options):
        lines += ["", "Options without a value are off by default."]
    return "\n".join(lines)


def _rows(options: Iterable[Option], context: Any) -> Iterable[str]:
    width = shutil.get_terminal_size((_WIDTH, 0)).columns - len(_INDENT)
    for option in options:
        names, _ = context.help_for(f"--{option.name}")
        yield f"  {names}"
        yield from (_INDENT + line for line in textwrap.wrap(option.help, max(width, 30)))
