"""How a command declares its options, and the options that several commands share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

OPTIONS, SENDING, WAITING, QUESTIONS, OUTPUT = (
    "Options",
    "Sending",
    "Waiting",
    "Questions and refusals",
    "Output",
)
REQUIRED = "required"


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Attributes:
        text: what it does, without its default.
        default: its value when it is not given; a list for an option that may be repeated.
        shown: the default in words, where the value does not say it; `REQUIRED` for an option without one.
        bare: whether it may stand without a value.
        group: heading under which `--help` shows it.
        positional: whether its value follows the command without `--name`.
    """

    text: str
    default: Any
    shown: str
    bare: bool
    group: str
    positional: bool

    @property
    def help(self) -> str:
        """One line for `--help`, which ends in the default; a flag's default is off."""
        if self.default is False:
            return self.text
        shown = self.shown if self.shown == REQUIRED else f"default: {self.shown or self.default or 'none'}"
        return f"{self.text} ({'may be repeated; ' if isinstance(self.default, list) else ''}{shown})"


def option(
    text: str,
    default: Any = False,
    shown: str = "",
    *,
    bare: bool = False,
    group: str = OPTIONS,
    positional: bool = False,
) -> Any:
    """Declare an option as a class attribute; see `Option`. Without a default, it is a flag that is off."""
    return Option(text, default, shown, bare, group, positional)


class Command:
    """A command; its class attributes are its options, an instance holds their values.

    The first line of a command's docstring is its line in `invoke --list`.
    """

    name: ClassVar[str]
    runs: ClassVar[str]
    example: ClassVar[str]

    def __init_subclass__(cls, *, runs: str = "", example: str = "") -> None:
        """Name the command.

        Args:
            runs: `module:function` in `kaggle_workflow.commands`, called with the workspace and the command.
            example: the words after the name in the example that `--help` shows.
        """
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        cls.runs, cls.example = runs, f"invoke {cls.name} {example}".rstrip()

    def __init__(self, **given: Any) -> None:
        """Take the values that are given, and the defaults of all other options."""
        options = self.options()
        unknown = given.keys() - options.keys()
        if unknown:
            raise TypeError(f"{self.name} has no option {', '.join(sorted(unknown))}")
        for name, one in options.items():
            value = given.get(name, one.default)
            setattr(self, name, value or [] if isinstance(one.default, list) else value)

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Its options by attribute, in the order of `--help`: those it shares, its own, and what goes below a heading."""
        own = {name: one for name, one in vars(cls).items() if isinstance(one, Option)}
        shared = {
            name: getattr(cls, name)
            for parent in cls.__mro__[1:]
            for name, one in vars(parent).items()
            if isinstance(one, Option) and name not in own
        }
        first = {name: one for name, one in shared.items() if one.group == OPTIONS}
        return {**first, **own, **shared}

    @classmethod
    def summary(cls) -> str:
        """One line for `invoke --list`."""
        return (cls.__doc__ or "").splitlines()[0]


class Json(Command):
    """A command that can print its result as JSON."""

    json: bool = option("print the result as JSON", group=OUTPUT)


class OfNotebook(Command):
    """A command about one notebook."""

    notebook: str = option("folder of the notebook", "sub")


class OfVersion(OfNotebook):
    """A command about one version of a notebook."""

    version: int = option("version of the notebook", 0, "the newest")


class Asks(Command):
    """A command that may ask or refuse."""

    yes: bool = option("answer every question with yes", group=QUESTIONS)
    allow: list[str] = option(
        "override this refusal; `invoke explain NAME` describes it", [], group=QUESTIONS
    )


class Downloads(Command):
    """A command that downloads files."""

    yes: bool = option("download more than 5 GB without asking", group=QUESTIONS)
    allow: list[str] = Asks.allow


class Limited(Command):
    """A command that waits for Kaggle."""

    limit: str = option(
        "stop waiting after this time, such as 30m", "", "each wait has its own limit", group=WAITING
    )


class Sends(Asks, Limited, Json):
    """A command that sends something to Kaggle."""

    dry_run: bool = option("list what would be sent, with sizes, and send nothing", group=SENDING)
    force: bool = option("send even if nothing changed", group=SENDING)


class Public(Sends):
    """A command that sends what others may be able to read."""

    public: bool = option("allow what the metadata declares public to be public", group=SENDING)


class Runs(Public):
    """A command that sends a notebook, which then runs."""

    no_wait: bool = option("return as soon as Kaggle accepts it, without waiting for the run", group=WAITING)


class Accelerated(Command):
    """A command that may choose the accelerator of a run."""

    accelerator: str = option("accelerator to run on, such as NvidiaTeslaT4", "", "as in the metadata")


class WithMessage(Command):
    """A command whose new version has notes."""

    message: str = option("notes of the new version", "", "subject of the last commit")


class Submits(Command):
    """A command that submits."""

    again: bool = option("submit a version that was submitted before")
    message: str = option("description of the submission", "", "entry point and subject of the last commit")
    cv: str = option(
        "validation score of the submission, such as 0.812", "", "cv in metrics.json beside the weights"
    )
    hidden_rows: int = option("rows of the hidden test set, to estimate the rerun's time", 0, "unknown")
