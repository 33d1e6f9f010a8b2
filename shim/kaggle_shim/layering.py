"""Install the wheels of the attached sources into one environment over the image's, and test that they import."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.errors import InstallError
from kaggle_shim.manifest import DEPS_MANIFEST, DepsManifest

if TYPE_CHECKING:
    from kaggle_shim.wheels import Wheel


@dataclass(frozen=True)
class Laid:
    """The environment of the entry point.

    Attributes:
        python: its interpreter; the image's own when nothing was installed.
        environment: the notebook's environment, adapted to it.
        wheels: name and version of what was installed.
        warnings: sentences about what may not work, such as what a dataset of wheels brought and can't be imported.
        import_failures: one sentence for each requirement that a fresh interpreter can't import.
    """

    python: str
    environment: dict[str, str]
    wheels: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    import_failures: tuple[str, ...]


def install_sources(sources: Sequence[Path], prefix: Path, allow: Sequence[str]) -> Laid:
    """Install every wheel that lies in `sources` into an environment over the image's, at `prefix`.

    Raises WheelError, ManifestError or InstallError when a wheel is missing or the wheels can't be laid over the image.
    """
    if not sources:
        return Laid(sys.executable, dict(os.environ), (), (), ())
    from kaggle_shim import install, launchers, overlay, wheels
    from kaggle_shim.imports import check_imports

    # The wheel notebook leaves a manifest; a dataset of wheels has none.
    paths = [source / DEPS_MANIFEST for source in sources]
    manifests = [DepsManifest.load(path) for path in paths if path.is_file()]
    listed = {_project(wheel.path): wheel.path for manifest in manifests for wheel in manifest.wheels}
    notes: list[str] = []
    found = _discover(sources, paths, notes)
    for project in listed.keys() - {wheel.project for wheel in found}:
        raise InstallError(
            f"The wheel {listed[project]} is listed in {DEPS_MANIFEST} but not mounted: run `invoke push-deps` again, or check its output."
        )
    requested = dict.fromkeys(name for manifest in manifests for name in manifest.requested)
    if not found and not requested:
        return Laid(sys.executable, dict(os.environ), (), tuple(notes), ())
    laid = overlay.create(prefix)
    installed = install.install(found, laid, protected_allowed=allow)
    launchers.copy_commands(laid)
    brought = [name for name in _not_demanded(found) if name not in listed and name not in requested]
    allowed = {wheels.normalise(name) for name in allow}
    failures = check_imports(laid, [name for name in (*requested, *brought) if name not in allowed])
    early = [
        f"{name} was imported in this notebook before its wheel was installed: cells here keep the image's, the entry point gets the wheel's."
        for name in overlay.activate_here(laid)
    ]
    # No requirement names what a dataset brought: only the entry point knows whether it is needed.
    useless = [
        f"{failure} It came with a dataset of wheels: if the entry point needs it, it will fail."
        for failure in failures
        if failure.requirement not in requested
    ]
    return Laid(
        str(laid.python),
        overlay.environment(laid, os.environ),
        installed.wheels,
        (*notes, *installed.warnings, *early, *useless),
        tuple(
            f"{failure} Ask for another version or, if nothing here needs it, name {failure.requirement} in workspace.allow."
            for failure in failures
            if failure.requirement in requested
        ),
    )


def _discover(sources: Sequence[Path], manifests: Sequence[Path], notes: list[str]) -> tuple[Wheel, ...]:
    """The wheels of all sources; where the wheel notebook and a dataset bring the same project, the wheel notebook's."""
    from kaggle_shim import wheels

    ours = [source for source, manifest in zip(sources, manifests, strict=True) if manifest.is_file()]
    found = {wheel.project: wheel for wheel in wheels.discover(ours, say=notes.append)}
    unbuilt: list[Path] = []
    others = [source for source in sources if source not in ours]
    brought = wheels.discover(others, say=notes.append, sources=unbuilt)
    for wheel in brought:
        first = found.setdefault(wheel.project, wheel)
        if first.version != wheel.version:
            notes.append(
                f"{wheel} of {wheel.path.parent} is not installed: the wheel notebook brings {first}."
            )
    notes += [
        f"{path} holds no wheel and is not installed: put it into deps/wheels, where it is built."
        for path in unbuilt
    ]
    notes += [
        f"{source} is named in workspace.wheels and holds no wheel: nothing is installed from it."
        for source in others
        if not any(path.is_relative_to(source) for path in unbuilt)
        and not any(wheel.path.is_relative_to(source) for wheel in brought)
    ]
    return tuple(found[project] for project in sorted(found))


def _project(filename: str) -> str:
    """The project at the front of a wheel's name, which survives when Kaggle damages the rest."""
    from kaggle_shim.wheels import normalise

    return normalise(filename.split("-", maxsplit=1)[0])


def _not_demanded(found: Sequence[Wheel]) -> list[str]:
    """The projects that no other wheel requires: the user asked for these, and they import the rest."""
    from kaggle_shim.conflicts import demanded

    wanted = {name for wheel in found for name in map(demanded, wheel.requires_dist) if name != wheel.project}
    return [wheel.project for wheel in found if wheel.project not in wanted]
