"""Wheels as they arrive in a notebook, identified by the metadata inside and never by their file names.

Kaggle drops the `+` from names, unpacks some wheels into folders, and leaves some archives packed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim import archives, repair, tags
from kaggle_shim.errors import WheelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from email.message import Message

    from kaggle_shim.archives import Member

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# Folders of one source that are listed at most: it may be a slow mount with a whole data set beside the wheels.
_FOLDERS = 500
# Safe in a file's name.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")


@dataclass(frozen=True)
class Wheel:
    """A wheel that was read.

    Attributes:
        path: the zip, or the folder it became.
        project: normalised name, `pytorch-lightning`.
        version: as its METADATA says, local part included.
        tags: of its WHEEL file.
        requires_dist: the Requires-Dist lines.
        requires_python: its Requires-Python, "" for none.
        filename: rebuilt from METADATA and WHEEL; what pip wants the file to be called.
        dist_info: the name of its metadata folder.
        members: every file in it.
        record: hash (`sha256=…`) and size of its files as its RECORD states them, by name.
    """

    path: Path
    project: str
    version: str
    tags: tuple[str, ...]
    requires_dist: tuple[str, ...]
    requires_python: str
    filename: str
    dist_info: str
    members: tuple[Member, ...] = field(repr=False)
    record: Mapping[str, tuple[str, int]] = field(repr=False)

    def __str__(self) -> str:
        """Project and version."""
        return f"{self.project} {self.version}"

    def read(self, name: str) -> str | None:
        """A file of its metadata folder as text, None when it has none of that name; raises WheelError."""
        return _text(self.members, f"{self.dist_info}/{name}")


def normalise(name: str) -> str:
    """A project's name as the index compares it: `Foo_Bar.baz` is `foo-bar-baz`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def demanded(line: str) -> str:
    """The project (normalised name) that a requirement names, "" for a text that isn't a requirement."""
    match = _NAME.match(line)
    return normalise(match[0]) if match else ""


def rebuild_filename(project: str, version: str, build: str, wheel_tags: Iterable[str]) -> str:
    """The file name that says what METADATA and WHEEL say; `build` is "" for none."""
    parts = zip(*(tag.lower().split("-") for tag in wheel_tags), strict=True)
    compressed = [".".join(dict.fromkeys(".".join(part).split("."))) for part in parts]
    names = [normalise(project).replace("-", "_"), version.replace("-", "_"), build, *compressed]
    return "-".join(filter(None, names)) + ".whl"


def read_wheel(path: Path) -> Wheel:
    """Read one wheel, a zip under any name or a folder.

    Raises:
        WheelError: it is damaged or unsafe, or its metadata is missing.
    """
    members = archives.folder_members(path) if path.is_dir() else archives.zip_members(path)
    dist_info = _dist_info(path, members)
    metadata, facts = (_headers(_text(members, f"{dist_info}/{name}")) for name in ("METADATA", "WHEEL"))
    project, version = (metadata.get(name, "").strip() for name in ("Name", "Version"))
    if not _NAME.fullmatch(project) or not _VERSION.fullmatch(version) or not facts:
        raise WheelError(
            f"{path.name} doesn't say its name, version and tags (METADATA, WHEEL): build it again with pip wheel."
        )
    # Python, ABI and platform.
    wheel_tags = tuple(tag.strip() for tag in facts.get_all("Tag", ()) if tag.count("-") == 2)  # noqa: PLR2004 - as above
    if not wheel_tags:
        raise WheelError(f"{path.name} names no tag in its WHEEL file: build it again with pip wheel.")
    wheel = Wheel(
        path=path,
        project=normalise(project),
        version=version,
        tags=wheel_tags,
        requires_dist=tuple(metadata.get_all("Requires-Dist", ())),
        requires_python=metadata.get("Requires-Python", ""),
        filename=rebuild_filename(project, version, facts.get("Build", ""), wheel_tags),
        dist_info=dist_info,
        members=members,
        record=_record(path, _text(members, f"{dist_info}/RECORD") or ""),
    )
    return _restored(wheel) if path.is_dir() else wheel


def discover(
    folders: Iterable[Path],
    *,
    scratch: Path | None = None,
    say: Callable[[str], object] = lambda _: None,
    sources: list[Path] | None = None,
) -> tuple[Wheel, ...]:
    """Find the wheels below some folders, in every shape Kaggle leaves them in.

    Args:
        folders: such as the mounted output of the wheel notebook.
        scratch: where to extract wheels from archives; by default among the system's temporary files.
        say: takes a sentence about every choice between versions and every folder that is not searched.
        sources: takes archives without a wheel and unpacked source distributions.

    Returns:
        The newest wheel of each project that fits this interpreter, sorted by project.

    Raises:
        WheelError: a wheel is damaged, or none of a project fits.
    """
    found: dict[str, list[Wheel]] = {}
    for path in _candidates(folders, scratch, say, [] if sources is None else sources):
        wheel = read_wheel(path)
        found.setdefault(wheel.project, []).append(wheel)
    return tuple(tags.newest_that_fits(found[project], say) for project in sorted(found))


def _text(members: Iterable[Member], name: str) -> str | None:
    found = next((member for member in members if member.name == name), None)
    return None if found is None else archives.read_member(found).decode("utf-8", "replace")


def _record(path: Path, text: str) -> dict[str, tuple[str, int]]:
    """Hash and size by name, without the lines that lack either (RECORD's own)."""
    import csv

    try:
        rows = [row for row in csv.reader(text.splitlines()) if len(row) == 3]  # noqa: PLR2004 - path, hash, size
        return {
            name: (digest.rstrip("="), int(size))
            for name, digest, size in rows
            if digest and size.isdecimal()
        }
    except csv.Error as error:
        raise WheelError(
            f"{path.name} has a RECORD that can't be read ({error}): build it again with pip wheel."
        ) from error


def _candidates(
    folders: Iterable[Path], scratch: Path | None, say: Callable[[str], object], sources: list[Path]
) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        for path, is_folder in _walk(folder, say):
            lower = path.name.lower()
            if lower.endswith(".whl") or (lower.endswith(".zip") and _is_wheel_zip(path)):
                found.append(path)
            elif is_folder:
                sources.append(path)
            elif lower.endswith(_ARCHIVES):
                inside = archives.extract(path, _new_folder(scratch) / path.name, ".whl")
                found.extend(inside)
                sources.extend([] if inside else [path])
    return found


def _walk(top: Path, say: Callable[[str], object]) -> Iterator[tuple[Path, bool]]:
    """Files below a folder, the nearest first, and (True beside them) wheels and source distributions that became folders."""
    if top.name.lower().endswith(".whl"):
        yield top, True
        return
    waiting = [top]
    for listed, folder in enumerate(waiting):
        if listed == _FOLDERS:
            say(f"{top} has more than {_FOLDERS} folders: the rest is not searched for wheels.")
            return
        try:
            with os.scandir(folder) as scan:
                entries = sorted((entry.name, Path(entry.path), entry.is_dir()) for entry in scan)
        except OSError as error:
            raise WheelError(f"{folder} can't be listed ({error}): attach it again.") from error
        if any(name == "PKG-INFO" for name, _, _ in entries):
            yield folder, True
            entries = [entry for entry in entries if entry[0].lower().endswith(".whl")]
        for name, path, is_folder in entries:
            if is_folder and not name.lower().endswith(".whl"):
                waiting.append(path)
            else:
                yield path, is_folder


def _is_wheel_zip(path: Path) -> bool:
    try:
        return any(
            re.fullmatch(r"[^/]+\.dist-info/WHEEL", member.name) for member in archives.zip_members(path)
        )
    except WheelError:
        return False


def _new_folder(scratch: Path | None) -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="kaggle-shim-wheels-", dir=scratch))


def _dist_info(path: Path, members: tuple[Member, ...]) -> str:
    matches = (re.fullmatch(r"([^/]+\.dist-info)/(?:METADATA|WHEEL)", member.name) for member in members)
    found = sorted({match[1] for match in matches if match})
    if len(found) != 1:
        many = f"{len(found)} of them ({', '.join(found)})" if found else "none"
        raise WheelError(
            f"{path.name} should have one .dist-info folder and has {many}: the wheel is incomplete, upload it again."
        )
    return found[0]


def _headers(text: str | None) -> Message[str, str]:
    from email.parser import HeaderParser

    # METADATA goes on with the whole README behind the first empty line.
    return HeaderParser().parsestr(re.split(r"\r?\n\r?\n", text or "", maxsplit=1)[0])


def _restored(wheel: Wheel) -> Wheel:
    """A wheel that became a folder, with the names in its RECORD; raises WheelError."""
    members = repair.restore_names(wheel.path, wheel.members, wheel.record)
    if members == wheel.members:
        return wheel
    # RECORD does not list itself, so it still lies in the folder whose name was damaged.
    dist_info = _dist_info(wheel.path, tuple(member for member in members if member.name in wheel.record))
    old = f"{wheel.dist_info}/"
    named = (
        m._replace(name=f"{dist_info}/{m.name[len(old) :]}") if m.name.startswith(old) else m for m in members
    )
    return replace(wheel, dist_info=dist_info, members=tuple(named))
