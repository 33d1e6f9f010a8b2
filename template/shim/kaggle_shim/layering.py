"""The wheels of the attached sources, laid over the image as one environment, with the verdict of a fresh import."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim.deps_manifest import DEPS_MANIFEST, DepsManifest
from kaggle_shim.errors import ManifestError


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
        InstallError: the wheels can't be laid over the image.
    """
    if not sources:
        return Laid(sys.executable, dict(os.environ), (), (), ())
    from kaggle_shim import install, overlay, wheels
    from kaggle_shim.imports import check_imports

    found = wheels.discover(sources)
    if not found:
        return Laid(sys.executable, dict(os.environ), (), (), ())
    laid = overlay.create(prefix)
    installed = install.install(found, laid, protected_allowed=allow)
    environment = overlay.environment(laid, os.environ)
    failures = tuple(str(failure) for failure in check_imports(laid, requirement_names(sources)))
    later = overlay.activate_here(laid)
    return Laid(str(laid.python), environment, installed.wheels, (*installed.warnings, *later), failures)


def requirement_names(sources: Sequence[Path]) -> tuple[str, ...]:
    """What the wheels were collected for: the names that must be importable."""
    names: list[str] = []
    for source in sources:
        if (source / DEPS_MANIFEST).is_file():
            try:
                names += DepsManifest.load(source / DEPS_MANIFEST).requested
            except ManifestError:
                continue
    return tuple(dict.fromkeys(names))
