"""A finding: one thing about the workspace that is wrong or worth knowing, with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WorkflowError

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One sentence about one file.

    Attributes:
        level: `error` (the command stops) or `warning`.
        name: stable name of the check, such as `title-length`.
        path: the file, relative to the workspace (posix).
        sentence: what is wrong and what to do.
        line: line in the file, None when there is no single one.
    """

    level: str
    name: str
    path: str
    sentence: str
    line: int | None = None

    def __str__(self) -> str:
        path = shown(self.path)
        place = path if self.line is None else f"{path}:{self.line}"
        return f"{place}: {self.level}: {self.sentence} [{self.name}]"

    def to_json(self) -> dict[str, object]:
        """The finding as plain JSON values."""
        return {
            "level": self.level,
            "name": self.name,
            "path": self.path,
            "line": self.line,
            "sentence": self.sentence,
        }


def shown(path: str) -> str:
    """A path as a terminal may show it: control characters and those that turn the writing around are spelled out."""
    return path if path.isprintable() else ascii(path)


def relative(path: Path, root: Path) -> str:
    """How findings write a path: relative to the workspace, posix."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that stop a command."""
    return tuple(finding for finding in findings if finding.level == ERROR)


def raise_first(findings: Iterable[Finding]) -> None:
    """Raise WorkflowError for the first error, naming how many more there are."""
    wrong = errors(findings)
    if wrong:
        more = f" ({len(wrong) - 1} more: invoke check lists them)" if len(wrong) > 1 else ""
        raise WorkflowError(f"{shown(wrong[0].path)}: {wrong[0].sentence}{more}")
