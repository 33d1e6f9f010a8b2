"""A requirements file, line by line: problems are reported with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_workflow.errors import WorkflowError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# Endings of requirements that are files on this machine.
_FILES = (".whl", ".zip", ".tar.gz")
_COMMENT = re.compile(r"(^|\s)#.*")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(?P<name>\S+)")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_CONDA = re.compile(r"[A-Za-z0-9._-]+=[^=\s]+=\S+\Z")
# `Package  Version`, the rule below it, and the rows.
_TABLE = re.compile(
    r"(?P<name>Package|-{3,}|[A-Za-z0-9][A-Za-z0-9._-]*)\s+(?P<version>Version|-{3,}|\d[A-Za-z0-9.+!]*)(?:\s.*)?\Z"
)
# What pip says when it gives up, the most telling first; a build's own output may hold many other errors.
_VERDICTS = (
    *("No matching distribution found", "Cannot install", "Invalid requirement", "Could not open"),
    "Failed to build",
)


@dataclass(frozen=True)
class Line:
    """One line that is not empty or a comment, without its comment: the file, the number from 1, the text."""

    file: Path
    number: int
    text: str

    @property
    def requirement(self) -> Requirement | None:
        """What it asks for; None for an option, a path or a bare URL."""
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            return Requirement(self.text.partition(" --")[0].strip())
        except InvalidRequirement:
            return None

    @property
    def name(self) -> str | None:
        """The normalised name of the package it asks for; None for an option, a path or a bare URL."""
        from packaging.utils import canonicalize_name

        wanted = self.requirement
        return None if wanted is None else canonicalize_name(wanted.name)

    @property
    def problem(self) -> str | None:
        """What is wrong with it and how to write it; None when pip reads it (options, paths and addresses are pip's to read)."""
        from packaging.requirements import InvalidRequirement, Requirement

        text = self.text
        if variable := _VARIABLE.search(text):
            return f"'{text}' uses the variable {variable[0]}, which is not set on Kaggle. Write its value."
        if _CONDA.match(text):
            name, version, _ = text.split("=")
            return f"'{text}' is a line of `conda list --export`. Write {name}=={version}."
        if table := _TABLE.match(text):
            is_row = table["version"][0].isdigit()
            wanted = f"Write {table['name']}=={table['version']}" if is_row else "Remove it"
            return f"'{text}' is a line of the table that `pip list` prints. {wanted}; `pip list --format freeze` prints requirements."
        if text.startswith("-") or re.search(r"[/\\$]", text) or text.endswith(_FILES):
            return None
        try:
            # packaging accepts `name===`; pip 24.1, which Kaggle has, ends in a traceback.
            Requirement(re.sub(r"===$", "==", text.partition(" --")[0]))
        except InvalidRequirement as error:
            return f"'{text}' is not a requirement ({str(error).splitlines()[0]}). Correct it."
        return None


def read_lines(file: Path) -> list[Line]:
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
            reason = error.strerror or "unreadable" if isinstance(error, OSError) else "it is not UTF-8"
            raise WorkflowError(
                f"{current} can't be read as a requirements file ({reason}). Create or correct it."
            ) from error
        found += lines_of(current, text)
        todo += [current.parent / name for name in includes(text)]
    return found


def lines_of(file: Path, text: str) -> list[Line]:
    """The lines of a requirements file that are not empty or comments."""
    bare = (
        Line(file, number, _COMMENT.sub("", line).strip()) for number, line in enumerate(text.splitlines(), 1)
    )
    return [line for line in bare if line.text]


def includes(text: str) -> list[str]:
    """The files that a requirements file includes, as it names them."""
    return [match["name"] for line in lines_of(Path(), text) if (match := _INCLUDE.match(line.text))]


def check(lines: Iterable[Line]) -> None:
    """Raise WorkflowError for the first line that no installer can read, before one is started."""
    for line in lines:
        if (problem := line.problem) is not None:
            raise WorkflowError(f"{line.file}, line {line.number}: {problem}")


def explain(file: Path, lines: Iterable[Line], output: str) -> str:
    """One sentence on why pip could not install: the line that it complains about, and its verdict.

    Args:
        file: the requirements file, named when no single line can be.
        lines: what `read_lines` gave.
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
            return f"{line.file}, line {line.number}: '{line.text}' can't be installed ({reason}). Correct or remove it."
    return f"{file} can't be installed ({reason}). Correct it, or check the network."
