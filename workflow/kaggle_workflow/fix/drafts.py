"""Files as a repair would leave them: read from the workspace and edited in memory; nothing is written here."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_bytes

_BOM = "\ufeff"
_LARGEST_SOURCE = 1 << 20
_NO_END = "\n\\ No newline at end of file\n"


@dataclass(frozen=True)
class Edit:
    """One repair.

    Attributes:
        name: stable name, such as `old-cells`.
        path: the file, relative to the workspace (posix).
        sentence: what is wrong.
        reported: whether another check reports it.
        done: whether the draft has the repair; False where the user must decide.
    """

    name: str
    path: str
    sentence: str
    reported: bool = False
    done: bool = True


@dataclass(frozen=True)
class Change:
    """A file's text before (None: there is no such file) and after, and the sentences that say why."""

    path: str
    before: str | None
    after: str
    reasons: tuple[str, ...]

    def diff(self) -> str:
        """The change as `git diff` shows it."""
        old = f"a/{self.path}" if self.before is not None else "/dev/null"
        lines = difflib.unified_diff(_lines(self.before or ""), _lines(self.after), old, f"b/{self.path}")
        return "".join(line if line.endswith("\n") else line + _NO_END for line in lines)

    def write(self, root: Path) -> None:
        """Write the file; raises WorkflowError when it is not what the diff was made from."""
        path = root / self.path
        there = path.read_bytes() if path.is_file() else None
        if there != (None if self.before is None else self.before.encode("utf-8")):
            raise WorkflowError(
                f"{self.path} was changed meanwhile. It is left as it is: run `invoke check --fix` again."
            )
        write_bytes(path, self.after.encode("utf-8"))


@dataclass
class Draft:
    """A workspace's text files and the repairs that were made to them; line ends and byte order marks stay as they are."""

    root: Path
    edits: list[Edit] = field(default_factory=list)
    _before: dict[str, str | None] = field(default_factory=dict)
    _after: dict[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str | None:
        """A file's text as the repairs so far leave it, without a byte order mark; None when it is missing or not UTF-8."""
        if path not in self._before:
            self._before[path] = _read(self.root / path)
        text = self._after.get(path, self._before[path])
        return None if text is None else text.removeprefix(_BOM)

    def contains(self, path: str, part: str) -> bool:
        """Whether a file's text has that part; False for one above a megabyte, which is data."""
        try:
            return (self.root / path).stat().st_size <= _LARGEST_SOURCE and part in (self.text(path) or "")
        except OSError:
            return False

    def json(self, path: str) -> Mapping[str, Any]:
        """A file's JSON object, empty when it is missing or not one."""
        try:
            value = json.loads(self.text(path) or "")
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def edit(self, name: str, path: str, text: str, sentence: str, *, reported: bool = False) -> None:
        """Give a file another text, and say why."""
        if text != self.text(path):
            mark = _BOM if (self._before[path] or "").startswith(_BOM) else ""
            self._after[path] = mark + text
            self.edits.append(Edit(name, path, sentence, reported))

    def set_value(
        self, name: str, path: str, key: str, value: object, sentence: str, *, reported: bool = True
    ) -> None:
        """Give a key of a JSON file another value, and say why."""
        self.edit(
            name, path, json_edit.set_value(self.text(path) or "", key, value), sentence, reported=reported
        )

    def set_item(
        self,
        name: str,
        path: str,
        key: str,
        old: str | None,
        new: str,
        sentence: str,
        *,
        reported: bool = True,
    ) -> None:
        """Replace an item in a list of a JSON file, or append one (`old` is None), and say why."""
        text = json_edit.set_item(self.text(path) or "", key, old, new)
        self.edit(name, path, text, sentence, reported=reported)

    def note(self, name: str, path: str, sentence: str) -> None:
        """Report what the user must decide."""
        self.edits.append(Edit(name, path, sentence, done=False))

    def changes(self) -> tuple[Change, ...]:
        """What would be written, sorted by path."""
        return tuple(
            Change(path, self._before[path], after, tuple(e.sentence for e in self.edits if e.path == path))
            for path, after in sorted(self._after.items())
            if after != self._before[path]
        )


def texts_in(value: object) -> list[str]:
    """The texts in a list of a JSON file, none for what is not a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _lines(text: str) -> list[str]:
    """Lines with their ends; only LF ends one, so that a stray CR is shown as part of its line."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
