"""The code tree on local disk: copied from its read-only mount, compared with its manifest, repaired where that is certain.

Kaggle unpacks archives, strips a lone top-level folder, drops exec bits and damages some names on the way (reported by
competitors). None of that changes contents, so a file that is missing under its name is searched for by size and SHA-256.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kaggle_shim.errors import ManifestError, WheelError
from kaggle_shim.manifest import CODES_MANIFEST, FileEntry, Manifest

_BLOCK = 1 << 20
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z")
_PROGRAMS = (b"#!", b"\x7fELF")


def materialise(source: Path, target: Path) -> tuple[Manifest, tuple[str, ...]]:
    """Copy a mounted code tree to `target`, where it is writable, and verify that it is the one that was staged.

    Programs in it (a `#!` line or an ELF head) become executable. Returns the manifest and a sentence for each repair; raises
    ManifestError for the first file that is missing or differs and can't be repaired.
    """
    manifest = Manifest.load(source / CODES_MANIFEST)
    target.mkdir(parents=True)
    broken = [
        entry for entry in manifest.files if not _copy_exact(source / entry.path, target / entry.path, entry)
    ]
    if not broken:
        return manifest, ()
    import tempfile

    claimed = {entry.path for entry in manifest.files} | {CODES_MANIFEST}
    notes = []
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        candidates = list(_unclaimed(source, claimed, Path(scratch)))
        for entry in broken:
            place = target / entry.path
            origin = next((name for name, path in candidates if _copy_exact(path, place, entry)), None)
            if origin is None:
                raise ManifestError(difference(source, entry))
            notes.append(f"{entry.path} was mounted as {origin}; restored.")
    return manifest, tuple(notes)


def _copy_exact(source: Path, target: Path, entry: FileEntry) -> bool:
    """Copy a file if it is the one that `entry` describes; leave nothing at `target` otherwise."""
    if not source.is_file() or source.stat().st_size != entry.size:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    head = b""
    with source.open("rb") as file, target.open("wb") as out:
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


def _unclaimed(source: Path, claimed: set[str], scratch: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of every file that is not at a `claimed` path, and of what archives among them hold."""
    from kaggle_shim import archives

    for number, path in enumerate(_files(source)):
        relative = path.relative_to(source).as_posix()
        if relative not in claimed:
            yield relative, path
            if relative.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz")):
                inside = scratch / str(number)
                # Of an unreadable archive nothing is found: the missing file is reported.
                with suppress(WheelError):
                    archives.extract(path, inside)
                yield from ((f"{relative}:{member.relative_to(inside)}", member) for member in _files(inside))


def _files(folder: Path) -> Iterator[Path]:
    return (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)


def difference(source: Path, entry: FileEntry) -> str:
    """What is wrong with a file of an upload mounted at `source`, and what Kaggle probably did: one sentence."""
    path = source / entry.path
    if path.is_dir():
        return f"{entry.path} arrived in {source} as a folder: Kaggle unpacked it; rename it so that it doesn't look like an archive."
    if not path.is_file() and entry.path.lower().endswith(ARCHIVES):
        return f"{entry.path} is missing in {source}: Kaggle unpacks archives on arrival; upload its contents instead."
    if not path.is_file():
        return f"{entry.path} is missing in {source} and no other file there has its content: the upload lost it, push it again."
    size = path.stat().st_size
    if size < entry.size:
        return f"{entry.path} arrived with {size} of {entry.size} bytes in {source}: the upload was cut short, push it again."
    return f"{entry.path} in {source} is not the file that was staged: another version is mounted, push the notebook again."
