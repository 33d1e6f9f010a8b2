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
    """The command line that runs the entry point from any folder; raises EntryPointError when it is not in the code tree.

    `entry` is `["exp001.py", …]`, `["-m", "solution.infer", …]`, or a command such as `["make", "-C", "solver", "run"]`, whose
    arguments become absolute where they name something in the tree.
    """
    missing = problem(entry, tree)
    if missing is not None:
        raise EntryPointError(missing)
    if is_script(entry):
        return [python, str(tree / entry[0]), *entry[1:]]
    if is_module(entry):
        return [python, *entry]
    first, *rest = entry
    program = str(tree / first) if "/" in first and _is_file(first, tree) else first
    return [program, *(_absolute(word, tree) for word in rest)]


def problem(entry: Sequence[str], tree: Path) -> str | None:
    """A sentence when the entry point can't be run from `tree`, None when it can.

    A command's program may exist on the image alone, so it must be in the code tree only when it starts with `./`.
    """
    if not entry:
        return "No entry point is set: write workspace.entry in invoke.yaml, such as exp001.py."
    if is_script(entry):
        return None if _is_file(entry[0], tree) else _no_such(entry[0], tree)
    if is_module(entry):
        relative = entry[1].replace(".", "/")
        forms = (f"{relative}.py", f"{relative}/__main__.py")
        top = relative.split("/")[0]
        if not _exists(top, tree) and not _exists(f"{top}.py", tree) and "." in entry[1]:
            # A module of an installed package, such as a launcher, shows up only in the run.
            return None
        return None if any(_is_file(form, tree) for form in forms) else _no_such(f"module {entry[1]}", tree)
    if entry[0].startswith("./") and not _is_file(entry[0], tree):
        return _no_such(entry[0], tree)
    return None


def failure(entry: tuple[str, ...], ended: Ended) -> str:
    """One sentence about an entry point that failed, followed by the last lines it printed."""
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
    return str(tree / word) if word and _exists(word, tree) else word


# os.path, because pathlib raises for words that no file can have as a name, such as a script for `bash -c`.
def _exists(word: str, tree: Path) -> bool:
    return os.path.exists(os.path.join(tree, word))  # noqa: PTH110, PTH118 - as above


def _is_file(word: str, tree: Path) -> bool:
    return os.path.isfile(os.path.join(tree, word)) and _is_spelled_so(word, tree)  # noqa: PTH113, PTH118 - as above


def _is_spelled_so(word: str, tree: Path) -> bool:
    """Whether the case is right too: macOS and Windows find `Exp001.py` for `exp001.py`, Kaggle does not."""
    if word == word.swapcase() or not _exists(word.swapcase(), tree):
        return True
    folder = str(tree)
    for part in os.path.normpath(word).split(os.sep):  # noqa: PTH206 - as above
        if part != os.pardir and part not in os.listdir(folder):
            return False
        folder = os.path.join(folder, part)  # noqa: PTH118 - as above
    return True


def _no_such(what: str, tree: Path) -> str:
    scripts = sorted(path.name for path in tree.glob("*.py"))
    there = f"there are {', '.join(scripts[:8])}" if scripts else "there is no script at all"
    shown = what if what.isprintable() else ascii(what)
    return f"The entry point {shown} is not in the codes: {there}; set workspace.entry in invoke.yaml or write the file."
