"""The last line that each running job printed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from kaggle_workflow.ledger.jobs import Job
from kaggle_workflow.push.notebook_run import LogTail
from kaggle_workflow.sweep import sandboxed, staging
from kaggle_workflow.workspace import Workspace

_READ_SECONDS = 5.0
_LOOK_SECONDS = 0.1


def last_lines(workspace: Workspace, running: Sequence[Job]) -> dict[str, str]:
    """The last line of each running job's log, by the job's key; none for one that can't be read on Kaggle in five seconds."""
    here = {
        job.key: _last(staging.folder_of(workspace, job.sweep) / job.name / sandboxed.LOG) for job in running
    }
    tails = {job.key: LogTail(job.notebook, job.version) for job in running if job.version is not None}
    end = time.monotonic() + _READ_SECONDS
    while time.monotonic() < end and not all(tail.line for tail in tails.values()):
        time.sleep(_LOOK_SECONDS)
    for tail in tails.values():
        tail.stop()
    return {
        key: line for key, line in {**here, **{key: tail.line for key, tail in tails.items()}}.items() if line
    }


def _last(log: Path) -> str:
    """The last line of a log on this machine, "" without one."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").rstrip().rpartition("\n")[2]
    except OSError:
        return ""
