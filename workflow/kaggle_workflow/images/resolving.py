"""Resolve `deps/requirements.txt` against an image that isn't installed: pip sees its names and versions only."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import tempfile
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from kaggle_shim.collecting import resolve_against
from kaggle_shim.errors import ShimError
from kaggle_shim.image import distributions
from kaggle_shim.wheels import normalise
from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.images.catalogue import Image
from kaggle_workflow.stage import requirements
from kaggle_workflow.workspace import DEPS, Workspace


@dataclass(frozen=True)
class Resolved:
    """What the wheel notebook would collect.

    Attributes:
        image: the image that it was resolved against, and `python` the Python that resolved it.
        download: name and version of each package.
        replaced: name, version in the image, version that is installed over it.
        satisfied: name and version of the requirements that the image meets.
    """

    image: str
    python: str
    download: list[list[str]]
    replaced: list[list[str]]
    satisfied: list[list[str]]

    def lines(self) -> list[str]:
        """The answer as sentences."""
        named = ", ".join(" ".join(one) for one in self.download) or "nothing"
        found = [f"deps: downloads {named} (image {self.image})."]
        found += [f"deps: replaces the image's {name} {old} by {new}." for name, old, new in self.replaced]
        if self.satisfied:
            has = ", ".join(" ".join(one) for one in self.satisfied)
            found.append(f"deps: the image already has {has}.")
        return found


NOTHING = Resolved("", "", [], [], [])


def resolve(workspace: Workspace, say: Callable[[str], None]) -> Resolved | None:
    """Resolve the requirements; the same ones against the same image are read from `build/images`, without network.

    Args:
        workspace: the workspace.
        say: takes a line of progress.

    Returns:
        None in a workspace that collects nothing.

    Raises:
        WorkflowError: there is no solution, or the package index could not be reached.
    """
    if DEPS not in workspace.notebook_names() or not requirements.asks(workspace):
        return None
    image = from_kaggle.image_of(workspace, DEPS)
    python = platform.python_version()
    if python.split(".")[:2] != image.python.split(".")[:2]:
        say(f"note: image {image} has Python {image.python}; this resolves with Python {python}.")
    asked = requirements.read(workspace, str(image)).fingerprint
    content = json.dumps([asked, python, sorted(workspace.settings.allow), dict(image.versions)])
    path = workspace.build / "images" / f"resolved-{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
    try:
        return Resolved(**read_object(path))
    except TypeError:
        say(f"deps: resolving {DEPS}/{requirements.MAIN} against image {image}.")
    with tempfile.TemporaryDirectory(prefix="kaggle-image-") as folder:
        found = _ask_pip(workspace, image, Path(folder))
    write_text(path, json.dumps(asdict(found)) + "\n")
    return found


def _ask_pip(workspace: Workspace, image: Image, scratch: Path) -> Resolved:
    environment = scratch / "image"
    venv.EnvBuilder(with_pip=False).create(environment)
    site = next(path for path in environment.rglob("site-packages") if path.is_dir())
    for name, version in image.versions.items():
        if version:
            folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
            folder.mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (folder / "METADATA").write_text(text, encoding="utf-8")
    packages = requirements.own_packages(workspace)
    links = scratch / "own" if packages else None
    lines = []
    for package in packages:
        (scratch / "own").mkdir(exist_ok=True)
        lines.append(Path(shutil.copyfile(package, scratch / "own" / package.name)).as_uri())
    files = [workspace.root / DEPS / requirements.MAIN]
    if lines:
        files.append(scratch / "own-wheels.txt")
        files[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    has = distributions([site])
    allowed = {normalise(name) for name in workspace.settings.allow}
    python = platforms.interpreter(environment)
    try:
        found = resolve_against(
            [file for file in files if file.is_file()], links, has, allowed, scratch, lambda _: None, python
        )
    except ShimError as error:
        raise WorkflowError(str(error)) from error
    return Resolved(
        image=str(image),
        python=platform.python_version(),
        download=[[one.project, one.version] for one in found.packages],
        replaced=[
            [one.project, has[one.project].version, one.version]
            for one in found.packages
            if one.project in has and has[one.project].version != one.version
        ],
        satisfied=[list(one) for one in found.satisfied],
    )
