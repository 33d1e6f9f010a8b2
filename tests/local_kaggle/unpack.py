"""What the server makes of an upload: archives unpacked, names damaged, links and exec bits gone (docs/explanation/kaggle.md)."""

from __future__ import annotations

import errno
import fnmatch
import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.names import damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.local_kaggle.behaviour import Behaviour

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_DEEPEST = 10
"""Archives in archives beyond this depth stay packed: one may hold itself."""
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
)
"""What reading a damaged, encrypted or strangely compressed archive raises."""


def publish(uploads: Iterable[tuple[str, Path]], folder: Path, behaviour: Behaviour) -> None:
    """Makes the files of a version.

    Args:
        uploads: Relative posix path and the received bytes of every uploaded file.
        folder: Where the version's files go; leftovers of a server that died meanwhile are removed.
        behaviour: Which archives are unpacked, and whether a single folder is stripped.

    Raises:
        ApiError: 400 when one path is to be a file and a folder at once, or is longer than a file system takes.
    """
    for leftover in (folder, _aside(folder)):
        if leftover.exists():
            shutil.rmtree(leftover)
    folder.mkdir(parents=True)
    for name, received in uploads:
        try:
            with received.open("rb") as stream:
                _place(stream, folder, PurePosixPath(name), behaviour, 0)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ApiError(400, f"The upload's {name} is a file and a folder at once") from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise ApiError(400, f"A path in the upload's {name} is too long") from error
    if behaviour.strip_single_folder:
        _strip_single_folder(folder)


def _place(stream: IO[bytes], folder: Path, name: PurePosixPath, behaviour: Behaviour, depth: int) -> None:
    """Writes one file, or what is in it when it is an archive to be unpacked."""
    stem = _archive_stem(name.name, behaviour)
    target = _inside(folder, name)
    if target is None:
        return
    if stem is not None and depth < _DEEPEST and _is_whole(stream, name.name):
        inner = name.with_name(stem)
        if name.name.lower().endswith(".gz") and not name.name.lower().endswith(_TAR_SUFFIXES):
            with gzip.GzipFile(fileobj=stream) as unzipped:
                _write(unzipped, _inside(folder, inner) or target)
            return
        members = _zip_members if name.name.lower().endswith((".zip", ".whl")) else _tar_members
        top = _only_folder(name for name, _ in members(stream)) if behaviour.strip_archive_folder else ""
        stream.seek(0)
        for member, content in members(stream):
            _place(content, folder, inner / member.removeprefix(top), behaviour, depth + 1)
        return
    _write(stream, target)


def _only_folder(members: Iterable[str]) -> str:
    """The folder that everything in an archive lies in, with a slash at its end; "" when there is no such folder."""
    tops = {name.partition("/")[0] + "/" if "/" in name else "" for name in members}
    return tops.pop() if len(tops) == 1 else ""


def _aside(folder: Path) -> Path:
    """Where the only folder of a version waits while it takes the version's place."""
    return folder.with_name(f".{folder.name}.only")


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


def _is_whole(stream: IO[bytes], name: str) -> bool:
    """Whether an archive is what its name says and can be read to its end; any other stays packed."""
    lower = name.lower()
    try:
        if lower.endswith((".zip", ".whl")):
            whole = zipfile.is_zipfile(stream) and _can_be_read(_zip_members(stream))
        elif lower.endswith(_TAR_SUFFIXES):
            whole = _can_be_read(_tar_members(stream))
        else:
            with gzip.GzipFile(fileobj=stream) as unzipped:
                whole = _can_be_read([("", unzipped)])
    except _BROKEN:
        whole = False
    stream.seek(0)
    return whole


def _can_be_read(members: Iterable[tuple[str, IO[bytes] | gzip.GzipFile]]) -> bool:
    for _, content in members:
        while content.read(1 << 20):
            pass
    return True


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
        aside = _aside(folder)
        children[0].rename(aside)
        folder.rmdir()
        aside.rename(folder)
