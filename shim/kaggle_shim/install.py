"""Install wheels into an overlay: plan every file first, then write them with several processes.

Dependencies are resolved before a notebook runs, so little of an installer remains: unpack, `.data`, scripts, RECORD. Tests
compare the result with pypa/installer, file by file. No module is compiled: Python compiles on first import, and pip spends
most of its time on it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim import conflicts, layout, unpack, writers
from kaggle_shim import image as images
from kaggle_shim.errors import InstallError
from kaggle_shim.overlay import IMAGE_PTH, Overlay
from kaggle_shim.wheels import Wheel, normalise

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from kaggle_shim.image import Distribution
    from kaggle_shim.layout import Layout

_OVERRIDE = "name it in workspace.allow of invoke.yaml"


@dataclass(frozen=True)
class Installed:
    """Result of an installation.

    Attributes:
        wheels: name and version of what was installed, sorted.
        warnings: sentences about what may not work.
    """

    wheels: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def install(
    wheels: Iterable[Wheel],
    overlay: Overlay,
    *,
    protected_allowed: Collection[str] = (),
    workers: int | None = None,
    verify: bool = False,
) -> Installed:
    """Install wheels.

    Args:
        wheels: as `discover` answers: one per project, each fit for this interpreter.
        overlay: a fresh one.
        protected_allowed: projects that may be installed over the image's own, and may bring what Python never finds.
        workers: how many processes write; by default one per processor, and none for little.
        verify: compare every file with the hash in its wheel's RECORD, not only with its CRC. A wheel that became a
            folder has no CRC: its hashes are always compared.

    Raises:
        InstallError: a wheel can't be installed, or would replace a protected package. Nothing is left behind.
        WheelError: a wheel's metadata is damaged. Nothing is written.
    """
    wheels = tuple(wheels)
    image = images.distributions(overlay.image)
    allowed = {normalise(name) for name in protected_allowed}
    _refuse_protected(wheels, image, allowed)
    layouts = [layout.plan_layout(wheel, overlay) for wheel in wheels]
    owners, warnings = _owners(layouts)
    _refuse_never_found(wheels, overlay, owners, allowed)
    jobs, texts = _final(layouts, verify=verify)
    destinations = [*(job[7] for job in jobs), *texts]
    folders = _folders(destinations)
    _refuse_taken(destinations, folders, overlay)
    children: list[subprocess.Popen[bytes]] = []
    try:
        _make_folders(folders, overlay)
        count = writers.count(jobs, workers)
        if count > 1:
            children = writers.start(jobs, count)
        for destination, (content, executable) in texts.items():
            _write(destination, content, executable=executable)
        problem = unpack.write_all(jobs) if count <= 1 else None
        warnings += conflicts.unmet_demands(wheels, image)
        _raise_if(writers.wait(children) or problem, owners, overlay)
    except BaseException:
        writers.stop(children)
        _remove(destinations, overlay)
        raise
    return Installed(
        wheels=tuple(sorted((wheel.project, wheel.version) for wheel in wheels)),
        warnings=tuple(warnings),
    )


def _refuse_protected(wheels: Sequence[Wheel], image: Mapping[str, Distribution], allowed: set[str]) -> None:
    for wheel in wheels:
        if images.is_protected(wheel.project) and wheel.project in image and wheel.project not in allowed:
            there = image[wheel.project].version
            raise InstallError(
                f"{wheel} would replace the image's {wheel.project} {there}, which belongs to its CUDA and to the packages "
                f"built against it: remove it from the requirements or, to replace it anyway, {_OVERRIDE}."
            )


def _refuse_never_found(
    wheels: Sequence[Wheel], overlay: Overlay, owners: Mapping[str, Wheel], allowed: set[str]
) -> None:
    root = str(overlay.site_packages) + os.sep
    files = {
        path[len(root) :].replace(os.sep, "/"): wheel.project
        for path, wheel in owners.items()
        if path.startswith(root)
    }
    found = images.never_found(files, overlay.image)
    for wheel in wheels:
        if wheel.project in found and wheel.project not in allowed:
            package = found[wheel.project].rpartition("/")[0].replace("/", ".")
            raise InstallError(
                f"{wheel} puts {found[wheel.project]} into {package}, which Python takes from the image alone: add the package that "
                f"{package} belongs to to the requirements too or, if you don't import it, {_OVERRIDE} ({wheel.project})."
            )


def _owners(layouts: Sequence[Layout]) -> tuple[dict[str, Wheel], list[str]]:
    """Which wheel owns each destination (of two, the later one, as with pip), and a sentence about each clash."""
    owners: dict[str, Wheel] = {}
    contents: dict[str, object] = {}
    clashes: dict[tuple[str, str], str] = {}
    for planned in layouts:
        copies = ((destination, (member.crc, member.size)) for destination, member in planned.copies)
        texts = ((destination, content) for destination, content, _ in planned.texts)
        for destination, content in (*copies, *texts):
            if destination in owners and contents[destination] != content:
                clashes.setdefault((owners[destination].project, planned.wheel.project), destination)
            owners[destination], contents[destination] = planned.wheel, content
    return owners, [
        f"{first} and {second} both bring {Path(path).name} ({path}): the one of {second} is used."
        for (first, second), path in clashes.items()
    ]


def _final(
    layouts: Sequence[Layout], *, verify: bool
) -> tuple[list[unpack.Job], dict[str, tuple[bytes, bool]]]:
    """What to write: one job or one text per destination."""
    jobs: dict[str, unpack.Job] = {}
    texts: dict[str, tuple[bytes, bool]] = {}
    for planned in layouts:
        record = planned.wheel.record
        for destination, member in planned.copies:
            known = record.get(member.name) if verify or member.crc == unpack.NO_CRC else None
            promised = known[0] if known else ""
            jobs[destination] = (*member[1:7], promised, destination, member.executable)
        for destination, content, executable in planned.texts:
            texts[destination] = (content, executable)
    return [job for destination, job in jobs.items() if destination not in texts], texts


def _folders(destinations: Iterable[str]) -> set[str]:
    """Every folder above some files."""
    found: set[str] = set()
    for path in destinations:
        folder = os.path.dirname(path)  # noqa: PTH120 - thousands: pathlib costs ten times as much
        while folder not in found and folder != os.path.dirname(folder):  # noqa: PTH120 - as above
            found.add(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120 - as above
    return found


def _refuse_taken(destinations: Iterable[str], folders: Collection[str], overlay: Overlay) -> None:
    used = [path.name for path in overlay.site_packages.iterdir() if path.name != IMAGE_PTH]
    if used:
        raise InstallError(
            f"{overlay.prefix} already has packages ({used[0]}): install into a fresh overlay."
        )
    inside = str(overlay.site_packages) + os.sep
    for destination in destinations:
        if destination in folders:
            raise InstallError(
                f"The wheels bring {destination} both as a file and as a folder: remove one of them."
            )
        if (not destination.startswith(inside) or destination.endswith(IMAGE_PTH)) and os.path.lexists(
            destination
        ):
            raise InstallError(
                f"A wheel would overwrite {destination}, which belongs to the environment itself: remove that wheel."
            )


def _make_folders(folders: Iterable[str], overlay: Overlay) -> None:
    for folder in sorted(folders):
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
        except OSError as error:
            raise InstallError(
                f"{folder} can't be created ({error}): make room in {overlay.prefix}, or remove the wheel that needs it."
            ) from error


def _write(destination: str, content: bytes, *, executable: bool) -> None:
    path = Path(destination)
    path.write_bytes(content)
    if executable:
        path.chmod(0o755)


def _remove(destinations: Iterable[str], overlay: Overlay) -> None:
    """Remove what was written; an error here must not hide the first one."""
    folders: set[Path] = set()
    for destination in destinations:
        with contextlib.suppress(OSError):
            Path(destination).unlink()
        folders.update(Path(destination).parents)
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if folder.is_relative_to(overlay.prefix) and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _raise_if(problem: unpack.Problem | None, owners: Mapping[str, Wheel], overlay: Overlay) -> None:
    if problem is None:
        return
    destination, why, damaged = problem
    wheel = owners[destination]
    name = Path(destination).relative_to(overlay.prefix).as_posix()
    remedy = "upload the wheel again" if damaged else f"see that {overlay.prefix} has room and is writable"
    raise InstallError(f"{wheel.filename} can't be installed, {name}: {why}; {remedy}.")
