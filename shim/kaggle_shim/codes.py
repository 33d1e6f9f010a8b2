"""The code tree on local disk: copied from its read-only mount, compared with its manifest, repaired where that is certain.

Kaggle unpacks archives, strips a lone top-level folder, drops exec bits and damages some names on the way (seen by
competitors). Content is not changed by any of that, so a file that is missing under its name is looked for by its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, FileEntry, Manifest

_BLOCK = 1 << 20
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z")
_PROGRAMS = (b"#!", b"\x7fELF")
# A file that no manifest entry claims, or a member of an archive: its name, its size, and how it is opened.
_Stray = tuple[str, int, Callable[[], IO[bytes]]]


def materialise(source: Path, target: Path) -> tuple[Manifest, tuple[str, ...]]:
    """Copy a mounted code tree to `target`, where it can be written, and prove that it is the one that was staged.

    Programs in it (a `#!` line or an ELF head) become executable. Answers the manifest and a sentence for each repair; raises
    ManifestError for the first file that is missing or differs and can't be repaired.
    """
    manifest = Manifest.load(source / CODES_MANIFEST)
    target.mkdir(parents=True)
    broken = [
        entry for entry in manifest.files if not _copy_exact(source / entry.path, target / entry.path, entry)
    ]
    if not broken:
        return manifest, ()
    candidates = list(_unclaimed(source, {entry.path for entry in manifest.files} | {CODES_MANIFEST}))
    notes = []
    for entry in broken:
        origin = _repair(entry, candidates, target / entry.path)
        if origin is None:
            raise ManifestError(difference(source, entry))
        notes.append(f"{entry.path} arrived as {origin} and was put back.")
    return manifest, tuple(notes)


def _copy_exact(source: Path, target: Path, entry: FileEntry) -> bool:
    if not source.is_file() or source.stat().st_size != entry.size:
        return False
    with source.open("rb") as file:
        return _write_exact(file, target, entry)


def _write_exact(file: IO[bytes], target: Path, entry: FileEntry) -> bool:
    """Write a stream to `target` if it is what `entry` says, and leave nothing there otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    head = b""
    with target.open("wb") as out:
        while block := file.read(_BLOCK):
            head = head or block[:4]
            digest.update(block)
            out.write(block)
    if digest.hexdigest() != entry.sha256:
        target.unlink()
        return False
    if head.startswith(_PROGRAMS):
        target.chmod(0o755)
    return True


def _repair(entry: FileEntry, candidates: list[_Stray], target: Path) -> str | None:
    for name, size, content in candidates:
        if size == entry.size:
            with content() as file:
                if _write_exact(file, target, entry):
                    return name
    return None


def _unclaimed(source: Path, claimed: set[str]) -> Iterator[_Stray]:
    """Every file below `source` that is not at one of the `claimed` paths (posix), and what lies in archives among them."""
    for parent, _, names in os.walk(source):
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(source).as_posix()
            if relative not in claimed:
                yield relative, path.stat().st_size, partial(_open, path)
                if relative.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz")):
                    yield from _members(path, relative)


def _members(path: Path, relative: str) -> Iterator[_Stray]:
    """What lies inside an archive that Kaggle left packed; nothing when it can't be read: the missing file is reported."""
    import tarfile
    import zipfile

    with suppress(zipfile.BadZipFile, tarfile.TarError, OSError):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    yield (
                        f"{relative}:{info.filename}",
                        info.file_size,
                        partial(_zip_member, path, info.filename),
                    )
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                for member in tar.getmembers():
                    if member.isfile():
                        yield (
                            f"{relative}:{member.name}",
                            member.size,
                            partial(_tar_member, path, member.name),
                        )


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _zip_member(path: Path, name: str) -> IO[bytes]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(name))


def _tar_member(path: Path, name: str) -> IO[bytes]:
    import tarfile

    with tarfile.open(path) as tar:
        file = tar.extractfile(name)
        return io.BytesIO(file.read() if file is not None else b"")


def difference(source: Path, entry: FileEntry) -> str:
    """What is wrong with a file of an upload mounted at `source`, and what Kaggle probably did: one sentence."""
    path = source / entry.path
    if path.is_dir():
        return f"{entry.path} arrived in {source} as a folder: Kaggle unpacked it; give it a name that is no archive's."
    if not path.is_file() and entry.path.lower().endswith(ARCHIVES):
        return f"{entry.path} is missing in {source}: Kaggle unpacks archives on arrival; upload what is in it instead."
    if not path.is_file():
        return f"{entry.path} is missing in {source} and nothing there has its content: the upload lost it, push it again."
    size = path.stat().st_size
    if size < entry.size:
        return f"{entry.path} arrived with {size} of {entry.size} bytes in {source}: the upload was cut short, push it again."
    return f"{entry.path} in {source} is not the file that was staged: another version is mounted, push the notebook again."
