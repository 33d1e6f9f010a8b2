"""The image of the last runs on Kaggle: a cache in `build/images`, written by `push`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaggle_shim.wheels import normalise
from kaggle_workflow import import_statements
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.images import catalogue
from kaggle_workflow.workspace import DEPS, SUB, Workspace


@dataclass(frozen=True)
class Seen:
    """The image of one run on Kaggle.

    Attributes:
        notebook: `owner/slug` of the notebook that ran, and `version` its version.
        time: when `push` read the list (UTC, ISO 8601).
        python: the Python of the image, such as `3.12.11`.
        versions: version by distribution (normalised name).
        build_date, git_commit, docker_image: what identifies the image, "" if unknown.
    """

    notebook: str
    version: int
    time: str
    python: str
    versions: Mapping[str, str]
    build_date: str = ""
    git_commit: str = ""
    docker_image: str = ""

    @classmethod
    def of(cls, value: Mapping[str, Any], notebook: str, version: int, time: str = "") -> Seen | None:
        """Read the list that a run wrote; None if it isn't one."""
        python, versions = value.get("python"), value.get("versions")
        if not isinstance(python, str) or not isinstance(versions, dict) or not versions:
            return None
        identity = {key: str(value.get(key) or "") for key in ("build_date", "git_commit", "docker_image")}
        listed = {str(name): str(number) for name, number in versions.items()}
        time = time or datetime.now(UTC).isoformat(timespec="seconds")
        return cls(notebook, version, time, python, listed, **identity)

    @property
    def days_old(self) -> int:
        """Whole days since the list was read; 0 if the clock went back."""
        try:
            return max(0, (datetime.now(UTC) - datetime.fromisoformat(self.time)).days)
        except (ValueError, TypeError):
            return 0


def known(workspace: Workspace, *names: str) -> Seen | None:
    """The image of a notebook's newest run, None if no run reported one.

    Args:
        workspace: the workspace.
        names: folders of notebooks, in order of preference; by default the submission notebook, then the wheel notebook.
    """
    for name in names or (SUB, DEPS):
        if name in workspace.notebook_names():
            seen = _read(_file(workspace, workspace.notebook(name).metadata.id.name))
            if seen is not None:
                return seen
    return None


def image_of(workspace: Workspace, name: str) -> catalogue.Image:
    """The image of a notebook: as its newest run on Kaggle reported it, else from the package's list, with `deps/image.txt` applied.

    Raises:
        WorkflowError: `deps/image.txt` can't be read, or names an unknown image.
    """
    accelerator = catalogue.accelerator_of(workspace.notebook(name).metadata)
    seen = known(workspace, name)
    found = None
    if seen is not None:
        title = f"seen-in-version-{seen.version}"
        imports = catalogue.imports_of(seen.versions)
        found = catalogue.Image(title, seen.build_date, accelerator, seen.python, seen.versions, imports)
    return catalogue.choose(image_text(workspace), accelerator, found)


def image_text(workspace: Workspace) -> str:
    """The content of `deps/image.txt`, or the default if it is missing; raises WorkflowError if it can't be read."""
    try:
        return workspace.image_list.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(f"{DEPS}/image.txt can't be read ({error}): save it as UTF-8 text.") from error


def keep(workspace: Workspace, seen: Seen) -> Seen | None:
    """Write the image of a run into the cache; returns the image of the notebook's run before."""
    path = _file(workspace, seen.notebook)
    before = _read(path)
    write_text(path, json.dumps(asdict(seen)) + "\n")
    return before


def changes(before: Seen, now: Seen, used: Iterable[str]) -> list[str]:
    """List what changed between two images, of the packages that the code uses: `numpy 1.26.4 -> 2.1.3`, Python first."""
    found = [] if before.python == now.python else [f"Python {before.python} -> {now.python}"]
    for project in sorted(set(used)):
        old, new = before.versions.get(project), now.versions.get(project)
        if old != new:
            found.append(f"{project} {old or 'missing'} -> {new or 'missing'}")
    return found


def moved(before: Seen, now: Seen, used: Iterable[str]) -> str | None:
    """Say what changed since the last image; None if nothing did."""
    if (before.python, before.versions) == (now.python, now.versions):
        return None
    said = ", ".join(changes(before, now, used)) or "nothing that your code imports"
    return f"Kaggle's image changed since {before.notebook} version {before.version}: {said}"


def used_by(codes: Path) -> frozenset[str]:
    """Normalised names of the distributions that the Python files in a folder import directly."""
    return frozenset(
        normalise(catalogue.distribution_of(one.module) or one.module.partition(".")[0])
        for path in codes.rglob("*.py")
        for one in import_statements.read(path)[0]
        if not one.module.startswith(".")
    )


def _file(workspace: Workspace, notebook: str) -> Path:
    return workspace.build / "images" / f"{notebook.replace('/', '--')}.json"


def _read(path: Path) -> Seen | None:
    value = read_object(path)
    version = value.get("version")
    return Seen.of(
        value, str(value.get("notebook")), version if isinstance(version, int) else 0, str(value.get("time"))
    )
