"""A change of one file: shown as a unified diff, written whole or not at all."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_bytes

_NO_END = "\n\\ No newline at end of file\n"


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


def _lines(text: str) -> list[str]:
    """Lines with their ends; only LF ends one, so that a stray CR is shown as part of its line."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
