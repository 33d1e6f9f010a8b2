"""Unmet requirements between wheels and image: warnings, never refusals.

Many version limits are stricter than the code needs, so only the import in a fresh child decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kaggle_shim.choosing import packaging
from kaggle_shim.wheels import Wheel, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kaggle_shim.image import Distribution

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def unmet_demands(wheels: Iterable[Wheel], image: Mapping[str, Distribution]) -> list[str]:
    """A sentence for every unmet requirement of a wheel, and for every one of the image that the wheels break.

    `packaging`, the image's own or the one inside its pip, reads versions and markers.
    """
    requirements = packaging("requirements")
    if requirements is None:
        return [
            "Neither packaging nor pip is in the image: conflicts between the wheels and the image were not checked."
        ]
    wheels = tuple(wheels)
    versions = {project: there.version for project, there in image.items()} | {
        wheel.project: wheel.version for wheel in wheels
    }
    found = []
    for wheel in wheels:
        found.extend(_unmet(str(wheel), wheel.requires_dist, versions, requirements))
    found += broken_demands({wheel.project: wheel.version for wheel in wheels}, image)
    return found


def broken_demands(new: Mapping[str, str], image: Mapping[str, Distribution]) -> list[str]:
    """Return a sentence for every requirement of the image's packages that new versions break.

    Args:
        new: version by project (normalised name) of what is installed over the image.
        image: what the image has.
    """
    requirements = packaging("requirements")
    replaced = {
        project for project, version in new.items() if project in image and image[project].version != version
    }
    if requirements is None or not replaced:
        return []
    versions = {project: there.version for project, there in image.items()} | dict(new)
    found = []
    for project, there in sorted(image.items()):
        if project not in new:
            demands = [line for line in there.demands() if demanded(line) in replaced]
            found += _unmet(f"The image's {project} {there.version}", demands, versions, requirements)
    return found


def _unmet(who: str, lines: Iterable[str], versions: Mapping[str, str], requirements: Any) -> list[str]:
    found = []
    # Skip lines about extras: an installed package doesn't require them, and hundreds of them are slow to parse.
    for line in (line for line in lines if "extra" not in line.partition(";")[2]):
        try:
            wanted = requirements.Requirement(line)
            if wanted.marker is not None and not wanted.marker.evaluate():
                continue
            there = versions.get(normalise(wanted.name))
            if there is None:
                found.append(
                    f"{who} wants {wanted.name}, which is neither among the wheels nor in the image."
                )
            elif not wanted.specifier.contains(there, prereleases=True):
                found.append(f"{who} wants {wanted.name}{wanted.specifier} and gets {there}.")
        except ValueError:
            # InvalidRequirement and InvalidVersion are ValueErrors: old metadata breaks the rules often.
            continue
    return found


def demanded(line: str) -> str:
    """The project (normalised name) that a requirement names, "" for a text that isn't a requirement."""
    match = _NAME.match(line)
    return normalise(match[0]) if match else ""
