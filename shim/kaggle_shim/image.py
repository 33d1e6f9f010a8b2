"""What the image brings along: its distributions, which of them are protected, and what a wheel may not tear apart."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.report import image_identity
from kaggle_shim.wheels import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Built together with the image's CUDA and with each other (see docs/explanation): over them, the GPU is lost or symbols are undefined.
_PROTECTED = frozenset(
    {"torch", "torchvision", "torchaudio", "torchcodec", "torchtext", "triton", "numpy", "protobuf"}
)
_METADATA_FOLDER = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)")
IMAGE_LIST = "image-packages.json"
_IMPORTABLE = (".py", ".so", ".pyd")
# Folders that many distributions leave at the top level by mistake.
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
            with suppress(OSError):
                text = (self.metadata / name).read_text(encoding="utf-8", errors="replace")
                head = text.partition("\n\n")[0]
                return tuple(re.findall(r"(?im)^requires-dist:[ \t]*(.*?)[ \t\r]*$", head))
        return ()


def is_protected(project: str) -> bool:
    """Whether a project (normalised name) must stay the image's own."""
    return project in _PROTECTED or (project.startswith("nvidia-") and project != "nvidia-ml-py")


def distributions(folders: Iterable[Path]) -> dict[str, Distribution]:
    """The distributions in some site folders by normalised name; the first folder wins, as it does for imports.

    Only folders are listed, nothing is opened: the image has hundreds.
    """
    found: dict[str, Distribution] = {}
    for folder in folders:
        # A site folder that is named but not there is usual (Debian names four).
        with suppress(OSError):
            for name in sorted(os.listdir(folder)):
                if match := _METADATA_FOLDER.fullmatch(name):
                    project = normalise(match["name"])
                    found.setdefault(project, Distribution(project, match["version"], folder / name))
    return found


def write_list(folder: Path, search: Iterable[str] = sys.path) -> None:
    """Write what this interpreter's environment holds to `IMAGE_LIST` in `folder`: names, versions, Python, build.

    A disk that is full is the run report's to tell.
    """
    found = distributions(Path(entry) for entry in search if entry)
    value = {
        "schema": 1,
        "python": ".".join(map(str, sys.version_info[:3])),
        **image_identity(),
        "versions": {project: found[project].version for project in sorted(found)},
    }
    text = json.dumps(value, separators=(",", ":"))
    with suppress(OSError):
        (folder / IMAGE_LIST).write_text(text + "\n", encoding="utf-8", newline="\n")


def find_shadowed(owners: Mapping[str, str], folders: Iterable[Path]) -> dict[str, str]:
    """Find the wheels' modules that lie beside an `__init__.py` of the image.

    Python takes a regular package from one place only, so it would never look for them in the overlay. A wheel that brings
    the whole package, under its own or another name (opencv-python, opencv-python-headless), is fine.

    Args:
        owners: project by file, relative to the site folder, of everything the wheels bring.
        folders: the image's site folders.

    Returns:
        The first such module of each project.
    """
    found: dict[str, str] = {}
    for path, project in sorted(owners.items()):
        top = path.partition("/")[0]
        if not path.endswith(_IMPORTABLE) or not top.isidentifier() or top in _LEFT_BEHIND:
            continue
        parts = path.split("/")[:-1]
        inits = [f"{'/'.join(parts[: depth + 1])}/__init__.py" for depth in range(len(parts))]
        for folder in folders:
            first = next((init for init in inits if init in owners or (folder / init).exists()), None)
            if first is not None and first not in owners and not _is_shared(folder / first):
                found.setdefault(project, path)
    return found


def _is_shared(init: Path) -> bool:
    """Whether an `__init__.py` joins all folders of its name, the way of namespaces before Python 3.3."""
    with suppress(OSError):
        text = init.read_bytes()
        return any(word in text for word in _SHARED_INIT)
    return False
