"""What `invoke`, `invoke --list` and `invoke --help NAME` print for the commands of the tool."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from invoke.collection import Collection
from invoke.util import helpline

import kaggle_shim
from kaggle_workflow.command_list import GROUPS
from kaggle_workflow.command_options import Command, Option

_OWN = "your own"
_FIRST = (
    "uv run invoke doctor      finds anything that would block a push",
    "uv run invoke rehearse    runs everything on this machine, offline, and writes a submission",
    "uv run invoke ship        goes from a saved file to a score",
)
_WIDTH = 120
_HELP_WIDTH = 100
_NARROWEST = 30
_INDENT = "      "


def install(program: Any, list_commands: Callable[[], None]) -> None:
    """Let invoke print our list, and our help for our commands; its own stays for the user's and for parts of the list.

    Args:
        program: invoke's running program.
        list_commands: prints the list.
    """
    list_by_name, help_of_invoke, parse = program.list_flat, program.print_task_help, program.parse_tasks
    ours = {command.name: command for commands in GROUPS.values() for command in commands}
    optional = {name for name, command in ours.items() if any(_positional(command))}

    def list_flat() -> None:
        if program.list_root or program.list_depth:
            list_by_name()
        else:
            list_commands()

    def print_task_help(name: str) -> None:
        command = ours.get(name.replace("_", "-"))
        if command is None or (program.collection[name].__doc__ or "").splitlines()[:1] != [
            command.summary()
        ]:
            help_of_invoke(name)
        else:
            print(help_text(command, program.parser.contexts[name]))

    def parse_tasks() -> None:
        # Invoke requires positional arguments, and takes --help for one: "" stands for one that is not given.
        words = program.core.unparsed
        for place in [at for at, word in enumerate(words, 1) if word in optional][::-1]:
            (context,) = (one for one in program.collection.to_contexts() if one.name == words[place - 1])
            if not _has_positional(words[place:], context):
                words.insert(place, "")
        parse()

    program.list_flat, program.print_task_help, program.parse_tasks = list_flat, print_task_help, parse_tasks


def print_list(commands: Collection) -> None:
    """Print the list; quietly end when its reader closes the pipe."""
    try:
        print(list_text(commands), flush=True)
    except BrokenPipeError:
        from kaggle_workflow.command import silence_closed_pipe

        silence_closed_pipe()


def list_text(collection: Collection) -> str:
    """Describe the commands in their groups, each with the first line of its documentation, and what to start with.

    Args:
        collection: ours and the user's own; tasks outside our groups are the user's, with sub-collections and aliases.
    """
    # `tasks.auto_dash_names: false` in invoke.yaml turns the hyphens of every name into underscores.
    there = {name.replace("_", "-"): name for name in collection.tasks}
    groups = {group: [there[one.name] for one in GROUPS[group] if one.name in there] for group in GROUPS}
    known = {name for names in groups.values() for name in names} | {there.get("commands")}
    shown = {
        group: [(name, helpline(collection[name]) or "") for name in names] for group, names in groups.items()
    }
    shown[_OWN] = [
        (name + (f" ({', '.join(aliases)})" if aliases else ""), helpline(collection[name]) or "")
        for name, aliases in sorted(collection.task_names.items())
        if name not in known
    ]
    width = max(len(name) for pairs in shown.values() for name, _ in pairs) + 4
    lines = []
    for group, pairs in shown.items():
        if pairs:
            lines += [group, *(_row(name, summary, width) for name, summary in pairs), ""]
    lines += ["start with", *(f"  {line}" for line in _FIRST), ""]
    lines.append(
        f"invoke --help NAME explains one command. The template's version is {kaggle_shim.__version__}."
    )
    return "\n".join(lines)


def _row(name: str, summary: str, width: int) -> str:
    room = max(shutil.get_terminal_size((_WIDTH, 0)).columns - width - 1, _NARROWEST)
    first, *more = textwrap.wrap(summary, room) or [""]
    return "\n".join([f"  {name:{width - 2}}{first}".rstrip(), *(" " * width + line for line in more)])


def help_text(command: type[Command], context: Any) -> str:
    """Describe a command: usage, an example, and its options in groups.

    Args:
        command: the command.
        context: invoke's parser context of it, which knows the short forms of its options.
    """
    options = command.options()
    words = [*_positional(command), *(["[--options]"] if options else [])]
    lines = [
        command.summary(),
        "",
        f"Usage:    {' '.join(['invoke', command.name, *words])}",
        f"Example:  {command.example}",
    ]
    for group in dict.fromkeys(one.group for one in options.values()):
        lines += ["", f"{group}:"]
        lines += _rows(((name, one) for name, one in options.items() if one.group == group), context)
    if any(one.default is False for one in options.values()):
        lines += ["", "Options without a value are off by default."]
    return "\n".join(lines)


def _positional(command: type[Command]) -> Iterator[str]:
    return (f"[{name.upper()}]" for name, one in command.options().items() if one.positional)


def _has_positional(words: Iterable[str], context: Any) -> bool:
    """Whether a value without `--name` is among the words that follow a command."""
    before = ""
    for word in words:
        is_value = before in context.flags and context.flags[before].takes_value
        if not word.startswith("-") and not is_value:
            return True
        before = word
    return False


def _rows(options: Iterable[tuple[str, Option]], context: Any) -> Iterator[str]:
    width = shutil.get_terminal_size((_HELP_WIDTH, 0)).columns - len(_INDENT)
    for name, one in options:
        names, _ = context.help_for(f"--{name.rstrip('_').replace('_', '-')}")
        if isinstance(one.default, list):
            # Invoke shows no value for an option that may be repeated.
            names = ", ".join(
                f"{word}{'=' if word.startswith('--') else ' '}STRING" for word in names.split(", ")
            )
        yield f"  {names}"
        yield from (_INDENT + line for line in textwrap.wrap(one.help, max(width, _NARROWEST)))
