"""Which experiment an entry point belongs to: the one rule for `push-model`, the ledger, `history` and estimates."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath

# Programs that run something else; what they run names the experiment.
_LAUNCHERS = re.compile(
    r"bash|sh|env|make|python[0-9.]*|time|timeout|nice|uv|run|torchrun|accelerate|launch|deepspeed|Rscript|julia|exec"
)
_SCRIPT = (".py", ".sh", ".R", ".r", ".jl")
_NUMBER = re.compile(r"[0-9.]+[smhd]?")


@cache
def experiment_of(entry: tuple[str, ...]) -> str:
    """Name the experiment that an entry point belongs to.

    A script or module in a folder belongs to the experiment of that folder (`exp010` for `exp010/run.py` and
    `-m exp010.run`); a script at the top of `codes/` is its own experiment (`main` for `bash main.sh`). `make -C solver`
    belongs to `solver`, `make train` to `train`; what a launcher such as `torchrun` starts names the experiment.

    Args:
        entry: the entry point's words, at least one.
    """
    first = entry[0]
    if not first.startswith(("-", "/")) and "=" not in first and not _LAUNCHERS.fullmatch(first):
        return _folder(entry) or _of_path(first)
    return _folder(entry) or _started(entry)


def _started(entry: tuple[str, ...]) -> str:
    """The experiment of what a launcher starts."""
    for word, following in zip(entry, (*entry[1:], ""), strict=True):
        if word == "-c" and following:
            return experiment_of(_split(following))
        if word == "-m" and following:
            return following.split(".")[0]
        if word.endswith(_SCRIPT):
            return _of_path(word)
    for word in entry:
        program = PurePosixPath(word).name if word.startswith("/") else word
        passed = word.startswith("-") or "=" in word or _NUMBER.fullmatch(word)
        if not passed and not _LAUNCHERS.fullmatch(program):
            return _of_path(word)
    return _of_path(entry[0])


def _folder(entry: Sequence[str]) -> str | None:
    """The folder of `codes/` that `cd` or `make -C` goes to, which decides; None without one."""
    named = ""
    if entry[0] == "cd" and len(entry) > 1:
        named = entry[1]
    elif entry[0] == "make":
        for word, following in zip(entry, (*entry[1:], ""), strict=True):
            if word in ("-C", "--directory"):
                named = following
            elif word.startswith("--directory="):
                named = word.partition("=")[2]
            elif word.startswith("-C"):
                named = word[2:]
    return next((part for part in PurePosixPath(named).parts if part != "/"), None)


def _split(command: str) -> tuple[str, ...]:
    """The words of a command line; Python code with an open quotation is one."""
    try:
        return tuple(shlex.split(command)) or (command,)
    except ValueError:
        return (command,)


def _of_path(word: str) -> str:
    path = PurePosixPath(word)
    return path.parts[0] if len(path.parts) > 1 and not path.is_absolute() else path.stem
