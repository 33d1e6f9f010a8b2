"""What `invoke` alone and `invoke --list` print: the commands by what one does with them."""

from __future__ import annotations

import shutil
import textwrap

from invoke.collection import Collection
from invoke.util import helpline

import kaggle_shim
from kaggle_workflow import command_list

GROUPS = {
    group: tuple(command.name for command in commands) for group, commands in command_list.GROUPS.items()
}
_OWN = "your own"
_FIRST = (
    "uv run invoke doctor      finds anything that would block a push",
    "uv run invoke rehearse    runs everything on this machine, offline, and writes a submission",
    "uv run invoke ship        goes from a saved file to a score",
)
_WIDTH = 120
_NARROWEST = 30


def text(collection: Collection) -> str:
    """The commands in their groups, each with the first line of its documentation, and what to begin with.

    Args:
        collection: ours and the user's own; whatever stands in no group of ours is the user's, with its sub-collections and aliases.
    """
    # `tasks.auto_dash_names: false` in invoke.yaml turns the hyphens of every name into underscores.
    there = {name.replace("_", "-"): name for name in collection.tasks}
    known = {there[name] for names in GROUPS.values() for name in (*names, "commands") if name in there}
    shown = {
        group: [(there[name], _line(collection, there[name])) for name in names if name in there]
        for group, names in GROUPS.items()
    }
    shown[_OWN] = [
        (name + (f" ({', '.join(aliases)})" if aliases else ""), _line(collection, name))
        for name, aliases in sorted(collection.task_names.items())
        if name not in known
    ]
    width = max(len(name) for pairs in shown.values() for name, _ in pairs) + 4
    lines = []
    for group, pairs in shown.items():
        if pairs:
            lines += [group, *(_row(name, said, width) for name, said in pairs), ""]
    lines += ["begin with", *(f"  {line}" for line in _FIRST), ""]
    lines.append(
        f"invoke --help NAME explains one command. The template's version is {kaggle_shim.__version__}."
    )
    return "\n".join(lines)


def _line(collection: Collection, name: str) -> str:
    return helpline(collection[name]) or ""


def _row(name: str, said: str, width: int) -> str:
    room = max(shutil.get_terminal_size((_WIDTH, 0)).columns - width - 1, _NARROWEST)
    first, *more = textwrap.wrap(said, room) or [""]
    return "\n".join([f"  {name:{width - 2}}{first}".rstrip(), *(" " * width + line for line in more)])
