"""Which versions work together here: the template's and the shim's (one number), and the packages that the commands need."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_text

REQUIREMENTS = "workflow/requirements.txt"
INSTALL = f"pip install -r {REQUIREMENTS}"
_STAMP = "build/packages.json"


@dataclass(frozen=True)
class Unmet:
    """A requirement that this Python does not meet; `installed` is None for a package that is missing."""

    requirement: str
    installed: str | None

    def __str__(self) -> str:
        return f"{self.requirement} ({self.installed or 'none'} is installed)"


def unmet(text: str) -> tuple[Unmet, ...]:
    """The lines of a requirements file that the running Python does not meet."""
    from importlib import metadata

    from packaging.requirements import Requirement

    found = []
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if not bare:
            continue
        wanted = Requirement(bare)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            found.append(Unmet(f"{wanted.name}{wanted.specifier}", None))
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            found.append(Unmet(f"{wanted.name}{wanted.specifier}", version))
    return tuple(found)


def advice(root: Path) -> str | None:
    """One sentence when an update asks for packages that are not installed yet, None when all are there.

    Looks only when the requirements changed since they were last met by this Python: half a millisecond otherwise.
    """
    try:
        text = (root / REQUIREMENTS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    stamp = json.dumps([hashlib.sha256(text.encode()).hexdigest(), sys.prefix, sys.version_info[:3]])
    path = root / _STAMP
    try:
        if path.read_text(encoding="utf-8") == stamp:
            return None
    except (OSError, UnicodeDecodeError):
        pass
    try:
        lacking = unmet(text)
    except ModuleNotFoundError:
        return f"packages that {REQUIREMENTS} asks for are not installed: run `{INSTALL}` (or start commands with `uv run`)."
    if lacking:
        listed = ", ".join(str(one) for one in lacking)
        return f"{REQUIREMENTS} asks for {listed}: run `{INSTALL}` (or start commands with `uv run`)."
    try:
        write_text(path, stamp)
    except (OSError, WorkflowError):
        # A workspace that can't be written to is looked at each time.
        return None
    return None
