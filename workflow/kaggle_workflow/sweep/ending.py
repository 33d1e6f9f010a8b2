"""How a job's run on Kaggle ended: what it left, and whether it is worth another try."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kaggle_shim.manifest import short
from kaggle_workflow import metrics as metrics_file
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.errors import NotThere
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.kaggle.values import RemoteFile, Run
from kaggle_workflow.ledger.estimate import SaveRun
from kaggle_workflow.ledger.event import COMPLETE, ERROR
from kaggle_workflow.ledger.jobs import CANCELLED, WAITING, Job
from kaggle_workflow.push import looking, notebook_run
from kaggle_workflow.push.session import Push

MOST_ATTEMPTS = 3
NO_REPORT = "it left no run report: its notebook must call kaggle_shim.run()"

# A source of the run that Kaggle had not mounted yet, or mounted as it was before.
_MOUNTS = re.compile(r"is not mounted below|mounted with different content|Kaggle attached another version")
# What Kaggle says of a run that used more than it may.
_LIMITS = re.compile(r"exceeded|memory|disk space", re.IGNORECASE)
# How the shim begins to tell of an entry point's failure; its arguments and its time differ from job to job.
_ENTRY = re.compile(r"^The entry point .*? failed after [\d.]+ s, (?:exit code \d+: )?")
_METRICS_LINE = re.compile(r"^metrics: (?P<json>\{.*\})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class End:
    """How a run ended.

    Attributes:
        status: `complete`, `error`, `cancelled`, or `waiting` for one that Kaggle failed and that may run again.
        reason: why it did not complete.
        seconds: how long it took, None when its report does not say.
        metrics: the numbers that it left.
    """

    status: str
    reason: str = ""
    seconds: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


def read(push: Push, job: Job, run: Run) -> End:
    """Read what the run of a job left; `run` is its state, which is not active."""
    if run.status.startswith("CANCEL"):
        return End(CANCELLED, "cancelled on Kaggle")
    try:
        files, log = push.kaggle.output(job.notebook, job.version)
    except NotThere:
        files, log = (), ""
    report = looking.read_report(push, files, log)
    seconds = SaveRun.from_report(report).seconds
    if not run.complete:
        reason = essence(notebook_run.reason_of(run, log)) or str(
            report.get("failure") or "Kaggle gives no reason"
        )
        return End(of_failure(reason, report), reason, seconds)
    if not report:
        return End(ERROR, NO_REPORT)
    ran = str((report.get("codes") or {}).get("fingerprint"))
    if ran != job.codes.fingerprint:
        return End(ERROR, f"it ran the codes {short(ran)}: Kaggle attached another version", seconds)
    return End(COMPLETE, "", seconds, metrics(push, files, log))


def essence(reason: str) -> str:
    """A reason in one line, as other jobs that fail for it have it, too."""
    return _ENTRY.sub("", reason.partition("\n")[0])


def of_failure(reason: str, report: Mapping[str, Any]) -> str:
    """`error` for what the user's code did, `waiting` for what Kaggle did and another run may not meet."""
    if _MOUNTS.search(reason):
        return WAITING
    return ERROR if report.get("failure") or _LIMITS.search(reason) else WAITING


def metrics(push: Push, files: tuple[RemoteFile, ...], log: str) -> dict[str, float]:
    """The numbers in `metrics.json` of a run's output, else in the last line `metrics: {…}` of its log."""
    found = next((file for file in files if file.name == metrics_file.FILE), None)
    if found is None:
        return of_log(plain(log))
    with scratch(push.workspace.build) as folder:
        push.kaggle.download_url(found.name, found.url, folder / found.name)
        return metrics_file.read(folder / found.name).numbers


def of_log(log: str) -> dict[str, float]:
    """The numbers of the last line `metrics: {"cv": 0.81}` in a log."""
    lines = _METRICS_LINE.findall(log)
    try:
        return metrics_file.of(json.loads(lines[-1])).numbers if lines else {}
    except (ValueError, RecursionError):
        return {}
