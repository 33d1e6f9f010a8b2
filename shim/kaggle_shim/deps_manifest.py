"""What the wheel notebook leaves beside its wheels: what they were made from, for which Python, in which image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import DEPS_MANIFEST, FileEntry, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["DEPS_MANIFEST", "DepsManifest"]

_SCHEMA = 1


@dataclass(frozen=True)
class DepsManifest:
    """The manifest of a wheel notebook's output.

    Attributes:
        workspace: id of the workspace that made it.
        fingerprint: of the requirements, the collector and the own wheels; what `workspace` compares.
        python: tag of the interpreter, `cp312`.
        platform: `linux_x86_64`.
        image: what identifies the image, as far as it says.
        collector: version of the shim that collected.
        requested: names of what the requirements ask for directly, sorted; what the import check looks at.
        satisfied: name and version of what was left to the image, sorted.
        wheels: file name, size and SHA-256 of every wheel, sorted.
        notes: sentences of the collector that may matter later.
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
            "workspace": self.workspace,
            "fingerprint": self.fingerprint,
            "python": self.python,
            "platform": self.platform,
            "image": dict(sorted(self.image.items())),
            "collector": self.collector,
            "requested": list(self.requested),
            "satisfied": [{"name": name, "version": version} for name, version in self.satisfied],
            "wheels": [
                {"path": wheel.path, "size": wheel.size, "sha256": wheel.sha256} for wheel in self.wheels
            ],
            "notes": list(self.notes),
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str, origin: str) -> DepsManifest:
        """Read a manifest.

        Args:
            text: what the file holds.
            origin: its path, for the error's sentence.

        Raises:
            ManifestError: it is not JSON, or a field is missing, or a wheel's name is a path.
        """
        try:
            value: Any = json.loads(text)
            manifest = cls(
                workspace=str(value["workspace"]),
                fingerprint=str(value["fingerprint"]),
                python=str(value["python"]),
                platform=str(value["platform"]),
                image={str(key): str(entry) for key, entry in value["image"].items()},
                collector=str(value["collector"]),
                requested=tuple(str(name) for name in value["requested"]),
                satisfied=tuple((str(entry["name"]), str(entry["version"])) for entry in value["satisfied"]),
                wheels=tuple(
                    FileEntry(str(f["path"]), int(f["size"]), str(f["sha256"])) for f in value["wheels"]
                ),
                notes=tuple(str(note) for note in value["notes"]),
            )
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(
                f"{origin} is not a manifest of wheels ({type(error).__name__}: {error}): push deps again."
            ) from error
        for wheel in manifest.wheels:
            if not wheel.path or wheel.path in {".", ".."} or "/" in wheel.path or "\\" in wheel.path:
                raise ManifestError(
                    f"{origin} lists {wheel.path!r}, which is no file beside it: push deps again."
                )
        return manifest

    @classmethod
    def load(cls, path: Path) -> DepsManifest:
        """Read a manifest file; raises ManifestError."""
        return cls.loads(read(path), str(path))
