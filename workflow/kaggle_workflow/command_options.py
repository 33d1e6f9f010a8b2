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
    """

    name: str
    help: str
    default: Any = False
    into: str = ""
    optional: bool = False

    @property
    def argument(self) -> str:
        """The argument of `main` that takes the value."""
        return self.into or self.name.replace("-", "_")


@dataclass(frozen=True)
class Command:
    """A command: `kaggle_workflow.commands.<name>.main` does it."""

    name: str
    summary: str
    options: tuple[Option, ...] = ()


NOTEBOOK = Option("notebook", "folder of the notebook (default: sub)", "sub")
VERSION = Option("version", "which version (default: the newest)", 0)
ALLOW = Option("allow", "override a refusal by its name (may be repeated)", [])
YES = Option("yes", "answer every question with yes")
JSON = Option("json", "print the result as JSON")
FETCH_YES = Option("yes", "download more than 5 GB without asking")
MESSAGE = Option("message", "notes of the new version (default: subject of the commit)", "")
PUBLIC = Option("public", "allow what the metadata declares public to be public")
ACCELERATOR = Option("accelerator", "override the accelerator of the metadata, such as NvidiaTeslaT4", "")
NO_WAIT = Option("no-wait", "return once Kaggle has accepted it, without waiting for the run")
DRY_RUN = Option("dry-run", "list what would be sent, with sizes")
FORCE = Option("force", "send even if nothing changed")
LIMIT = Option("limit", "stop waiting after this time, such as 30m", "")
SEND = (DRY_RUN, FORCE, YES, ALLOW, LIMIT, JSON)
AGAIN = Option("again", "submit a version that was submitted before")
DESCRIPTION = Option(
    "message", "description of the submission (default: entry point and subject of the commit)", ""
)
SUBMIT = (
    AGAIN,
    DESCRIPTION,
    Option("cv", "its validation score, such as 0.812 (default: cv of metrics.json beside the weights)", ""),
    Option("hidden-rows", "rows of the hidden test set, for the estimate of the rerun", 0),
)
