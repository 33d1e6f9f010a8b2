"""The last line that each running job printed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kaggle_workflow.ledger.jobs import Job
from kaggle_workflow.push.notebook_run import LogTail

_READ_SECONDS = 5.0
_LOOK_SECONDS = 0.1


def last_lines(running: Sequence[Job]) -> dict[str, str]:
    """The last line of each running job's log on Kaggle, by the job's key; none for one that can't be read in five seconds."""
    tails = {job.key: LogTail(job.notebook, job.version) for job in running if job.version is not None}
    end = time.monotonic() + _READ_SECONDS
    while time.monotonic() < end and not all(tail.line for tail in tails.values()):
        time.sleep(_LOOK_SECONDS)
    for tail in tails.values():
        tail.stop()
    return {key: tail.line for key, tail in tails.items() if tail.line}
