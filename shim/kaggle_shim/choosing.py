"""Choose the wheel that pip would choose among several of one project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kaggle_shim import tags
from kaggle_shim.errors import WheelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaggle_shim.wheels import Wheel


def newest_that_fits(wheels: list[Wheel], target: tags.Target, say: Callable[[str], object]) -> Wheel:
    """The newest of a project's wheels that fits; `say` gets a line where others fit too. Raises WheelError when none does."""
    reasons = [tags.why_not(wheel.tags, target) or _other_python(wheel, target) for wheel in wheels]
    fitting = [wheel for wheel, reason in zip(wheels, reasons, strict=True) if reason is None]
    if not fitting:
        raise WheelError(
            f"{wheels[0].filename} can't be used: {reasons[0]}, this is {target}; make the wheels with the image that runs them."
        )
    chosen = max(fitting, key=lambda wheel: _rank(wheel.version))
    if any((wheel.filename, wheel.record) != (chosen.filename, chosen.record) for wheel in fitting):
        there = ", ".join(str(wheel.path) for wheel in fitting)
        say(f"{chosen.project} is attached {len(fitting)} times ({there}): {chosen.path.name} is used.")
    return chosen


def _other_python(wheel: Wheel, target: tags.Target) -> str | None:
    """Why a wheel's Requires-Python excludes an interpreter; None when it doesn't."""
    specifiers = packaging("specifiers")
    if not wheel.requires_python or specifiers is None:
        return None
    try:
        wanted = specifiers.SpecifierSet(wheel.requires_python)
    except ValueError:
        return None
    python = ".".join(map(str, target.python))
    return (
        None
        if any(wanted.contains(f"{python}.{last}") for last in range(30))
        else f"it requires Python {wheel.requires_python}"
    )


def _rank(version: str) -> tuple[bool, Any]:
    """How pip orders versions: a pre-release only where there is nothing else."""
    versions = packaging("version")
    try:
        read = versions.Version(version)
    except (AttributeError, ValueError):
        return False, tuple(int(part) for part in re.findall(r"\d+", version))
    return not read.is_prerelease, read


def packaging(module: str) -> Any:
    """A module of the packaging library, the image's own or the one inside its pip; None when it has neither."""
    import importlib

    for name in (f"packaging.{module}", f"pip._vendor.packaging.{module}"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
