"""What this machine brings: Python, packages, disk, sandbox, git."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from kaggle_workflow import console, versions
from kaggle_workflow.doctor.diagnosis import NOTE, OK, WRONG, Line
from kaggle_workflow.workspace import Workspace

_OLDEST = (3, 11)
_LITTLE, _FULL = 5e9, 5e8
_SHOWN = ("kagglesdk", "requests", "protobuf", "invoke")


def lines(workspace: Workspace) -> Iterator[Line]:
    """The lines about this machine."""
    yield _python()
    yield _packages()
    yield _disk(workspace.root)
    yield from _home()
    yield _sandbox()
    yield _git()


def _python() -> Line:
    told = f"Python {platform.python_version()} in {sys.prefix}"
    if sys.version_info < _OLDEST:
        return Line(
            "python",
            WRONG,
            told,
            "recreate the environment with Python 3.11 or newer",
        )
    return Line("python", OK, told)


def _packages() -> Line:
    from importlib import metadata

    odd = list(versions.untested(versions.requirements()))
    missing = [f"{name}{wanted}" for name, wanted, there in odd if there is None]
    if missing:
        return Line("packages", WRONG, f"{', '.join(missing)} is not installed", versions.INSTALL)
    if odd:
        told = ", ".join(f"{name} {there} (tested: {wanted})" for name, wanted, there in odd)
        return Line("packages", NOTE, f"not the tested versions: {told}", versions.INSTALL)
    return Line(
        "packages", OK, f"as tested: {', '.join(f'{name} {metadata.version(name)}' for name in _SHOWN)}"
    )


def _disk(root: Path) -> Line:
    free = shutil.disk_usage(root).free
    told = f"{console.size(free)} free where the workspace lies"
    if free < _FULL:
        return Line(
            "disk",
            WRONG,
            told,
            "make room: build/ and data/ may be deleted, they can be made and downloaded again",
        )
    if free < _LITTLE:
        return Line("disk", NOTE, told, "an image for rehearsal and a competition's data may need more")
    return Line("disk", OK, told)


def _home() -> Iterator[Line]:
    """A line only where nothing can be kept in the home folder: images of rehearsals and unfinished uploads lie there."""
    import platformdirs

    cache = platformdirs.user_cache_path("kaggle-workspace")
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        yield Line(
            "home",
            WRONG,
            f"{there} can't be written to, and images for rehearsal and the state of uploads are kept below it",
            "set XDG_CACHE_HOME to a folder that can (LOCALAPPDATA on Windows)",
        )


def _sandbox() -> Line:
    from kaggle_workflow.rehearsal import sandbox

    isolation = sandbox.detect()
    if isolation.complete:
        return Line(
            "sandbox",
            OK,
            f"rehearsal runs isolated, by {isolation.bwrap}{', with the GPU passed in' if isolation.gpu else ''}",
        )
    says, _, remedy = isolation.missing.rstrip(".").rpartition("; ")
    return Line("sandbox", NOTE, says, remedy)


def _git() -> Line:
    if shutil.which("git") is None:
        return Line(
            "git",
            NOTE,
            "git is not installed, so uploads name no commit and copier can't update",
            "install git",
        )
    return Line("git", OK, "git is there")
