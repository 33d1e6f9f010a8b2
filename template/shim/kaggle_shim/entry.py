"""The entry point: a script, a module or a command, turned into the command line that runs it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.errors import EntryPointError

if TYPE_CHECKING:
    from kaggle_shim.process import Ended

_SCRIPTS = (".py",)


def is_script(entry: Sequence[str]) -> bool:
    """Whether the entry point is a Python script of the code tree."""
    return bool(entry) and entry[0].endswith(_SCRIPTS)


def is_module(entry: Sequence[str]) -> bool:
    """Whether the entry point is a module, as in `-m solution.infer`."""
    return len(entry) > 1 and entry[0] == "-m"


def command_line(entry: Sequence[str], tree: Path, python: str) -> list[str]:
    """What to execute, with the working folder elsewhere.

    Args:
        entry: `["exp001.py", …]`, `["-m", "solution.infer", …]`, or a command such as `["make", "-C", "solver", "run"]`, whose
            arguments that name something in the code tree are made absolute.
        tree: the code tree.
        python: interpreter for scripts and modules.

    Raises:
        EntryPointError: there is none, or it is not in the code tree.
    """
    missing = problem(entry, tree)
    if missing is not None:
        raise EntryPointError(missing)
    if is_script(entry):
        return [python, str(tree / entry[0]), *entry[1:]]
    if is_module(entry):
        return [python, *entry]
    first, *rest = entry
    program = str(tree / first) if "/" in first and (tree / first).is_file() else first
    return [program, *(_absolute(word, tree) for word in rest)]


def problem(entry: Sequence[str], tree: Path) -> str | None:
    """A sentence when the entry point can't be run from `tree`, None when it can.

    A command's program may live on the image alone, so it is only looked for where it must lie in the code tree.
    """
    if not entry:
        return "No entry point is set: write workspace.entry in invoke.yaml, such as exp001.py."
    if is_script(entry):
        return None if (tree / entry[0]).is_file() else _no_such(entry[0], tree)
    if is_module(entry):
        relative = entry[1].replace(".", "/")
        forms = (f"{relative}.py", f"{relative}/__main__.py")
        top = relative.split("/")[0]
        if not (tree / top).exists() and not (tree / f"{top}.py").exists() and "." in entry[1]:
            # A module of an installed package, such as a launcher: only the run can tell.
            return None
        return (
            None if any((tree / form).is_file() for form in forms) else _no_such(f"module {entry[1]}", tree)
        )
    if entry[0].startswith("./") and not (tree / entry[0]).is_file():
        return _no_such(entry[0], tree)
    return None


def failure(entry: tuple[str, ...], ended: Ended) -> str:
    """One sentence about an entry point that failed, and the last lines it printed below it."""
    how = f"ended by signal {-ended.exit_code}" if ended.exit_code < 0 else f"exit code {ended.exit_code}"
    hint = " (often: out of memory)" if ended.exit_code in (-9, 137) else ""
    sentence = f"The entry point {' '.join(entry)} failed after {ended.seconds:.1f} s, {how}{hint}"
    if not ended.tail:
        return f"{sentence}, and printed nothing."
    return "\n".join([f"{sentence}: {ended.tail[-1].strip()}", *(f"  | {line}" for line in ended.tail)])


def duration(seconds: float) -> str:
    """Seconds as people write limits: `9h`, `1h30m`, `45s`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{left}s" if left else ""]
    return "".join(parts) or "0s"


def _absolute(word: str, tree: Path) -> str:
    # os.path.exists, since a word may be a whole script of `bash -c`, longer than any name: pathlib would raise.
    path = os.path.join(tree, word)  # noqa: PTH118 - as above
    return path if word and os.path.exists(path) else word  # noqa: PTH110 - as above


def _no_such(what: str, tree: Path) -> str:
    scripts = sorted(path.name for path in tree.glob("*.py"))
    there = f"there are {', '.join(scripts[:8])}" if scripts else "there is no script at all"
    return f"The entry point {what} is not in the codes: {there}; set workspace.entry in invoke.yaml or write the file."
