"""Manifests: the files of an upload and one fingerprint over all of them.

The fingerprint depends on paths and contents alone: the same files give the same fingerprint on any machine.
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

    @classmethod
    def from_json(cls, value: Any) -> FileEntry:
        """Read the JSON values of an entry; raises ValueError for a path that isn't plain and relative, else what a wrong value raises."""
        path = str(value["path"])
        parts = path.split("/")
        if "\\" in path or ":" in parts[0] or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{path!r} would lie outside its folder")
        return cls(path, int(value["size"]), str(value["sha256"]))


@dataclass(frozen=True)
class Manifest:
    """The list of files that travels with an upload.

    Attributes:
        workspace: id of the workspace that made it, which tells the uploads of two workspaces apart.
        competition: slug of the competition, or "" where there is none.
        files: what the upload holds, sorted by path, without the manifest itself.
        commit: git commit of the workspace, None without git.
        dirty: whether the work tree differed from that commit, None without git.
        handle: the model or dataset that it was made for, "" when not recorded.
        folder: folder it was pushed from, relative to the workspace (posix), "" when not recorded.
        ignore: patterns of files that were excluded on request.
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
            **{name: vars(self)[name] for name in ("handle", "folder", "ignore") if vars(self)[name]},
            "files": list(map(vars, self.files)),
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str, origin: str) -> Manifest:
        """Read a manifest that lies at `origin`; raises ManifestError, also when the fingerprint is not that of its files."""
        try:
            value: Any = json.loads(text)
            manifest = cls(
                workspace=str(value["workspace"]),
                competition=str(value["competition"]),
                files=tuple(map(FileEntry.from_json, value["files"])),
                commit=value["commit"],
                dirty=value["dirty"],
                handle=str(value.get("handle") or ""),
                folder=str(value.get("folder") or ""),
                ignore=tuple(map(str, value.get("ignore") or ())),
            )
            stated = value["fingerprint"]
        except (ValueError, OverflowError, RecursionError, KeyError, TypeError) as error:
            raise ManifestError(
                f"{origin} is not a valid manifest ({type(error).__name__}: {error}): push again."
            ) from error
        if stated != manifest.fingerprint:
            raise ManifestError(f"{origin} doesn't match its own fingerprint: it was edited, push again.")
        return manifest

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest file; raises ManifestError."""
        return cls.loads(_read(path), str(path))


@dataclass(frozen=True)
class DepsManifest:
    """Manifest that the wheel notebook writes beside its wheels.

    Attributes:
        workspace: id of the workspace that made it.
        fingerprint: of the requirements, the collector and the own wheels; what `workspace` compares.
        python: tag of the interpreter, `cp312`.
        platform: `linux_x86_64`.
        image: what identifies the image, where known.
        collector: version of the shim that collected.
        requested: names that the requirements list themselves, sorted; the import check imports these.
        satisfied: name and version of requirements that the image already meets, sorted.
        wheels: file name, size and SHA-256 of every wheel, sorted.
        notes: warnings of the collector.
    """

    workspace: str
    fingerprint: str
    python: str
    platform: str
    image: Mapping[str, str]
    collector: str
    requested: tuple[str, ...]
    satisfied: tuple[tuple[str, str], ...]
    wheels: tuple[FileEntry, ...]
    notes: tuple[str, ...] = ()

    def dumps(self) -> str:
        """The manifest as JSON text, the same bytes for the same values."""
        value = {
            "schema": _SCHEMA,
            **vars(self),
            "image": dict(sorted(self.image.items())),
            "satisfied": [{"name": name, "version": version} for name, version in self.satisfied],
            "wheels": list(map(vars, self.wheels)),
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str, origin: str) -> DepsManifest:
        """Read a manifest that lies at `origin`; raises ManifestError, also when a wheel's name is a path."""
        try:
            value: Any = json.loads(text)
            manifest = cls(
                workspace=str(value["workspace"]),
                fingerprint=str(value["fingerprint"]),
                python=str(value["python"]),
                platform=str(value["platform"]),
                image={str(key): str(entry) for key, entry in value["image"].items()},
                collector=str(value["collector"]),
                requested=tuple(map(str, value["requested"])),
                satisfied=tuple((str(entry["name"]), str(entry["version"])) for entry in value["satisfied"]),
                wheels=tuple(map(FileEntry.from_json, value["wheels"])),
                notes=tuple(map(str, value["notes"])),
            )
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(
                f"{origin} is not a valid manifest of wheels ({type(error).__name__}: {error}): push deps again."
            ) from error
        return manifest

    @classmethod
    def load(cls, path: Path) -> DepsManifest:
        """Read a manifest file; raises ManifestError."""
        return cls.loads(_read(path), str(path))


def _read(path: Path) -> str:
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
    """The first 12 hex digits of a fingerprint, for display."""
    return value[:_SHORT]


def hash_file(path: Path) -> str:
    """SHA-256 of a file in hex, read block by block."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def scan(folder: Path, skip: Iterable[str] = ()) -> tuple[FileEntry, ...]:
    """List and hash the files below `folder`, sorted by path, except those in `skip` (posix, relative)."""
    left_out = set(skip)
    entries = []
    for path in (Path(parent, name) for parent, _, names in os.walk(folder) for name in names):
        relative = path.relative_to(folder).as_posix()
        if relative not in left_out:
            entries.append(FileEntry(relative, path.stat().st_size, hash_file(path)))
    return tuple(sorted(entries, key=lambda e: e.path.encode()))
