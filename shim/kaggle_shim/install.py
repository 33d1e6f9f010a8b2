"""Install wheels into an overlay: plan every file first, then write them with several processes.

Dependencies are resolved before a notebook runs, so little of an installer remains: unpack, `.data`, scripts, RECORD. Tests
compare the result with pypa/installer, file by file. No module is compiled: Python compiles on first import, and pip spends
most of its time on it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim import conflicts, layout, unpack, writers
from kaggle_shim import image as images
from kaggle_shim.errors import InstallError
from kaggle_shim.overlay import Overlay
from kaggle_shim.wheels import Wheel, normalise

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from kaggle_shim.image import Distribution
    from kaggle_shim.layout import Layout

_OVERRIDE = "name it in workspace.allow of invoke.yaml"


def install(
    wheels: Iterable[Wheel],
    overlay: Overlay,
    *,
    protected_allowed: Collection[str] = (),
    workers: int | None = None,
    verify: bool = False,
) -> list[str]:
    """Install wheels; returns a sentence about each thing that may not work.

    Args:
        wheels: as `discover` answers: one per project, each fit for this interpreter.
        overlay: a fresh one.
        protected_allowed: projects that may be installed over the image's own, and may bring what Python never finds.
        workers: how many processes write; by default one per processor, or one for little.
        verify: compare every file with the hash in its wheel's RECORD, not only with its CRC. A wheel that became a
            folder has no CRC: its hashes are always compared.

    Raises:
        InstallError: a wheel can't be installed, or would replace a protected package. If writing had begun, the overlay
            is removed.
        WheelError: a wheel's metadata is damaged. Nothing is written.
    """
    wheels = tuple(wheels)
    image = images.distributions(overlay.image)
    allowed = {normalise(name) for name in protected_allowed}
    _refuse_protected(wheels, image, allowed)
    layouts = [layout.plan_layout(wheel, overlay) for wheel in wheels]
    owners, warnings = _owners(layouts)
    _refuse_shadowed(wheels, overlay, owners, allowed)
    texts = {path: (text, executable) for planned in layouts for path, text, executable in planned.texts}
    jobs = {
        path: job for planned in layouts for path, job in _jobs(planned, verify=verify) if path not in texts
    }
    children: list[subprocess.Popen[bytes]] = []
    complete = False
    try:
        problem = _make_folders({*jobs, *texts})
        if problem is None:
            children = writers.start(list(jobs.values()), workers)
            problem = _write(texts)
            warnings += conflicts.unmet_requirements(wheels, image)
            problem = writers.wait(children) or problem
        complete = problem is None
    finally:
        writers.stop(children)
        if not complete:
            shutil.rmtree(overlay.prefix, ignore_errors=True)
    if problem is not None:
        destination, why, remedy = problem
        name = Path(destination).relative_to(overlay.prefix).as_posix()
        raise InstallError(f"{owners[destination].filename} can't be installed, {name}: {why}; {remedy}.")
    return warnings


def _refuse_protected(wheels: Sequence[Wheel], image: Mapping[str, Distribution], allowed: set[str]) -> None:
    for wheel in wheels:
        if images.is_protected(wheel.project) and wheel.project in image and wheel.project not in allowed:
            there = image[wheel.project].version
            raise InstallError(
                f"{wheel} would replace the image's {wheel.project} {there}, which matches its CUDA and the packages "
                f"built against it: remove it from the requirements or, to replace it anyway, {_OVERRIDE}."
            )


def _refuse_shadowed(
    wheels: Sequence[Wheel], overlay: Overlay, owners: Mapping[str, Wheel], allowed: set[str]
) -> None:
    root = str(overlay.site_packages) + os.sep
    files = {
        path[len(root) :].replace(os.sep, "/"): wheel.project
        for path, wheel in owners.items()
        if path.startswith(root)
    }
    found = images.find_shadowed(files, overlay.image)
    for wheel in wheels:
        if wheel.project in found and wheel.project not in allowed:
            package = found[wheel.project].rpartition("/")[0].replace("/", ".")
            raise InstallError(
                f"{wheel} puts {found[wheel.project]} into {package}, which Python imports from the image only: also require the package "
                f"that provides {package} or, if you don't import it, {_OVERRIDE} ({wheel.project})."
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
        f"{first} and {second} both bring {Path(path).name} ({path}): using that of {second}."
        for (first, second), path in clashes.items()
    ]


def _jobs(planned: Layout, *, verify: bool) -> Iterable[tuple[str, unpack.Job]]:
    for destination, member in planned.copies:
        wanted = verify or member.crc == unpack.NO_CRC
        promised = planned.wheel.record.get(member.name, ("", 0))[0] if wanted else ""
        yield destination, (*member[1:7], promised, destination, member.executable)


def _make_folders(destinations: Iterable[str]) -> unpack.Problem | None:
    folders = {os.path.dirname(path): path for path in destinations}  # noqa: PTH120 - thousands: pathlib is slow
    for folder, path in sorted(folders.items()):
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
        except OSError as error:
            return unpack.problem_of(path, error)
    return None


def _write(texts: Mapping[str, tuple[bytes, bool]]) -> unpack.Problem | None:
    for destination, (content, executable) in texts.items():
        path = Path(destination)
        try:
            with path.open("xb") as file:
                file.write(content)
            if executable:
                path.chmod(0o755)
        except OSError as error:
            return unpack.problem_of(destination, error)
    return None
