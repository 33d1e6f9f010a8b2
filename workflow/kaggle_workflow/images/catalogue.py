"""Kaggle's images as this package lists them, and the changes that `deps/image.txt` makes to one.

Each list (`NAME-ACCELERATOR.txt`) is written by benchmarks/make_images.py. `import-names.txt` names the distributions whose
import has another name. A dotted name is part of a namespace package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from kaggle_shim.wheels import normalise
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.metadata import KernelMetadata
from kaggle_workflow.stage.requirement_lines import Line

DEFAULT = "2026-08"
ACCELERATORS = ("cpu", "gpu", "tpu")
_FOLDER = Path(__file__).parent
_HEAD = re.compile(r"# (?P<name>\S+): built (?P<date>\S+), (?P<accelerator>\w+), Python (?P<python>\S+)")
_NAMED = re.compile(r"image:\s*(?P<name>\S*)\s*(?P<accelerator>\S*)\s*\Z")
_TAKEN = re.compile(r"-\s*(?P<name>[A-Za-z0-9][\w.-]*)\Z")
_COMMENT = re.compile(r"(^|\s)#.*")


@dataclass(frozen=True)
class Image:
    """One of Kaggle's images.

    Attributes:
        name: such as `2026-08`.
        date: when it was built (ISO 8601).
        accelerator: `cpu`, `gpu` or `tpu`.
        python: its Python, such as `3.12.13`.
        versions: version by distribution (normalised name); "" if unknown.
        imports: distribution (normalised name) by import name, for the distributions in `versions`; dotted if part of a
            namespace package, such as `google.cloud.storage`.
        added: requirement lines of `deps/image.txt`.
    """

    name: str
    date: str
    accelerator: str
    python: str
    versions: Mapping[str, str]
    imports: Mapping[str, str]
    added: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.accelerator}"

    def distribution_of(self, module: str, names: Iterable[str] = ()) -> str | None:
        """The distribution of this image that provides `from MODULE import NAMES`, None if none does."""
        wanted = (*(f"{module}.{name}" for name in names), module)
        return next((found for one in wanted if (found := _longest(one, self.imports)) is not None), None)


def load(name: str, accelerator: str) -> Image:
    """Read an image of the package.

    Raises:
        WorkflowError: the package has no such image.
    """
    return _load(name, accelerator)


@lru_cache
def _load(name: str, accelerator: str) -> Image:
    known = sorted(path.stem for path in _FOLDER.glob("*-*.txt") if path.stem.endswith(ACCELERATORS))
    if f"{name}-{accelerator}" not in known:
        listed = ", ".join(f"{stem.rpartition('-')[0]} {stem.rpartition('-')[2]}" for stem in known)
        raise WorkflowError(f"deps/image.txt: image {name} {accelerator} is unknown: use one of {listed}.")
    head, *lines = (_FOLDER / f"{name}-{accelerator}.txt").read_text(encoding="utf-8").splitlines()
    said = _HEAD.fullmatch(head)
    if said is None:
        raise ValueError(f"{name}-{accelerator}.txt has no head")
    versions = {project: version for project, _, version in (line.partition(" ") for line in lines)}
    return Image(name, said["date"], accelerator, said["python"], versions, imports_of(versions))


def accelerator_of(about: KernelMetadata) -> str:
    """The image that a notebook runs in: `cpu`, `gpu` or `tpu`."""
    return about.accelerator or "cpu"


def names_image(text: str) -> bool:
    """Whether a `deps/image.txt` names an image; one that doesn't lists packages."""
    return any(_NAMED.match(line) for line in _lines(text))


def choose(text: str, accelerator: str, known: Image | None = None) -> Image:
    """Return the image that a `deps/image.txt` describes.

    A file that names no image adds its lines to the default one.

    Args:
        text: its content: `image: NAME [ACCELERATOR]`, then on each line a requirement (adds or pins) or `-name` (removes).
        accelerator: of the notebook; used if the text names none.
        known: the image to start from instead of the package's, such as the one that Kaggle reported.

    Raises:
        WorkflowError: the image is unknown, or a line removes a package that the image doesn't have.
    """
    lines = _lines(text)
    named = next((found for line in lines if (found := _NAMED.match(line))), None)
    if known is not None:
        image = known
    elif named is None:
        image = load(DEFAULT, accelerator)
    else:
        image = load(named["name"], named["accelerator"] or accelerator)
    versions, added = dict(image.versions), []
    for line in lines:
        taken = _TAKEN.match(line)
        if _NAMED.match(line):
            continue
        if named is not None and taken is not None and not taken["name"].endswith(".txt"):
            if (
                versions.pop(normalise(taken["name"]), None) is None
                and normalise(taken["name"]) not in image.versions
            ):
                raise WorkflowError(
                    f"deps/image.txt: '{line}' removes a package that image {image} doesn't have: delete this line."
                )
            continue
        added.append(line)
        _add(line, versions)
    return replace(image, versions=versions, imports=imports_of(versions), added=tuple(added))


def _lines(text: str) -> list[str]:
    bare = (_COMMENT.sub("", line).strip() for line in text.removeprefix("\ufeff").splitlines())
    return [line for line in bare if line]


def _add(line: str, versions: dict[str, str]) -> None:
    """Apply a requirement; options, paths and URLs are left to the installer."""
    wanted = Line(Path(), 0, line).requirement
    if wanted is None:
        return
    name = normalise(wanted.name)
    if name in versions and wanted.specifier.contains(versions[name] or "0", prereleases=True):
        return
    pinned = [
        one.version for one in wanted.specifier if one.operator == "==" and not one.version.endswith("*")
    ]
    versions[name] = pinned[0] if pinned else ""


def imports_of(versions: Mapping[str, str]) -> dict[str, str]:
    """The import names that distributions (normalised names) provide, each with its distribution."""
    found: dict[str, str] = {}
    named: set[str] = set()
    for module, project in import_names():
        if project in versions:
            found.setdefault(module, project)
            named.add(project)
    for project in versions:
        if project not in named:
            found.setdefault(default_import(project), project)
    return found


def default_import(project: str) -> str:
    """The import name of a distribution that isn't in `import-names.txt`: its own name, with `_` for `-`."""
    dotted = project.startswith(("google-cloud-", "nvidia-", "sphinxcontrib-"))
    if not dotted:
        return project.replace("-", "_")
    parts = project.split("-", 2 if project.startswith("google-") else 1)
    return ".".join(part.replace("-", "_") for part in parts)


def distribution_of(module: str) -> str | None:
    """The distribution that `import-names.txt` gives for a module (dotted or not), None if it isn't there."""
    return _longest(module, dict(reversed(import_names())))


def _longest(module: str, known: Mapping[str, str]) -> str | None:
    """Look up a dotted name, or else the longest beginning of it."""
    parts = module.split(".")
    return next(
        (known[name] for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in known), None
    )


@lru_cache
def import_names() -> tuple[tuple[str, str], ...]:
    """Pairs of import name and distribution (normalised), the most common distribution first."""
    text = (_FOLDER / "import-names.txt").read_text(encoding="utf-8")
    pairs = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return tuple((module, project) for module, *projects in pairs for project in projects)
