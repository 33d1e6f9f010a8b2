"""Run the jobs of sweeps in sandboxes, as many at once as this machine or a cluster takes, until none is left.

The ledger has each step, as on Kaggle. A job that is interrupted waits again, and the next command runs it from its start.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from kaggle_workflow import lock
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger.jobs import CANCELLED, HERE, RUNNING, WAITING, Job, Sweep
from kaggle_workflow.push.session import Push
from kaggle_workflow.sweep import board, ending, sandboxed, staging
from kaggle_workflow.sweep.board import LIMIT_SECONDS, OTHER_CODES, Board
from kaggle_workflow.sweep.clusters import Cluster, Run
from kaggle_workflow.waiting import Show

# The longest pause between two looks at what runs.
_POLL_SECONDS = 1.0


@dataclass(kw_only=True)
class _Runs(Board):
    """The runs of one command in one place.

    Attributes:
        cluster: what runs them.
        running: the runs, with their jobs, by the jobs' keys.
        prepared: what the jobs of a sweep use, by the sweep and its codes.
    """

    cluster: Cluster
    running: dict[str, tuple[Job, Run]] = field(default_factory=dict)
    prepared: dict[tuple[str, str], sandboxed.Prepared] = field(default_factory=dict)

    def look(self, show: Show) -> tuple[Sweep, ...] | None:
        """Record what ended, begin what waits; returns the sweeps when nothing runs or waits."""
        slots = self.cluster.slots()
        states = {job.key: job.status for one in self.sweeps() for job in one.jobs}
        for key, (job, run) in list(self.running.items()):
            cancelled = states[key] == CANCELLED
            if cancelled:
                run.stop()
            if run.future.done():
                del self.running[key]
                if not cancelled:
                    self.end(job, _end(run.future))
        for job in self.jobs(WAITING):
            if len(self.running) >= slots:
                break
            # Its sweep may have been held meanwhile.
            if job in self.jobs(WAITING):
                self.start(job)
        found = self.sweeps()
        show(board.summary(found))
        return None if self.running or self.jobs(WAITING) else found

    def start(self, job: Job) -> None:
        """Begin a job; hold its sweep when its codes are gone."""
        payload = self.payload(job)
        if payload is None:
            return self.hold_changed(job, OTHER_CODES)
        base = self.bases[job.sweep]
        key = job.sweep, base.fingerprint
        if key not in self.prepared:
            self.prepared[key] = sandboxed.prepare(self.push, payload.folder, job.sweep, base)
        prepared = self.prepared[key]
        begun = replace(job, status=RUNNING, attempt=job.attempt + 1, began=time.time(), reason="")
        self.record(begun)
        task = sandboxed.task_of(self.push.workspace, job.key, payload, prepared)
        self.running[job.key] = begun, self.cluster.start(task, prepared.machine)
        return None

    def interrupted(self) -> None:
        """Let what no command runs (any more) wait again."""
        for job in self.jobs(RUNNING):
            self.record(replace(job, status=WAITING, reason="interrupted"))

    def stop(self) -> None:
        """Stop what runs."""
        for _, run in self.running.values():
            run.stop()
        self.cluster.close()
        self.interrupted()


def run(push: Push, sweeps: Sequence[Sweep], clusters: Mapping[str, Cluster]) -> None:
    """Run sweeps until each of their jobs is over or held; Ctrl-C stops the runs, and their jobs wait again.

    Args:
        push: the command.
        sweeps: none of them runs on Kaggle.
        clusters: what runs jobs, by the place that the ledger names.

    Raises:
        WorkflowError: an input is missing, or no cluster is given for a sweep.
        RunFailed: the cluster is gone.
        WaitedTooLong: `--limit` is over.
    """
    for place in dict.fromkeys(one.place for one in sweeps):
        names = [one.name for one in sweeps if one.place == place]
        if place not in clusters:
            raise WorkflowError(
                f"{names[0]} runs on a Dask cluster: add --dask with its scheduler's address."
            )
        _run(_Runs(push, names, place, cluster=clusters[place]))


def _run(runs: _Runs) -> None:
    push, at_once = runs.push, runs.cluster.slots()
    folders = dict.fromkeys(job.folder for one in runs.sweeps() for job in one.jobs)
    asking = [name for name in folders if push.workspace.notebook(name).metadata.accelerator == "gpu"]
    if asking and runs.place == HERE and at_once > 1:
        push.warn(f"{asking[0]} asks for a GPU, which its {at_once} runs at once share on this machine.")
    waits = replace(push.waits, poll=min(push.waits.poll, _POLL_SECONDS))
    with ExitStack() as stack:
        for name in runs.names:
            folder = staging.folder_of(push.workspace, name)
            stack.enter_context(lock.held(folder, f"invoke sweep ({name})", push.say))
        runs.interrupted()
        stack.callback(runs.stop)
        waits.until(f"every job of {', '.join(runs.names)} is over", LIMIT_SECONDS, runs.look)


def _end(future: Future[ending.End]) -> ending.End:
    """How a run ended; what is not its own doing may not happen again."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - a lost worker, a scheduler that is gone, a package that differs
        return ending.End(WAITING, ending.essence(f"{type(error).__name__}: {error}"))
