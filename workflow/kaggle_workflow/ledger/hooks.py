"""Call the user's hooks when a submission ends: functions of `tasks.py`, and a notification.

    def on_score(submission):      # scored
        print(submission.ref, submission.public_score, submission.rerun_seconds)

    def on_failure(submission):    # the rerun failed
        print(submission.ref, submission.error)

`submission` is a `kaggle_workflow.ledger.fold.Submission`. The command that watches a submission
calls each function once, when it ends. An error in it is a warning.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from kaggle_workflow.ledger import notify
from kaggle_workflow.ledger.fold import Submission


def call(submission: Submission, target: str | None, warn: Callable[[str], None]) -> None:
    """Call `on_score` or `on_failure` of the `tasks.py` that invoke has loaded, and send the notification.

    Args:
        submission: a submission that ended.
        target: `workspace.notify`, None for no notification.
        warn: called with a sentence about each failure.
    """
    name = "on_score" if submission.complete else "on_failure"
    try:
        hook = getattr(sys.modules.get("tasks"), name, None)
        if hook is not None:
            hook(submission)
    except Exception as error:  # noqa: BLE001 - the user's function may raise anything; the score must be shown all the same
        warn(f"tasks.py: {name} failed ({type(error).__name__}: {error}). The submission is not affected.")
    if target is None:
        return
    try:
        notify.send(target, notify.sentence(submission))
    except notify.NotifyError as error:
        warn(
            f"The notification was not sent: {error}. Check workspace.notify. The submission is not affected."
        )
