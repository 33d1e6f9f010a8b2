"""What wheels and image demand of each other and don't get: sentences for a person, never a refusal.

Half of the world's version limits are stricter than the code behind them, so the import in a fresh child is the verdict.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kaggle_shim.wheels import Wheel, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from kaggle_shim.image import Distribution

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Words by which projects tell builds of one and the same package apart.
_VARIANTS = frozenset({"headless", "contrib", "cpu", "gpu", "binary", "simd", "nightly"})


def packaging_requirements() -> ModuleType | None:
    """The module that reads requirements, the image's own or the one inside its pip; None when it has neither."""
    import importlib

    for name in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def look(wheels: Iterable[Wheel], image: Mapping[str, Distribution]) -> list[str]:
    """Compare what is demanded with what will be there.

    Versions and markers are understood by `packaging`, the image's own or the one inside its pip.

    Args:
        wheels: what is about to be installed.
        image: what the image has.

    Returns:
        A sentence for every demand of a wheel that is not met, and for every one of the image that the wheels break.
    """
    requirements = packaging_requirements()
    if requirements is None:
        return [
            "Neither packaging nor pip is in the image: conflicts between the wheels and the image were not looked at."
        ]
    wheels = tuple(wheels)
    versions = {project: there.version for project, there in image.items()} | {
        wheel.project: wheel.version for wheel in wheels
    }
    found = []
    for wheel in wheels:
        found.extend(_unmet(str(wheel), wheel.requires_dist, versions, requirements))
    replaced = {
        wheel.project
        for wheel in wheels
        if wheel.project in image and image[wheel.project].version != wheel.version
    }
    if replaced:
        own = {wheel.project for wheel in wheels}
        for project, there in sorted(image.items()):
            if project not in own:
                demands = [line for line in there.demands() if demanded(line) in replaced]
                found.extend(
                    _unmet(f"The image's {project} {there.version}", demands, versions, requirements)
                )
    return found


def _unmet(who: str, lines: Iterable[str], versions: Mapping[str, str], requirements: Any) -> list[str]:
    found = []
    # Extras are asked for by requirements, never by an installed package's own line; there are hundreds, slow to parse.
    for line in (line for line in lines if "extra" not in line.partition(";")[2]):
        try:
            wanted = requirements.Requirement(line)
            if wanted.marker is not None and not wanted.marker.evaluate():
                continue
            name = normalise(wanted.name)
            there = versions.get(name)
            if there is None:
                other = next(
                    (
                        project
                        for project in sorted(versions)
                        if project != name and _plain(project) == _plain(name)
                    ),
                    None,
                )
                found.append(
                    f"{who} wants {wanted.name}, which is not there; {other} {versions[other]} may do instead."
                    if other
                    else f"{who} wants {wanted.name}, which is neither among the wheels nor in the image."
                )
            elif not wanted.specifier.contains(there, prereleases=True):
                found.append(f"{who} wants {wanted.name}{wanted.specifier} and gets {there}.")
        except ValueError:
            # InvalidRequirement and InvalidVersion are ValueErrors: metadata older than the rules is no news to anybody.
            continue
    return found


def _plain(project: str) -> str:
    return "-".join(part for part in project.split("-") if part not in _VARIANTS)


def demanded(line: str) -> str:
    """The project (normalised name) that a requirement names, "" for a text that is none."""
    match = _NAME.match(line)
    return normalise(match[0]) if match else ""
