"""Which experiment an entry point belongs to: the one rule for `push-model`, the ledger, `history` and estimates."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import PurePosixPath

# Programs that run something else; what they run names the experiment.
_LAUNCHERS = frozenset(("bash", "sh", "env", "make", "python", "python3", "time"))
_MAKE_FOLDER = ("-C", "--directory")


@cache
def experiment_of(entry: tuple[str, ...]) -> str:
    """Name the experiment that an entry point belongs to.

    A script or module in a folder belongs to the experiment of that folder (`exp010` for `exp010/run.py` and
    `-m exp010.run`); a script at the top of `codes/` is its own experiment (`main` for `bash main.sh`). `make -C solver`
    belongs to `solver`, `make train` to `train`.

    Args:
        entry: the entry point's words, at least one.
    """
    words = _words(entry)
    for word, following in zip(words, (*words[1:], ""), strict=True):
        if word == "-m" and following:
            return following.split(".")[0]
        if word == "-c" and following:
            return experiment_of(tuple(shlex.split(following)) or (following,))
        if not word.startswith("-") and word not in _LAUNCHERS and "=" not in word:
            return _of_path(word)
    return _of_path(entry[0])


def _words(entry: Sequence[str]) -> list[str]:
    """The words with the folder of a `make -C FOLDER` in first place, for it decides."""
    return [*_make_folder(entry), *entry]


def _make_folder(entry: Sequence[str]) -> Iterator[str]:
    if entry[0] != "make":
        return
    for word, following in zip(entry, (*entry[1:], ""), strict=True):
        if word in _MAKE_FOLDER and following:
            yield following
        elif word.startswith("--directory="):
            yield word.partition("=")[2]
        elif word.startswith("-C") and word != "-C":
            yield word[2:]


def _of_path(word: str) -> str:
    path = PurePosixPath(word)
    return path.parts[0] if len(path.parts) > 1 else path.stem
