"""SHA-256 of large files, cached by size and times: six gigabytes of weights are read once."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from kaggle_shim.manifest import hash_file
from kaggle_workflow import progress, stamps
from kaggle_workflow.files import write_text


class Hashes:
    """Hashes of files, from a cache that may be deleted at any time."""

    def __init__(self, cache: Path | None) -> None:
        """`cache`: a JSON file, or None for no cache."""
        self._cache = cache
        self._kept: dict[str, list[object]] = {}
        with contextlib.suppress(OSError, ValueError, RecursionError):
            value = json.loads(cache.read_text(encoding="utf-8")) if cache is not None else {}
            self._kept = value if isinstance(value, dict) else {}

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, in hex; an unchanged file is not read again."""
        about = path.stat()
        stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
        kept = self._kept.get(str(path.resolve()))
        if isinstance(kept, list) and kept[:-1] == stamp and isinstance(kept[-1], str):
            return kept[-1]
        progress.large("fingerprint", path.name, about.st_size)
        settled = stamps.settled(about.st_mtime_ns, time.time_ns())
        found = hash_file(path)
        if settled:
            self._kept[str(path.resolve())] = [*stamp, found]
        return found

    def save(self) -> None:
        """Write the cache; on a full or read-only disk, files are read again next time."""
        if self._cache is not None:
            with contextlib.suppress(OSError):
                write_text(self._cache, json.dumps(self._kept))
