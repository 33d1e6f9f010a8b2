"""One line of `invoke doctor`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kaggle_workflow.errors import Unreachable, WorkflowError

OK, NOTE, WRONG, UNKNOWN = "ok", "note", "wrong", "unknown"


@dataclass(frozen=True)
class Line:
    """What was checked, its state, and what to do.

    Attributes:
        topic: a word or two, such as `credentials`.
        state: `ok`, `note` (worth knowing), `wrong` (blocks a command) or `unknown` (could not be checked).
        says: what was found.
        remedy: what to do, "" for nothing.
    """

    topic: str
    state: str
    says: str
    remedy: str = ""


def of_error(topic: str, error: WorkflowError, state: str = "") -> Line:
    """Turn an error into a line: what it says, and after its last colon what to do; unknown when nothing was reached."""
    state = state or (UNKNOWN if isinstance(error, Unreachable) else WRONG)
    says, _, remedy = str(error).rstrip(".").rpartition(": ")
    return Line(topic, state, says or remedy, remedy if says else "")


def guarded(topic: str, check: Callable[[], Iterable[Line]]) -> Iterator[Line]:
    """Yield a check's lines, or the error that ended it as a line."""
    try:
        yield from check()
    except WorkflowError as error:
        yield of_error(topic, error)
