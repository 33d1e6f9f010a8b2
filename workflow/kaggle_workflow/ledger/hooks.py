"""What `local_tasks.py` wants to be told: nobody looks at a terminal for nine hours.

    def on_score(submission):      # scored
        print(submission.ref, submission.public_score, submission.rerun_seconds)

    def on_failure(submission):    # the rerun failed
        print(submission.ref, submission.error)

`submission` is a `kaggle_workflow.ledger.fold.Submission`. Each function is called once for each submission, by the command that
watches when it ends; whatever goes wrong in it is reported and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kaggle_workflow import own_commands
from kaggle_workflow.ledger.fold import Submission

FILE = f"{own_commands.NAME}.py"


def call(root: Path, submission: Submission, warn: Callable[[str], None]) -> None:
    """Call `on_score` or `on_failure` of the workspace's own file, where it has one."""
    name = "on_score" if submission.complete else "on_failure"
    try:
        hook = getattr(own_commands.load(root), name, None)
        if hook is not None:
            hook(submission)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the user's function, the score is there and is shown
        warn(
            f"{FILE}: {name} failed ({type(error).__name__}: {error}): correct it; the submission is not affected."
        )
