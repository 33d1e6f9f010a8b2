"""Resolve `deps/requirements.txt` against an image that isn't installed: pip sees only its names and versions."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import tempfile
import venv
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from kaggle_shim import pip
from kaggle_shim.collecting import resolve_against
from kaggle_shim.conflicts import broken_demands
from kaggle_shim.errors import ShimError
from kaggle_shim.image import Distribution, distributions
from kaggle_shim.wheels import normalise
from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.images.catalogue import Image
from kaggle_workflow.reach import reached
from kaggle_workflow.stage import requirements
from kaggle_workflow.workspace import CODES, DEPS, Workspace


@dataclass(frozen=True)
class Resolved:
    """What the wheel notebook would collect.

    Attributes:
        image: the image that it was resolved against, and `python` the Python that resolved it.
        download: name and version of each package.
        replaced: name, version in the image, version that is installed over it.
        satisfied: name and version of the requirements that the image meets.
        broken: a sentence for each requirement of the image's packages that `replaced` breaks. Only the packages that the code
            imports are checked: an image list has no requirements, so the index is asked for theirs.
        unchecked: name and version of those for which the index gave no metadata.
    """

    image: str
    python: str
    download: list[list[str]]
    replaced: list[list[str]]
    satisfied: list[list[str]]
    broken: list[str]
    unchecked: list[list[str]]

    def lines(self) -> list[str]:
        """The answer as sentences."""
        found = [f"deps: downloads {_listed(self.download) or 'nothing'} (image {self.image})."]
        found += [f"deps: replaces the image's {name} {old} by {new}." for name, old, new in self.replaced]
        found += [f"deps: conflict: {sentence}" for sentence in self.broken]
        if self.replaced and not self.broken:
            found.append("deps: that breaks no requirement of the image's packages that your code imports.")
        if self.unchecked:
            found.append(
                f"deps: not checked, because the index gave no metadata for them: {_listed(self.unchecked)}."
            )
        if self.satisfied:
            found.append(f"deps: the image already has {_listed(self.satisfied)}.")
        return found


NOTHING = Resolved("", "", [], [], [], [], [])
_NO_VERSION = re.compile(r"Could not find a version that satisfies the requirement ([\w.-]+)==")


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
    asked = requirements.read_asked(workspace, str(image)).fingerprint
    used = _used(workspace, image)
    content = json.dumps([asked, python, sorted(workspace.settings.allow), dict(image.versions), used])
    path = workspace.build / "images" / f"resolved-{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
    try:
        return Resolved(**read_object(path))
    except TypeError:
        other = f" (with Python {python}; the image has {image.python})"
        same = python.split(".")[:2] == image.python.split(".")[:2]
        say(f"deps: resolving {DEPS}/{requirements.MAIN} against image {image}{'' if same else other}.")
    with tempfile.TemporaryDirectory(prefix="kaggle-image-") as folder:
        found = _ask_pip(workspace, image, used, Path(folder))
    write_text(path, json.dumps(asdict(found)) + "\n")
    return found


def _listed(packages: Iterable[list[str]]) -> str:
    return ", ".join(" ".join(one) for one in packages)


def _used(workspace: Workspace, image: Image) -> list[str]:
    """The image's packages that the code imports."""
    imports: set[tuple[str, tuple[str, ...]]] = set()
    for name in workspace.notebook_names():
        if name != DEPS:
            settings = workspace.settings.of(name)
            code = reached((*settings.entry, *settings.args), workspace.root / CODES, workspace.build)
            imports.update((one.module, one.names) for _, one in code.imports)
    return sorted({found for one in imports if (found := image.distribution_of(*one)) is not None})


def _ask_pip(workspace: Workspace, image: Image, used: Iterable[str], scratch: Path) -> Resolved:
    environment = scratch / "image"
    venv.EnvBuilder(with_pip=False).create(environment)
    site = next(path for path in environment.rglob("site-packages") if path.is_dir())
    for name, version in image.versions.items():
        if version:
            (site / f"{name.replace('-', '_')}-{version}.dist-info").mkdir()
    has = distributions([site])
    for there in has.values():
        _write_metadata(there, ())
    python = platforms.interpreter(environment)
    links, files = _requirement_files(workspace, scratch)
    allowed = {normalise(name) for name in workspace.settings.allow}
    try:
        found = resolve_against(files, links, has, allowed, scratch, lambda _: None, python)
        new = {one.project: one.version for one in found.packages}
        replaced = [
            [name, has[name].version, version]
            for name, version in new.items()
            if name in has and has[name].version != version
        ]
        options = [line for file in files for line in pip.options_of(file)]
        asked = [has[name] for name in used if name in has and name not in new] if replaced else []
        unchecked = _fetch_metadata(asked, options, scratch, python)
    except ShimError as error:
        raise WorkflowError(str(error)) from error
    return Resolved(
        image=str(image),
        python=platform.python_version(),
        download=[[one.project, one.version] for one in found.packages],
        replaced=replaced,
        satisfied=[list(one) for one in found.satisfied],
        broken=broken_demands(new, has),
        unchecked=[[there.project, there.version] for there in unchecked],
    )


def _requirement_files(workspace: Workspace, scratch: Path) -> tuple[Path | None, list[Path]]:
    """The folder of the user's own wheels, if there are any, and the requirements files for pip."""
    files = [workspace.root / DEPS / requirements.MAIN]
    packages = requirements.own_packages(workspace)
    if packages:
        (scratch / "own").mkdir()
        copies = [Path(shutil.copyfile(package, scratch / "own" / package.name)) for package in packages]
        files.append(scratch / "own-wheels.txt")
        files[-1].write_text("".join(f"{copy.as_uri()}\n" for copy in copies), encoding="utf-8")
    return (scratch / "own" if packages else None), [file for file in files if file.is_file()]


def _fetch_metadata(
    packages: list[Distribution], options: list[str], scratch: Path, python: Path
) -> list[Distribution]:
    """Write the requirements of packages, as the index has them, into their metadata; returns those that it doesn't have."""
    left, missing = {there.project: there for there in packages}, []
    exact, report = scratch / "used.txt", scratch / "used.json"
    while left:
        # The index has no local versions: CUDA builds such as 2.10.0+cu128 require the same as the plain version.
        pins = [f"{name}=={there.version.partition('+')[0]}" for name, there in left.items()]
        exact.write_text("\n".join([*options, *pins]) + "\n", encoding="utf-8")
        code, lines = pip.metadata(exact, report, lambda _: None, python)
        if code == 0:
            break
        named = _NO_VERSION.search("\n".join(lines))
        unknown = left.pop(normalise(named[1]), None) if named is not None else None
        if unknown is None:
            # Another failure, such as an index that can't be reached, is none of one package.
            return packages
        missing.append(unknown)
    for entry in read_object(report).get("install", ()) if left else ():
        about = entry["metadata"]
        _write_metadata(left[normalise(about["name"])], about.get("requires_dist", ()))
    return missing


def _write_metadata(there: Distribution, demands: Iterable[str]) -> None:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {there.project}",
        f"Version: {there.version}",
        *(f"Requires-Dist: {line}" for line in demands),
    ]
    (there.metadata / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
