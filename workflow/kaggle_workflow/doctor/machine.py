"""What this machine has: Python, packages, disk, sandbox, git."""

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
    """Check this machine."""
    python = f"Python {platform.python_version()} in {sys.prefix}"
    old = sys.version_info < _OLDEST
    remedy = "recreate the environment with Python 3.11 or newer" if old else ""
    yield Line("python", WRONG if old else OK, python, remedy)
    yield _packages()
    yield _disk(workspace.root)
    yield from _home()
    yield _sandbox()
    if shutil.which("git") is None:
        says = "git is not installed, so uploads name no commit and `copier update` can't work"
        yield Line("git", NOTE, says, "install git")
    else:
        yield Line("git", OK, "git is installed")


def _packages() -> Line:
    from importlib import metadata

    odd = list(versions.untested(versions.requirements()))
    missing = [f"{name}{wanted}" for name, wanted, there in odd if there is None]
    if missing:
        return Line("packages", WRONG, f"{', '.join(missing)} is not installed", versions.INSTALL)
    if odd:
        told = ", ".join(f"{name} {there} (tested: {wanted})" for name, wanted, there in odd)
        return Line("packages", NOTE, f"not the tested versions: {told}", versions.INSTALL)
    shown = ", ".join(f"{name} {metadata.version(name)}" for name in _SHOWN)
    return Line("packages", OK, f"as tested: {shown}")


def _disk(root: Path) -> Line:
    free = shutil.disk_usage(root).free
    says = f"{console.size(free)} free on the workspace's disk"
    if free < _FULL:
        return Line("disk", WRONG, says, "free some space: build/ and data/ can be deleted and made again")
    if free < _LITTLE:
        return Line("disk", NOTE, says, "an image for rehearsal and a competition's data may need more")
    return Line("disk", OK, says)


def _home() -> Iterator[Line]:
    """Report a cache folder that is not writable: images for rehearsal and unfinished uploads are stored there."""
    import platformdirs

    cache = platformdirs.user_cache_path("kaggle-workspace")
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        says = f"{there} is not writable, and images for rehearsal and the state of uploads are stored in it"
        yield Line("home", WRONG, says, "set XDG_CACHE_HOME (LOCALAPPDATA on Windows) to a writable folder")


def _sandbox() -> Line:
    from kaggle_workflow.rehearsal import sandbox

    isolation = sandbox.detect()
    if isolation.complete:
        gpu = ", with the GPU" if isolation.gpu else ""
        return Line("sandbox", OK, f"rehearsal runs isolated, with {isolation.bwrap}{gpu}")
    says, _, remedy = isolation.missing.rstrip(".").rpartition("; ")
    return Line("sandbox", NOTE, says, remedy)
