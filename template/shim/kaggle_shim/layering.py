"""The wheels of the attached sources, laid over the image as one environment, with the verdict of a fresh import."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.deps_manifest import DEPS_MANIFEST, DepsManifest
from kaggle_shim.errors import InstallError

if TYPE_CHECKING:
    from kaggle_shim.wheels import Wheel


@dataclass(frozen=True)
class Laid:
    """The environment of the entry point.

    Attributes:
        python: its interpreter; the image's own when nothing had to be installed.
        environment: the notebook's environment, changed for it.
        wheels: name and version of what was installed.
        warnings: sentences about what may not work.
        import_failures: one sentence for each requirement that a fresh interpreter can't import.
    """

    python: str
    environment: dict[str, str]
    wheels: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    import_failures: tuple[str, ...]


def lay(sources: Sequence[Path], prefix: Path, allow: Sequence[str]) -> Laid:
    """Install every wheel that lies in `sources` into an environment over the image's.

    Args:
        sources: mounted folders that hold wheels.
        prefix: where the environment goes.
        allow: protected packages that may replace the image's.

    Raises:
        WheelError: a file is not a wheel that this interpreter can use.
        ManifestError: the manifest beside them can't be read.
        InstallError: a wheel is missing, or the wheels can't be laid over the image.
    """
    here = Laid(sys.executable, dict(os.environ), (), (), ())
    if not sources:
        return here
    from kaggle_shim import install, launchers, overlay, wheels
    from kaggle_shim.imports import check_imports

    manifests = [manifest for source in sources if (manifest := _manifest(source)) is not None]
    found = wheels.discover(sources)
    _compare(found, manifests)
    if not found:
        return here
    laid = overlay.create(prefix)
    installed = install.install(found, laid, protected_allowed=allow)
    launchers.adopt(laid)
    requested = dict.fromkeys(name for manifest in manifests for name in manifest.requested)
    failures = check_imports(laid, [name for name in requested if name not in allow])
    early = [
        f"{name} was imported in this notebook before its wheel was installed: cells here keep the image's, the entry point gets the wheel's."
        for name in overlay.activate_here(laid)
    ]
    environment = overlay.environment(laid, os.environ)
    warnings = (*installed.warnings, *early)
    return Laid(
        str(laid.python), environment, installed.wheels, warnings, tuple(str(failure) for failure in failures)
    )


def _manifest(source: Path) -> DepsManifest | None:
    """What the wheel notebook says it left there; a dataset of wheels has no such manifest."""
    path = source / DEPS_MANIFEST
    return DepsManifest.load(path) if path.is_file() else None


def _compare(found: Sequence[Wheel], manifests: Sequence[DepsManifest]) -> None:
    """Raise InstallError for a wheel that the manifest lists and that arrived in no form at all."""
    from kaggle_shim.wheels import normalise

    arrived = {wheel.project for wheel in found}
    for manifest in manifests:
        for listed in manifest.wheels:
            # A name may have lost its +, or be a folder's by now: the project at its front is what stays.
            if normalise(listed.path.split("-")[0]) not in arrived:
                raise InstallError(
                    f"The wheel {listed.path} is listed in {DEPS_MANIFEST} and is not mounted: push deps again, or look at its output."
                )
