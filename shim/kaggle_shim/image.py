"""What the image brings along: its distributions, which of them are protected, and what a wheel may not tear apart."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.wheels import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Built together with the image's CUDA and with each other (KAGGLE.md §6): over them, the GPU is lost or symbols are undefined.
_PROTECTED = frozenset(
    {"torch", "torchvision", "torchaudio", "torchcodec", "torchtext", "triton", "numpy", "protobuf"}
)
_METADATA_FOLDER = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)")
_IMPORTABLE = (".py", ".so", ".pyd")
# Folders that many distributions leave at the top by mistake; nobody imports them from there.
_LEFT_BEHIND = frozenset({"tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts"})
_SHARED_INIT = (b"extend_path", b"declare_namespace")


@dataclass(frozen=True)
class Distribution:
    """A distribution of the image: normalised name, version, and its metadata folder."""

    project: str
    version: str
    metadata: Path

    def demands(self) -> tuple[str, ...]:
        """Its Requires-Dist lines; none when its metadata can't be read."""
        for name in ("METADATA", "PKG-INFO"):
            try:
                text = (self.metadata / name).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            lines = text.partition("\n\n")[0].splitlines()
            return tuple(
                line.partition(":")[2].strip() for line in lines if line.lower().startswith("requires-dist:")
            )
        return ()


@dataclass(frozen=True)
class Split:
    """A regular package of which one part would be the wheel's and one the image's.

    Attributes:
        package: its dotted name.
        hidden: a module that would not be found any more, relative to the site folder.
        of_image: whether the hidden one is the image's; else it is the wheel's own.
    """

    package: str
    hidden: str
    of_image: bool


def is_protected(project: str) -> bool:
    """Whether a project (normalised name) must stay the image's own."""
    return project in _PROTECTED or (project.startswith("nvidia-") and project != "nvidia-ml-py")


def distributions(folders: Iterable[Path]) -> dict[str, Distribution]:
    """The distributions in some site folders by normalised name; the first folder wins, as it does for imports.

    Only folders are listed, nothing is opened: the image has hundreds.
    """
    found: dict[str, Distribution] = {}
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            # A site folder that is named but not there is usual (Debian names four).
            continue
        for name in names:
            if match := _METADATA_FOLDER.fullmatch(name):
                project = normalise(match["name"])
                found.setdefault(project, Distribution(project, match["version"], folder / name))
    return found


def splits(
    owners: Mapping[str, str], folders: Iterable[Path], image: Mapping[str, Distribution]
) -> dict[str, Split]:
    """Find the regular packages that wheels and image would share.

    Python takes a regular package from one place only. So a wheel's files beside the image's `__init__.py` are never found,
    and a wheel's `__init__.py` hides what other distributions of the image keep in that package. A wheel that brings the
    whole package, under its own or another name (opencv-python, opencv-python-headless), splits nothing.

    Args:
        owners: project by file, relative to the site folder, of everything the wheels bring.
        folders: the image's site folders.
        image: as `distributions` answers.

    Returns:
        The first split of each project.
    """
    modules = {
        path: project for path, project in owners.items() if path.endswith(_IMPORTABLE) and "/" in path
    }
    tops: dict[str, list[str]] = {}
    for path in modules:
        tops.setdefault(path.partition("/")[0], []).append(path)
    found: dict[str, Split] = {}
    for top, paths in sorted(tops.items()):
        if top.isidentifier() and top not in _LEFT_BEHIND:
            for folder in folders:
                if (folder / top).is_dir():
                    _look(top, sorted(paths), folder, modules, image, found)
    return found


def _look(
    package: str,
    paths: list[str],
    folder: Path,
    owners: Mapping[str, str],
    image: Mapping[str, Distribution],
    found: dict[str, Split],
) -> None:
    init = f"{package}/__init__.py"
    theirs = folder / init
    if theirs.exists() and _is_shared(theirs):
        return
    if init in owners:
        owner = owners[init]
        hidden = _hidden(package, paths, folder, owner, image)
        if hidden:
            found.setdefault(owner, Split(package.replace("/", "."), hidden, of_image=True))
    elif theirs.exists():
        found.setdefault(owners[paths[0]], Split(package.replace("/", "."), paths[0], of_image=False))
    else:
        inner: dict[str, list[str]] = {}
        for path in paths:
            name, slash, _ = path[len(package) + 1 :].partition("/")
            if slash:
                inner.setdefault(f"{package}/{name}", []).append(path)
        for name, below in inner.items():
            if (folder / name).is_dir():
                _look(name, below, folder, owners, image, found)


def _hidden(
    package: str, paths: list[str], folder: Path, owner: str, image: Mapping[str, Distribution]
) -> str | None:
    """A module in the image's package that neither the wheels bring nor the distribution that owns the package there."""
    brought = {_module(path) for path in paths}
    left = [path for path in _modules_below(folder, package) if _module(path) not in brought]
    if not left:
        return None
    own = _recorded(image.get(owner), folder)
    if f"{package}/__init__.py" not in own:
        candidates = (_recorded(distribution, folder) for distribution in image.values())
        own = next((record for record in candidates if f"{package}/__init__.py" in record), set())
    # Nobody says whose the package is (Debian's own packages don't): no ground for a refusal.
    return next((path for path in left if path not in own), None) if own else None


def _modules_below(folder: Path, package: str) -> list[str]:
    found: list[str] = []
    for parent, inner, names in os.walk(folder / package):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        found.extend(
            Path(parent, name).relative_to(folder).as_posix()
            for name in sorted(names)
            if name.endswith(_IMPORTABLE)
        )
    return found


def _recorded(distribution: Distribution | None, folder: Path) -> set[str]:
    if distribution is None or distribution.metadata.parent != folder:
        return set()
    try:
        text = (distribution.metadata / "RECORD").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return {line.split(",")[0].strip('"') for line in text.splitlines()}


def _module(path: str) -> str:
    parent, slash, name = path.rpartition("/")
    return parent + slash + name.partition(".")[0]


def _is_shared(init: Path) -> bool:
    """Whether an `__init__.py` joins all folders of its name, the way of namespaces before Python 3.3."""
    try:
        text = init.read_bytes()
    except OSError:
        return False
    return any(word in text for word in _SHARED_INIT)
