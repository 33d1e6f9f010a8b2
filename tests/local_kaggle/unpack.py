"""What the server makes of an upload: archives unpacked, names damaged, links and exec bits gone (KAGGLE.md §5)."""

from __future__ import annotations

import fnmatch
import gzip
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from tests.local_kaggle.names import damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.local_kaggle.behaviour import Behaviour

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")


def publish(uploads: Iterable[tuple[str, Path]], folder: Path, behaviour: Behaviour) -> None:
    """Makes the files of a version.

    Args:
        uploads: Relative posix path and the received bytes of every uploaded file.
        folder: Where the version's files go; leftovers of a server that died meanwhile are removed.
        behaviour: Which archives are unpacked, and whether a single folder is stripped.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, received in uploads:
        with received.open("rb") as stream:
            _place(stream, folder, PurePosixPath(name), behaviour)
    if behaviour.strip_single_folder:
        _strip_single_folder(folder)


def _place(stream: IO[bytes], folder: Path, name: PurePosixPath, behaviour: Behaviour) -> None:
    """Writes one file, or what is in it when it is an archive to be unpacked."""
    stem = _archive_stem(name.name, behaviour)
    target = _inside(folder, name)
    if target is None:
        return
    if stem is not None and _looks_like(stream, name.name):
        inner = name.with_name(stem)
        if name.name.lower().endswith(".gz") and not name.name.lower().endswith(_TAR_SUFFIXES):
            with gzip.GzipFile(fileobj=stream) as unzipped:
                _write(unzipped, _inside(folder, inner) or target)
            return
        members = _zip_members if name.name.lower().endswith((".zip", ".whl")) else _tar_members
        for member, content in members(stream):
            _place(content, folder, inner / member, behaviour)
        return
    _write(stream, target)


def _archive_stem(name: str, behaviour: Behaviour) -> str | None:
    """The name of the folder or file that an archive becomes; None for what is left as it is."""
    lower = name.lower()
    if behaviour.wheel_becomes_folder and lower.endswith(".whl"):
        return name
    if not behaviour.unpack_archives or any(
        fnmatch.fnmatch(name, pattern) for pattern in behaviour.leave_packed
    ):
        return None
    for suffix in (*_TAR_SUFFIXES, ".zip", ".gz"):
        if lower.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return None


def _looks_like(stream: IO[bytes], name: str) -> bool:
    """Whether the bytes are what the name says; a damaged archive stays packed."""
    lower = name.lower()
    if lower.endswith((".zip", ".whl")):
        good = zipfile.is_zipfile(stream)
    elif lower.endswith(_TAR_SUFFIXES):
        good = tarfile.is_tarfile(stream)
    else:
        good = stream.read(2) == b"\x1f\x8b"
    stream.seek(0)
    return good


def _zip_members(stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16):
                with archive.open(info) as content:
                    yield info.filename, content


def _tar_members(stream: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=stream) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, content


def _inside(folder: Path, name: PurePosixPath) -> Path | None:
    """Where a file goes; None for a path that would leave the folder."""
    if name.is_absolute() or ".." in name.parts:
        return None
    return folder.joinpath(*PurePosixPath(damage(str(name))).parts)


def _write(content: IO[bytes] | gzip.GzipFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        shutil.copyfileobj(content, out)
    target.chmod(0o644)


def _strip_single_folder(folder: Path) -> None:
    children = list(folder.iterdir())
    if len(children) == 1 and children[0].is_dir():
        aside = folder.with_name(f".{folder.name}.only")
        children[0].rename(aside)
        folder.rmdir()
        aside.rename(folder)
