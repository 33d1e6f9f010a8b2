"""What `invoke` alone prints: the commands by what one does with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_FIRST = (
    "uv run invoke doctor      says what stands in your way, and the one thing to do about it",
    "uv run invoke rehearse    runs everything on this machine, offline, and ends with a submission",
    "uv run invoke ship        goes from a saved file to a score",
)
_OWN = "your own"


def text(groups: Mapping[str, Sequence[str]], docs: Mapping[str, str]) -> str:
    """The commands in their groups, each with the first line of its documentation, and what to begin with.

    Args:
        groups: command names by group, in the order to show; a name without documentation is passed by.
        docs: documentation by command name, which may begin with its group's name; names in no group are the user's own.
    """
    known = {name for names in groups.values() for name in names}
    own = [name for name in sorted(docs) if name not in known and name != "commands"]
    width = max(len(name) for name in docs) + 2
    lines = []
    for group, names in {**groups, _OWN: own}.items():
        shown = [f"  {name:{width}}{_first_line(docs[name], group)}" for name in names if name in docs]
        if shown:
            lines += [group, *shown, ""]
    begin = [line for line in _FIRST if line.split()[3] in docs]
    return "\n".join(
        [
            *lines,
            "begin with",
            *(f"  {line}" for line in begin),
            "",
            "invoke --help NAME explains one command.",
        ]
    )


def _first_line(doc: str, group: str) -> str:
    line = doc.strip().splitlines()[0] if doc.strip() else ""
    return line.removeprefix(group).strip()
