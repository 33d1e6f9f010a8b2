"""`invoke check`."""

from __future__ import annotations

from workflow import check, console
from workflow.errors import WorkflowError
from workflow.findings import ERROR, errors
from workflow.workspace import Workspace


def main(workspace: Workspace, *, json: bool) -> None:
    """Print every finding; raises WorkflowError when one of them is an error."""
    found = check.find_all(workspace)
    wrong = len(errors(found))
    if json:
        console.as_json(
            {
                "errors": wrong,
                "warnings": len(found) - wrong,
                "findings": [finding.to_json() for finding in found],
            }
        )
    else:
        for finding in sorted(found, key=lambda f: f.level != ERROR):
            console.say(str(finding))
        if not wrong:
            console.say(f"check: no errors, {_count(len(found), 'warning')}.")
    if wrong:
        raise WorkflowError(
            f"{_count(wrong, 'error')} and {_count(len(found) - wrong, 'warning')}: mend the errors, then run invoke check again."
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
