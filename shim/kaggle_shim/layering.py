"""Install the wheels of the attached sources into one environment over the image's, and test that they import."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim import overlay, wheels
from kaggle_shim.errors import InstallError, WheelError
from kaggle_shim.manifest import DEPS_MANIFEST, DepsManifest
from kaggle_shim.wheels import Wheel, demanded, normalise

if TYPE_CHECKING:
    from kaggle_shim.context import Context


def install_sources(run: Context, sources: Sequence[Path]) -> tuple[str, dict[str, str]]:
    """Install every wheel that lies in `sources` into an environment over the image's.

    Returns:
        The interpreter of the entry point, which is the image's own when there is nothing to install, and its environment.

    Raises:
        WheelError, ManifestError or InstallError: a wheel is missing or can't be installed over the image.
    """
    # The wheel notebook leaves a manifest; a dataset of wheels has none.
    ours = [source for source in sources if (source / DEPS_MANIFEST).is_file()]
    manifests = [DepsManifest.load(source / DEPS_MANIFEST) for source in ours]
    # Only the project, at the front of a wheel's name, survives when Kaggle damages the name.
    listed = {normalise(wheel.path.split("-")[0]): wheel.path for one in manifests for wheel in one.wheels}
    requested = dict.fromkeys(name for manifest in manifests for name in manifest.requested)
    found = _discover(run, ours, [source for source in sources if source not in ours])
    for project in listed.keys() - {wheel.project for wheel in found}:
        raise InstallError(
            f"The wheel {listed[project]} is listed in {DEPS_MANIFEST} but not mounted: run `invoke push-deps` again, or check its output."
        )
    if not found and not requested:
        return sys.executable, dict(os.environ)
    from kaggle_shim import launchers
    from kaggle_shim.imports import check_imports
    from kaggle_shim.install import install

    laid = overlay.create(run.scratch / "overlay")
    for warning in install(found, laid, protected_allowed=run.plan.allow):
        run.report.warn(warning)
    run.report.values["wheels"] = [(wheel.project, wheel.version) for wheel in found]
    launchers.copy_commands(laid)
    for name in overlay.activate_here(laid):
        run.report.warn(
            f"{name} was imported in this notebook before its wheel was installed: cells here keep the image's version, the entry point uses the wheel's."
        )
    brought = [name for name in _top_level(found) if name not in listed and name not in requested]
    allowed = {normalise(name) for name in run.plan.allow}
    for failure in check_imports(laid, [name for name in (*requested, *brought) if name not in allowed]):
        if failure.requirement in requested:
            advice = f"Ask for another version or, if nothing here needs it, name {failure.requirement} in workspace.allow."
            run.fault(InstallError(f"{failure} {advice}"))
        else:
            # No requirement names what a dataset brought: only the entry point knows whether it is needed.
            run.report.warn(
                f"{failure} It came with a dataset of wheels: if the entry point needs it, it will fail."
            )
    if found:
        run.report.say(f"{len(found)} wheel{'s' if len(found) != 1 else ''} installed.")
    return str(laid.python), overlay.environment(laid, os.environ)


def _discover(run: Context, ours: Sequence[Path], others: Sequence[Path]) -> tuple[Wheel, ...]:
    """The wheels of all sources; where the wheel notebook and a dataset bring the same project, the wheel notebook's."""
    found = {wheel.project: wheel for wheel in wheels.discover(ours, say=run.report.warn)}
    unbuilt: list[Path] = []
    brought = wheels.discover(others, say=run.report.warn, sources=unbuilt)
    for wheel in brought:
        first = found.setdefault(wheel.project, wheel)
        if first.version != wheel.version:
            run.report.warn(
                f"{wheel} of {wheel.path.parent} is not installed: the wheel notebook brings {first}."
            )
    for path in unbuilt:
        run.report.warn(
            f"{path} holds no wheel and is not installed: put it into deps/wheels, where it is built."
        )
    seen = [*unbuilt, *(wheel.path for wheel in brought)]
    for source in others:
        if not any(path.is_relative_to(source) for path in seen) and _is_empty(source):
            run.report.warn(
                f"{source} is named in workspace.wheels and holds no wheel: nothing is installed from it."
            )
    return tuple(found[project] for project in sorted(found))


def _is_empty(source: Path) -> bool:
    """Whether a source without a chosen wheel holds none: it may hold an older one, or an archive of wheels."""
    with suppress(WheelError):
        return not wheels.discover([source])
    return False


def _top_level(found: Sequence[Wheel]) -> list[str]:
    """The projects that no other wheel requires: the user asked for these, and they import the rest."""
    wanted = {name for wheel in found for name in map(demanded, wheel.requires_dist) if name != wheel.project}
    return [wheel.project for wheel in found if wheel.project not in wanted]
