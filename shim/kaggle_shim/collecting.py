"""Collect exactly the wheels that the image lacks, install and import them as a test, and write a manifest.

The image's pip resolves against the installed packages, with the protected ones held at their versions. uv can't do this:
`uv pip compile` ignores installed packages.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import kaggle_shim
from kaggle_shim import image as images
from kaggle_shim import overlay as overlays
from kaggle_shim import pip, resolve, tags, wheels
from kaggle_shim.errors import CollectError, ManifestError
from kaggle_shim.imports import check_imports
from kaggle_shim.install import install
from kaggle_shim.manifest import DEPS_MANIFEST, DepsManifest, FileEntry, hash_file
from kaggle_shim.report import image_identity
from kaggle_shim.resolve import Resolution
from kaggle_shim.wheels import Wheel, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from kaggle_shim.image import Distribution
    from kaggle_shim.overlay import Overlay

_SHOWN = 6


def collect(
    requirements: Path,
    output: Path,
    *,
    local_wheels: Path | None = None,
    allow_protected: Collection[str] = (),
    workspace: str = "",
    fingerprint: str = "",
    say: Callable[[str], None] = print,
) -> DepsManifest:
    """Collect wheels for what requirements name and this interpreter's environment lacks.

    Args:
        requirements: a requirements file; whatever pip takes.
        output: where wheels and manifest go; the wheels of an earlier manifest are removed.
        local_wheels: a folder of the user's wheels, all of which are collected except those for another Python.
        allow_protected: protected packages that may be replaced, and requirements whose import may fail here.
        workspace: id for the manifest.
        fingerprint: for the manifest.
        say: gets progress, line by line.

    Returns:
        The manifest, as written.

    Raises:
        CollectError: there is no solution, a package can't be downloaded or built, or a collected one can't be imported.
        WheelError: a wheel, the user's own or a collected one, is damaged or for another platform.
        InstallError: what was collected can't be installed over this image.
    """
    import tempfile

    allowed = {normalise(name) for name in allow_protected}
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kaggle-shim-collect-") as folder:
        scratch = Path(folder)
        layer = overlays.create(scratch / "overlay")
        image = images.distributions(layer.image)
        notes: list[str] = []
        files = [requirements, *_own_packages(local_wheels, scratch, notes)]
        found: tuple[Wheel, ...] = ()
        lines = [line.strip() for file in files for line in file.read_text(encoding="utf-8-sig").splitlines()]
        if not any(line and not line.startswith("#") for line in lines):
            say("No requirements: nothing to collect.")
            resolution = Resolution((), (), (), ())
        else:
            links = scratch / "own" if (scratch / "own").is_dir() else None
            resolution = resolve_against(files, links, image, allowed, scratch, say)
            found = _fetch(resolution, files, links, scratch, say)
            if resolution.repairs:
                named = _named([f"{name} {version}" for name, version in resolution.repairs])
                notes.append(
                    f"pip would also install {named} to repair packages of the image: skipped, your requirements don't need it."
                )
            notes += _prove(found, layer, resolution, allowed)
        for note in notes:
            say(f"warning: {note}")
        python, platform = tags.own_tag()
        entries = [FileEntry(one.path.name, one.path.stat().st_size, hash_file(one.path)) for one in found]
        manifest = DepsManifest(
            workspace=workspace,
            fingerprint=fingerprint,
            python=python,
            platform=platform,
            image={key: value for key, value in image_identity().items() if value},
            collector=kaggle_shim.__version__,
            requested=resolution.requested,
            satisfied=resolution.satisfied,
            wheels=tuple(sorted(entries, key=lambda entry: entry.path)),
            notes=tuple(notes),
        )
        _publish(manifest, found, output)
    size = sum(wheel.size for wheel in manifest.wheels) / 1e6
    left = _named([name for name, _ in manifest.satisfied])
    say(f"wheels: {len(found)}, {size:.1f} MB, for {python} on {platform}; already in the image: {left}.")
    return manifest


def _own_packages(folder: Path | None, scratch: Path, notes: list[str]) -> list[Path]:
    """Copy the user's wheels under their right names to a folder for pip; return a requirements file that asks for them.

    It asks for source distributions too, which pip builds.
    """
    if folder is None or not folder.is_dir():
        return []
    target = scratch / "own"
    sources: list[Path] = []
    lines = []
    for wheel in wheels.discover([folder], scratch=scratch, say=notes.append, sources=sources):
        if wheel.path.is_dir():
            raise CollectError(
                f"{wheel.path} is a folder: put the wheel itself, a .whl file, into deps/wheels."
            )
        target.mkdir(exist_ok=True)
        copy = shutil.copyfile(wheel.path, target / wheel.filename)
        # A direct reference, not a name: pip must take this file, whatever the index has under that name.
        lines.append(f"{wheel.project} @ {copy.as_uri()}\n")
    for number, path in enumerate(sources):
        # pip builds inside a folder, and a mount is read-only.
        copied = scratch / "sources" / str(number) / path.name
        lines.append(f"{(shutil.copytree(path, copied) if path.is_dir() else path).as_uri()}\n")
    file = scratch / "own-wheels.txt"
    file.write_text("".join(lines), encoding="utf-8", newline="\n")
    return [file]


def resolve_against(
    files: Sequence[Path],
    links: Path | None,
    image: dict[str, Distribution],
    allowed: set[str],
    scratch: Path,
    say: Callable[[str], None],
    python: Path | None = None,
) -> Resolution:
    """Resolve requirements files against an image, with its protected packages held.

    Args:
        files: the requirements files.
        links: a folder of wheels in which pip searches too.
        image: what the image has.
        allowed: protected packages that may be replaced.
        scratch: where pip's report and constraints go.
        say: gets progress.
        python: the interpreter whose environment stands for the image, None for this one.

    Raises:
        CollectError: there is no solution.
    """
    held = sorted(project for project in image if images.is_protected(project) and project not in allowed)
    constraints = scratch / "protected.txt"
    constraints.write_text(
        "".join(f"{project}=={image[project].version}\n" for project in held), encoding="utf-8", newline="\n"
    )
    say(f"Resolving against the image: {len(image)} packages, {_named(held)} held at the image's version.")
    report = scratch / "report.json"
    code, lines = pip.resolve(files, constraints, links, report, say, python)
    if code != 0:
        raise CollectError(resolve.no_solution(lines, image, held) or resolve.other_failure(lines))
    return resolve.read_report(json.loads(report.read_text(encoding="utf-8")), lines, image)


def _fetch(
    resolution: Resolution,
    files: Sequence[Path],
    links: Path | None,
    scratch: Path,
    say: Callable[[str], None],
) -> tuple[Wheel, ...]:
    if not resolution.packages:
        return ()
    exact = scratch / "exact.txt"
    options = [line for path in files for line in pip.options_of(path)]
    lines = [*dict.fromkeys(options), *(package.requirement for package in resolution.packages)]
    exact.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    say(f"Collecting {_named([package.project for package in resolution.packages])}.")
    code, said = pip.build(exact, links, scratch / "collected", say)
    if code != 0:
        raise CollectError(resolve.other_failure(said))
    return wheels.discover([scratch / "collected"])


def _prove(found: Sequence[Wheel], layer: Overlay, resolution: Resolution, allowed: set[str]) -> list[str]:
    """Install the wheels as a submission would, and import what the requirements name; returns notes."""
    notes = install(found, layer, protected_allowed=allowed, verify=True)
    for failure in check_imports(layer, resolution.requested):
        if failure.requirement not in allowed:
            raise CollectError(
                f"{failure} If it can be imported only elsewhere, such as on a GPU, name {failure.requirement} in workspace.allow."
            )
        notes.append(str(failure))
    return notes


def _publish(manifest: DepsManifest, found: Sequence[Wheel], output: Path) -> None:
    """Put wheels and manifest in place; the old manifest is removed first and the new one written last, so that neither is wrong."""
    path = output / DEPS_MANIFEST
    if path.exists():
        # A cell that was run twice.
        with suppress(ManifestError):
            for old in DepsManifest.load(path).wheels:
                (output / old.path).unlink(missing_ok=True)
        path.unlink()
    for wheel in found:
        shutil.copyfile(wheel.path, output / wheel.path.name)
    path.write_text(manifest.dumps(), encoding="utf-8", newline="\n")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "none"
