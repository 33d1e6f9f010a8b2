"""Calls the functions that `tasks.py` defines for the end of a submission.

    def on_score(submission):      # scored
        print(submission.ref, submission.public_score, submission.rerun_seconds)

    def on_failure(submission):    # the rerun failed
        print(submission.ref, submission.error)

`submission` is a `kaggle_workflow.ledger.fold.Submission`. Each function is called once for each submission, by the command that
watches when it ends; whatever goes wrong in it is reported and stops nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from kaggle_workflow.ledger.fold import Submission


def call(submission: Submission, warn: Callable[[str], None]) -> None:
    """Call `on_score` or `on_failure` of the `tasks.py` that invoke has loaded, if it defines it."""
    name = "on_score" if submission.complete else "on_failure"
    try:
        hook = getattr(sys.modules.get("tasks"), name, None)
        if hook is not None:
            hook(submission)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the user's function, the score is there and is shown
        warn(f"tasks.py: {name} failed ({type(error).__name__}: {error}). The submission is not affected.")
