"""One line of `invoke doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from kaggle_workflow.errors import WorkflowError

OK = "ok"
NOTE = "note"
WRONG = "wrong"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Line:
    """What was looked at, how it is, and what to do.

    Attributes:
        topic: a word or two, such as `credentials`.
        state: `ok`, `note` (worth knowing), `wrong` (will stop you) or `unknown` (could not be looked at).
        says: what was found.
        remedy: the one thing to do, "" when there is nothing.
    """

    topic: str
    state: str
    says: str
    remedy: str = ""


def of_error(topic: str, state: str, error: WorkflowError) -> Line:
    """An error's sentence as a line: what it says, and after its last colon what it tells to do."""
    says, _, remedy = str(error).rpartition(": ")
    return (
        Line(topic, state, says, remedy.rstrip(".")) if says else Line(topic, state, str(error).rstrip("."))
    )
