"""A requirements file, line by line: what is wrong with it is said with file and line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WorkflowError

# What a requirement that is a file of this machine ends in.
_FILES = (".whl", ".zip", ".tar.gz")


@dataclass(frozen=True)
class Line:
    """One line that says something, without its comment: the file, the number from 1, the text."""

    file: Path
    number: int
    text: str

    @property
    def name(self) -> str | None:
        """The normalised name of the package it asks for; None for an option, a path or a bare URL."""
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.utils import canonicalize_name

        try:
            return canonicalize_name(Requirement(self.text.partition(" --")[0]).name)
        except InvalidRequirement:
            return None


def read(file: Path) -> list[Line]:
    """Read a requirements file and those that it includes with `-r` or `-c`.

    Raises:
        WorkflowError: a file can't be read.
    """
    found: list[Line] = []
    todo = [file]
    seen: set[Path] = set()
    while todo:
        current = todo.pop(0)
        if current in seen:
            continue
        seen.add(current)
        try:
            text = current.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise WorkflowError(
                f"{current} can't be read as a requirements file ({_reason(error)}): create or correct it."
            ) from error
        for number, raw in enumerate(text.splitlines(), start=1):
            line = Line(current, number, re.sub(r"(^|\s)#.*", "", raw).strip())
            if line.text:
                found.append(line)
            if included := re.match(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", line.text):
                todo.append(current.parent / included[1])
    return found


def _reason(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else "it is not UTF-8"


# What pip says when it gives up, the most telling first; a build's own output may hold many other errors.
_VERDICTS = (
    "No matching distribution found",
    "Cannot install",
    "Invalid requirement",
    "Could not open",
    "Failed to build",
)


def check(lines: Iterable[Line]) -> None:
    """Find lines that no installer can read, before one is started.

    Raises:
        WorkflowError: names the first of them.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        # Options, paths and URLs are the installer's to read.
        if line.text.startswith("-") or re.search(r"[/\\$]", line.text) or line.text.endswith(_FILES):
            continue
        try:
            Requirement(line.text.partition(" --")[0])
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise WorkflowError(
                f"{line.file}, line {line.number}: '{line.text}' is no requirement ({reason}): correct it."
            ) from error


def explain(file: Path, lines: Iterable[Line], output: str) -> str:
    """One sentence on why pip could not install: the line that it complains about, and its verdict.

    Args:
        file: the requirements file, named when no single line can be.
        lines: what `read` gave.
        output: what pip printed.
    """
    said = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", output).splitlines() if line.strip()]
    errors = [line.partition("ERROR:")[2].strip() for line in said if line.startswith("ERROR:")]
    told = [error for verdict in _VERDICTS for error in errors if verdict in error]
    reason = (told or errors[-1:] or said[-1:] or ["no output"])[0].rstrip(".")
    plain = re.sub(r"[-_.]+", "-", reason).lower()
    for line in lines:
        name = line.name
        if line.text in reason or (
            name and re.search(rf"(?<![a-z0-9-]){re.escape(name)}(?![a-z0-9]|-[a-z])", plain)
        ):
            return f"{line.file}, line {line.number}: '{line.text}' can't be installed ({reason}): correct or remove it."
    return f"{file} can't be installed ({reason}): correct it, or check the network."
