"""What is known about versions on Kaggle that can't change any more: a cache in `build/` that may be deleted at any time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import Manifest
from kaggle_workflow.files import write_text


class Known:
    """Facts about versions that were seen: which fingerprint, whether complete. A cache, nothing else."""

    def __init__(self, build: Path) -> None:
        self._folder = build / "known"

    def of(self, name: str, version: int | None) -> Mapping[str, Any]:
        """What is known about that version, {} for nothing."""
        try:
            value = json.loads((self._folder / f"{file_name(name)}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) and value.get("version") == version else {}

    def manifest(self, name: str, version: int | None) -> Manifest | None:
        """The manifest of that version, or with None that of the version that was seen last; None when it is not known."""
        try:
            value = json.loads((self._folder / f"{file_name(name)}.json").read_text(encoding="utf-8"))
            known = value if version in (None, value["version"]) else {}
            return Manifest.loads(known["manifest"], name) if known.get("manifest") else None
        except (OSError, ValueError, RecursionError, KeyError, TypeError, ManifestError):
            return None

    def note(self, name: str, version: int, **facts: object) -> None:
        """Remember facts about a version, in place of those about any other."""
        text = json.dumps({**self.of(name, version), "version": version, **facts}) + "\n"
        write_text(self._folder / f"{file_name(name)}.json", text)


def file_name(name: str) -> str:
    """The stem of the file that is kept about a thing on Kaggle."""
    return name.replace("/", "--")
