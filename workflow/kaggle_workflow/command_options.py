"""What a command and an option are, and the options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Attributes:
        name: as on the command line, without the two hyphens.
        help: one line for `--help`.
        default: its value when it is not given; a list for an option that may be repeated.
        into: the argument of the command's `main` that takes it, where that has another name.
        optional: whether it may stand without a value.
        group: heading under which `--help` shows it.
        positional: whether its value follows the command without `--name`; it is required then.
    """

    name: str
    help: str
    default: Any = False
    into: str = ""
    optional: bool = False
    group: str = "Options"
    positional: bool = False

    @property
    def argument(self) -> str:
        """The argument of `main` that takes the value."""
        return self.into or self.name.replace("-", "_")


@dataclass(frozen=True)
class Command:
    """A command: `kaggle_workflow.commands.<name>.main` does it.

    Attributes:
        name: as on the command line.
        summary: one line for `invoke --list`.
        options: in the order in which `--help` shows them.
        example: the words after the name in the example that `--help` shows.
    """

    name: str
    summary: str
    options: tuple[Option, ...] = ()
    example: str = ""


_SENDING = "Sending"
_QUESTIONS = "Questions and refusals"
_WAITING = "Waiting"
_OUTPUT = "Output"

NOTEBOOK = Option("notebook", "folder of the notebook (default: sub)", "sub")
VERSION = Option("version", "version of the notebook (default: the newest)", 0)
ALLOW = Option(
    "allow",
    "override this refusal; `invoke explain NAME` says what it means (may be repeated; default: none)",
    [],
    group=_QUESTIONS,
)
YES = Option("yes", "answer every question with yes", group=_QUESTIONS)
JSON = Option("json", "print the result as JSON", group=_OUTPUT)
FETCH_YES = Option("yes", "download more than 5 GB without asking", group=_QUESTIONS)
MESSAGE = Option("message", "notes of the new version (default: subject of the last commit)", "")
PUBLIC = Option("public", "allow what the metadata declares public to be public", group=_SENDING)
ACCELERATOR = Option(
    "accelerator", "accelerator to run on, such as NvidiaTeslaT4 (default: as in the metadata)", ""
)
NO_WAIT = Option(
    "no-wait", "return as soon as Kaggle accepts it, without waiting for the run", group=_WAITING
)
DRY_RUN = Option("dry-run", "list what would be sent, with sizes, and send nothing", group=_SENDING)
FORCE = Option("force", "send even if nothing changed", group=_SENDING)
LIMIT = Option(
    "limit",
    "stop waiting after this time, such as 30m (default: each wait has its own limit)",
    "",
    group=_WAITING,
)
SEND = (DRY_RUN, FORCE, YES, ALLOW, LIMIT, JSON)
AGAIN = Option("again", "submit a version that was submitted before")
DESCRIPTION = Option(
    "message", "description of the submission (default: entry point and subject of the last commit)", ""
)
SUBMIT = (
    AGAIN,
    DESCRIPTION,
    Option("cv", "its validation score, such as 0.812 (default: cv in metrics.json beside the weights)", ""),
    Option("hidden-rows", "rows of the hidden test set, to estimate the rerun's time (default: unknown)", 0),
)
