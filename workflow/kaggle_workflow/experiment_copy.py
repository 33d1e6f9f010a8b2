"""Copy an experiment, a file or a folder, without what git ignores; overwrite nothing."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable
from pathlib import Path

from kaggle_workflow import git, platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import make_folder, remove_tree
from kaggle_workflow.workspace import CODES

_CACHES = ("__pycache__", ".ipynb_checkpoints", "*.pyc")


def make(codes: Path, old: str, new: str) -> None:
    """Copy `old` to `new`, both relative to `codes`: whole or not at all; raises WorkflowError if `new` exists and differs."""
    source, target = codes / old, codes / new
    place = make_folder(target)
    try:
        copy = place / target.name
        if source.is_file():
            shutil.copyfile(source, copy)
            shutil.copymode(source, copy)
        else:
            shutil.copytree(source, copy, symlinks=True, ignore=_left_out(source))
        if not target.exists():
            platforms.retry_while_locked(lambda: copy.rename(target))
        elif not same(copy, target):
            raise WorkflowError(f"{CODES}/{new} exists and is not overwritten: choose another --name.")
        # A copy that is there already and has not been touched is that of a command that was cut off.
    finally:
        remove_tree(place)


def same(copy: Path, other: Path) -> bool:
    """Whether two files or folders hold the same."""
    if copy.is_dir() != other.is_dir() or copy.is_symlink() != other.is_symlink():
        return False
    if copy.is_symlink():
        return copy.readlink() == other.readlink()
    if copy.is_file():
        return filecmp.cmp(copy, other, shallow=False)
    inside = {path.name for path in copy.iterdir()}
    return inside == {path.name for path in other.iterdir()} and all(
        same(copy / name, other / name) for name in inside
    )


def _left_out(source: Path) -> Callable[[str, list[str]], set[str]]:
    """What a copy leaves out: caches, and what git ignores (weights, logs)."""
    ignored = {(source / path) for path in git.ignored(source)}
    caches = shutil.ignore_patterns(*_CACHES)

    def out(folder: str, names: list[str]) -> set[str]:
        return set(caches(folder, names)) | {name for name in names if Path(folder, name) in ignored}

    return out
