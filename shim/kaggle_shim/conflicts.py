"""Unmet requirements between wheels and image: warnings, never refusals.

Many version limits are stricter than the code needs, so only the import in a fresh child decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kaggle_shim.tags import packaging
from kaggle_shim.wheels import Wheel, demanded, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kaggle_shim.image import Distribution


def unmet_requirements(wheels: Iterable[Wheel], image: Mapping[str, Distribution]) -> list[str]:
    """A sentence for every unmet requirement of a wheel, and for every one of the image that the wheels break."""
    wheels = tuple(wheels)
    new = {wheel.project: wheel.version for wheel in wheels}
    versions = {project: there.version for project, there in image.items()} | new
    found = [line for wheel in wheels for line in _unmet(str(wheel), wheel.requires_dist, versions)]
    return found + broken_demands(new, image)


def broken_demands(new: Mapping[str, str], image: Mapping[str, Distribution]) -> list[str]:
    """Return a sentence for every requirement of the image's packages that new versions break.

    Args:
        new: version by project (normalised name) of what is installed over the image.
        image: what the image has.
    """
    replaced = {name for name, version in new.items() if name in image and image[name].version != version}
    found = []
    for project in sorted(image.keys() - new.keys() if replaced else ()):
        demands = [line for line in image[project].demands() if demanded(line) in replaced]
        found += _unmet(f"The image's {project} {image[project].version}", demands, new)
    return found


def _unmet(who: str, lines: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    found = []
    parse = packaging("requirements").Requirement
    # Skip lines about extras: an installed package doesn't require them, and hundreds of them are slow to parse.
    for line in (line for line in lines if "extra" not in line.partition(";")[2]):
        try:
            wanted = parse(line)
            if wanted.marker is not None and not wanted.marker.evaluate():
                continue
            there = versions.get(normalise(wanted.name))
            if there is None:
                found.append(
                    f"{who} requires {wanted.name}, which is neither among the wheels nor in the image."
                )
            elif not wanted.specifier.contains(there, prereleases=True):
                found.append(f"{who} requires {wanted.name}{wanted.specifier}, but {there} is installed.")
        except ValueError:
            # InvalidRequirement and InvalidVersion are ValueErrors: old metadata breaks the rules often.
            continue
    return found
