"""Archives in an upload: Kaggle unpacks them, and the archive itself is gone (seen by competitors)."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kaggle_shim.manifest import FileEntry

# The longest first: `.tar.gz` is not `.gz`.
_TARS = (".tar.bz2", ".tar.gz", ".tar.xz", ".tar", ".tgz")
_ALONE: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda packed: gzip.GzipFile(fileobj=packed),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, RuntimeError, NotImplementedError),
)
_BLOCK = 1 << 20
_IN_MEMORY = 64 << 20
_DEEPEST = 5


def unpacked_name(path: str) -> str | None:
    """The folder that an archive is unpacked to, or the file for a single packed file; None for no archive."""
    for suffix in (*_TARS, ".zip", *_ALONE):
        if path.lower().endswith(suffix) and len(PurePosixPath(path).name) > len(suffix):
            return path[: -len(suffix)]
    return None


def is_archive(file: Path) -> bool:
    """Whether a file is an archive by its name and by its content; a checkpoint may be called `.pth.tar` and not be one."""
    name = file.name.lower()
    if unpacked_name(name) is None:
        return False
    try:
        if name.endswith(".zip"):
            return zipfile.is_zipfile(file)
        if name.endswith(_TARS):
            return tarfile.is_tarfile(file)
        opened = next(opener for suffix, opener in _ALONE.items() if name.endswith(suffix))
        with file.open("rb") as packed, opened(packed) as content:
            content.read(1)
    except _BROKEN:
        return False
    return True


def unpacked_files(
    folder: Path, sent: Iterable[FileEntry], kept: Iterable[str]
) -> dict[str, list[FileEntry]]:
    """The files that Kaggle makes of each archive in an upload.

    Args:
        folder: what was sent.
        sent: its files.
        kept: paths that are known to have stayed as they were.

    Returns:
        By path of the archive, every file in it where Kaggle is expected to put it; none for an archive that can't be read.
    """
    known = set(kept)
    found = {}
    for entry in sent:
        if unpacked_name(entry.path) is not None and entry.path not in known:
            try:
                with (folder / entry.path).open("rb") as packed:
                    found[entry.path] = list(_files(packed, entry.path, known, 0))
            except _BROKEN:
                found[entry.path] = []
    return found


def warning(path: str) -> str:
    """What to report about an archive before it is uploaded."""
    name = PurePosixPath(path).name
    return f"Kaggle unpacks it. The notebook finds {PurePosixPath(unpacked_name(path) or path).name} in place of {name}."


def _files(packed: IO[bytes], path: str, known: set[str], depth: int) -> Iterator[FileEntry]:
    """The files in an archive, archives in it unpacked as well."""
    base = unpacked_name(path) or path
    suffix = next((one for one in _ALONE if path.lower().endswith(one)), None)
    if suffix is not None and not path.lower().endswith(_TARS):
        with _ALONE[suffix](packed) as content:
            yield _entry(content, base)
        return
    members = _zip_members(packed) if path.lower().endswith(".zip") else _tar_members(packed)
    for name, content in members:
        inner = f"{base}/{name}"
        if unpacked_name(name) is None or inner in known or depth == _DEEPEST:
            yield _entry(content, inner)
            continue
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
            as_it_is = _entry(content, inner, copy)
            copy.seek(0)
            try:
                found = list(_files(copy, inner, known, depth + 1))
            except _BROKEN:
                found = [as_it_is]
        yield from found


def _entry(content: IO[bytes], path: str, copy: IO[bytes] | None = None) -> FileEntry:
    digest, size = hashlib.sha256(), 0
    while block := content.read(_BLOCK):
        digest.update(block)
        size += len(block)
        if copy is not None:
            copy.write(block)
    return FileEntry(path, size, digest.hexdigest())


def _zip_members(packed: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(packed) as archive:
        for info in archive.infolist():
            if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16) and _arrives(info.filename):
                with archive.open(info) as content:
                    yield info.filename, content


def _tar_members(packed: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() and _arrives(member.name) else None
            if content is not None:
                yield member.name.removeprefix("./"), content


def _arrives(name: str) -> bool:
    """Whether a member is expected on Kaggle: not what macOS adds, nothing hidden, nothing that leaves the folder."""
    parts = PurePosixPath(name.removeprefix("./")).parts
    return not any(part == "__MACOSX" or part.startswith((".", "/")) for part in parts)
