"""Choose the wheel that pip would choose among several of one project, by the `packaging` library."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kaggle_shim.errors import InstallError, WheelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaggle_shim.wheels import Wheel


def packaging(module: str) -> Any:
    """A module of the packaging library, the image's own or the one inside its pip; raises InstallError when it has neither."""
    for name in (f"packaging.{module}", f"pip._vendor.packaging.{module}"):
        with suppress(ImportError):
            return importlib.import_module(name)
    raise InstallError(f"{sys.executable} has neither packaging nor pip: add pip with `python -m ensurepip`.")


def own_tag() -> tuple[str, str]:
    """This interpreter and its platform as tags name them, such as `cp312` and `linux_x86_64`."""
    import sysconfig

    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return str(next(packaging("tags").sys_tags()).abi), platform


def newest_that_fits(wheels: list[Wheel], say: Callable[[str], object]) -> Wheel:
    """The newest of a project's wheels that fits; `say` gets a line if others fit too. Raises WheelError when none does."""
    reasons = [_why_not(wheel) for wheel in wheels]
    fitting = [wheel for wheel, reason in zip(wheels, reasons, strict=True) if reason is None]
    if not fitting:
        import platform

        here = f"this is Python {platform.python_version()} on {platform.platform()}"
        raise WheelError(
            f"{wheels[0].filename} can't be used: {reasons[0]}, {here}; make the wheels with the image that runs them."
        )
    chosen = max(fitting, key=_rank)
    if any((wheel.filename, wheel.record) != (chosen.filename, chosen.record) for wheel in fitting):
        there = ", ".join(str(wheel.path) for wheel in fitting)
        say(f"{chosen.project} is attached {len(fitting)} times ({there}): using {chosen.path.name}.")
    return chosen


@lru_cache(maxsize=1)
def _supported() -> frozenset[Any]:
    return frozenset(packaging("tags").sys_tags())


def _why_not(wheel: Wheel) -> str | None:
    parse = packaging("tags").parse_tag
    if _supported().isdisjoint(single for tag in wheel.tags for single in parse(tag)):
        return f"it is for {wheel.tags[0]}"
    # Old metadata breaks the rules often: ignore a Requires-Python that can't be read.
    with suppress(ValueError):
        wanted = packaging("specifiers").SpecifierSet(wheel.requires_python)
        if not wanted.contains(".".join(map(str, sys.version_info[:3])), prereleases=True):
            return f"it requires Python {wheel.requires_python}"
    return None


def _rank(wheel: Wheel) -> tuple[bool, Any]:
    """Order versions as pip does: a pre-release only where there is nothing else."""
    try:
        version = packaging("version").Version(wheel.version)
    except ValueError:
        return False, packaging("version").Version("0")
    return not version.is_prerelease, version
