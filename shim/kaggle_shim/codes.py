"""The code tree on local disk: copied from its read-only mount, compared with its manifest, repaired where that is certain.

Kaggle unpacks archives, strips a lone top-level folder, drops exec bits and damages some names on the way (seen by
competitors). Content is not changed by any of that, so a file that is missing under its name is looked for by its SHA-256.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, FileEntry, Manifest

if TYPE_CHECKING:
    from kaggle_shim.strays import Stray

_BLOCK = 1 << 20
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z")
_PROGRAMS = (b"#!", b"\x7fELF")


def materialise(source: Path, target: Path) -> tuple[Manifest, tuple[str, ...]]:
    """Copy a code tree to where it can be written, and prove that it is the one that was staged.

    Args:
        source: the mounted code dataset, with its manifest.
        target: a folder to create; programs in it (a `#!` line or an ELF head) become executable.

    Returns:
        The manifest, and a sentence for everything that had to be repaired.

    Raises:
        ManifestError: the first file that is missing or differs and can't be repaired, with what probably happened.
    """
    manifest = Manifest.load(source / CODES_MANIFEST)
    target.mkdir(parents=True)
    broken = [
        entry for entry in manifest.files if not _copy_exact(source / entry.path, target / entry.path, entry)
    ]
    if not broken:
        return manifest, ()
    from kaggle_shim.strays import unclaimed

    candidates = list(unclaimed(source, {entry.path for entry in manifest.files} | {CODES_MANIFEST}))
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


def _repair(entry: FileEntry, candidates: list[Stray], target: Path) -> str | None:
    for candidate in candidates:
        if candidate.size == entry.size:
            with candidate.open() as file:
                if _write_exact(file, target, entry):
                    return candidate.name
    return None


def difference(source: Path, entry: FileEntry) -> str:
    """What is wrong with a file of an upload, and what Kaggle probably did: one sentence.

    Args:
        source: the mounted folder.
        entry: what its manifest says of the file.
    """
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
