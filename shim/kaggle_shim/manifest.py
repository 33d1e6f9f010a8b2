"""What an upload consists of, file by file, and the one fingerprint over all of it.

The fingerprint is made from paths and contents alone, so the same files give the same one on any machine and at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim.errors import ManifestError

CODES_MANIFEST = "codes-manifest.json"
DEPS_MANIFEST = "deps-manifest.json"
DATASET_MANIFEST = "dataset-manifest.json"
MODEL_MANIFEST = "model-manifest.json"

_SCHEMA = 1
_BLOCK = 1 << 20
_SHORT = 12


@dataclass(frozen=True)
class FileEntry:
    """One file: its path inside the upload (posix), size in bytes and SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The list of files that travels with an upload.

    Attributes:
        workspace: id of the workspace that made it: how two workspaces tell their things apart.
        competition: slug of the competition, or "" where there is none.
        files: what the upload holds, sorted by path, without the manifest itself.
        commit: git commit of the workspace, None without git.
        dirty: whether the work tree differed from that commit, None without git.
        handle: the model or dataset that it was made for, "" where that is not kept.
        folder: where it was pushed from, relative to the workspace (posix), "" likewise.
        ignore: patterns of what was left out on request.
    """

    workspace: str
    competition: str
    files: tuple[FileEntry, ...]
    commit: str | None = None
    dirty: bool | None = None
    handle: str = ""
    folder: str = ""
    ignore: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over paths and contents, in hex."""
        return fingerprint(self.files)

    def dumps(self) -> str:
        """The manifest as JSON text, the same bytes for the same values."""
        value = {
            "schema": _SCHEMA,
            "workspace": self.workspace,
            "competition": self.competition,
            "fingerprint": self.fingerprint,
            "commit": self.commit,
            "dirty": self.dirty,
            **({"handle": self.handle} if self.handle else {}),
            **({"folder": self.folder} if self.folder else {}),
            **({"ignore": list(self.ignore)} if self.ignore else {}),
            "files": [
                {"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in self.files
            ],
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str, origin: str) -> Manifest:
        """Read a manifest.

        Args:
            text: what the file holds.
            origin: its path, for the error's sentence.

        Raises:
            ManifestError: it is not JSON, or a field is missing, or the fingerprint is not that of its files.
        """
        try:
            value: Any = json.loads(text)
            files = tuple(FileEntry(str(f["path"]), int(f["size"]), str(f["sha256"])) for f in value["files"])
            manifest = cls(
                str(value["workspace"]),
                str(value["competition"]),
                files,
                value["commit"],
                value["dirty"],
                str(value.get("handle") or ""),
                str(value.get("folder") or ""),
                tuple(str(pattern) for pattern in value.get("ignore") or ()),
            )
            stated = value["fingerprint"]
        except (ValueError, OverflowError, RecursionError, KeyError, TypeError) as error:
            raise ManifestError(
                f"{origin} is not a manifest of ours ({type(error).__name__}: {error}): push again."
            ) from error
        for entry in files:
            check_path(entry.path, origin)
        if stated != manifest.fingerprint:
            raise ManifestError(
                f"{origin} lists other files than its fingerprint says: it was edited, push again."
            )
        return manifest

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest file; raises ManifestError."""
        return cls.loads(read(path), str(path))


def read(path: Path) -> str:
    """The text of a manifest file; raises ManifestError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} can't be read ({error}): push what it belongs to again.") from error


def fingerprint(entries: Iterable[FileEntry]) -> str:
    """One SHA-256 (hex) over the paths and contents of `entries`, whatever their order."""
    digest = hashlib.sha256()
    for entry in sorted(entries, key=lambda e: e.path.encode()):
        digest.update(f"{entry.sha256} {entry.size} {entry.path}\n".encode())
    return digest.hexdigest()


def fingerprint_of(parts: Mapping[str, str]) -> str:
    """One SHA-256 (hex) over named texts, such as the requirements and the collector that makes wheels of them."""
    return fingerprint(
        FileEntry(name, len(text), hashlib.sha256(text.encode()).hexdigest()) for name, text in parts.items()
    )


def short(value: str) -> str:
    """The form of a fingerprint that people read: its first 12 hex digits."""
    return value[:_SHORT]


def hash_file(path: Path) -> str:
    """SHA-256 of a file in hex, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def scan(folder: Path, skip: Iterable[str] = ()) -> tuple[FileEntry, ...]:
    """List and hash every regular file below `folder`.

    Args:
        folder: where the upload lies.
        skip: paths (posix, relative) to leave out, such as the manifest's own.

    Returns:
        The entries sorted by path; links are not followed into folders.
    """
    left_out = set(skip)
    entries = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if relative not in left_out:
                entries.append(FileEntry(relative, path.stat().st_size, hash_file(path)))
    return tuple(sorted(entries, key=lambda e: e.path.encode()))


def check_path(path: str, origin: str) -> None:
    """Raise ManifestError when `path` is not a plain relative posix path that stays inside its folder."""
    parts = path.split("/")
    if not path or "\\" in path or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
        raise ManifestError(
            f"{origin} names {path!r}, which would lie outside its folder: don't use this upload."
        )
