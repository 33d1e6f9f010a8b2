"""Files as a repair would leave them: read from the workspace and edited in memory; nothing is written here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_workflow.edit import diffs

_BOM = "\ufeff"
_LARGEST_SOURCE = 1 << 20


@dataclass(frozen=True)
class Edit:
    """One repair.

    Attributes:
        name: stable name, such as `old-cells`.
        path: the file, relative to the workspace (posix).
        sentence: what is wrong.
        told: whether `check` says it anyway.
        done: whether the draft holds the repair; False where only a person can decide.
    """

    name: str
    path: str
    sentence: str
    told: bool = False
    done: bool = True


@dataclass
class Draft:
    """A workspace's text files and the repairs that were made to them; line ends and byte order marks stay as they are."""

    root: Path
    edits: list[Edit] = field(default_factory=list)
    _before: dict[str, str | None] = field(default_factory=dict)
    _after: dict[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """A file's text as the repairs so far leave it, None when it is missing or no UTF-8; without a byte order mark."""
        if path in self._after:
            return self._after[path].removeprefix(_BOM)
        if path not in self._before:
            self._before[path] = _read(self.root / path)
        text = self._before[path]
        return None if text is None else text.removeprefix(_BOM)

    def holds(self, path: str, part: str) -> bool:
        """Whether a file's text has that part. Nothing is kept of one that has not; above a megabyte it is data, and False."""
        if path in self._after or path in self._before:
            return part in (self.text(path) or "")
        place = self.root / path
        try:
            return place.stat().st_size <= _LARGEST_SOURCE and part.encode() in place.read_bytes()
        except OSError:
            return False

    def json(self, path: str) -> dict[str, Any] | None:
        """A file's JSON object, None when there is none that reads."""
        text = self.text(path)
        try:
            value = json.loads(text) if text is not None else None
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def edit(self, name: str, path: str, text: str, sentence: str, *, told: bool = False) -> None:
        """Give a file another text, and say why."""
        if text == self.text(path):
            return
        before = self._before.get(path)
        mark = _BOM if before is not None and before.startswith(_BOM) else ""
        self._after[path] = mark + text
        self.edits.append(Edit(name, path, sentence, told))

    def note(self, name: str, path: str, sentence: str) -> None:
        """Say what a person has to decide."""
        self.edits.append(Edit(name, path, sentence, done=False))

    def changes(self) -> tuple[diffs.Change, ...]:
        """What would be written, sorted by path."""
        return tuple(
            diffs.Change(
                path, self._before.get(path), after, tuple(e.sentence for e in self.edits if e.path == path)
            )
            for path, after in sorted(self._after.items())
            if after != self._before.get(path)
        )


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
