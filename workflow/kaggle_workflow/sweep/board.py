"""The jobs of sweeps in the ledger: what a command reads and records of them, wherever they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kaggle_shim.manifest import short
from kaggle_workflow import console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.event import COMPLETE, ERROR
from kaggle_workflow.ledger.jobs import (
    CANCELLED,
    DASK,
    HELD,
    HERE,
    KAGGLE,
    RUNNING,
    WAITING,
    Job,
    Sweep,
    sweeps,
)
from kaggle_workflow.push.notebook_payload import Payload
from kaggle_workflow.push.session import Push
from kaggle_workflow.sweep import ending, staging

# Two weeks: a quota may have to be waited for.
LIMIT_SECONDS = 14 * 24 * 3600.0
OTHER_CODES = "the codes here are other ones"
_EQUAL_FAILURES = 3
_NAMES = {KAGGLE: "Kaggle", HERE: "this machine", DASK: "the cluster"}


@dataclass
class Board:
    """The jobs of a command's sweeps that run in one place.

    Attributes:
        push: the command.
        names: the sweeps.
        place: `kaggle`, `here` or `dask`.
        bases: the notebooks of the sweeps.
    """

    push: Push
    names: Sequence[str]
    place: str = KAGGLE
    bases: dict[str, staging.Base] = field(default_factory=dict)

    def sweeps(self) -> tuple[Sweep, ...]:
        """The sweeps as the ledger has them now."""
        return chosen(self.push, self.names)

    def sweep_of(self, job: Job) -> Sweep:
        """The sweep of a job as the ledger has it now."""
        return chosen(self.push, [job.sweep])[0]

    def jobs(self, status: str) -> list[Job]:
        """The jobs of this place in that state."""
        return [job for one in self.sweeps() for job in one.with_status(status) if job.place == self.place]

    def record(self, *jobs: Job) -> None:
        """Append the jobs as they are now to the ledger."""
        account = self.push.checked_account if any(job.on_kaggle for job in jobs) else None
        book.append(self.push.workspace.root, *(job.event(account) for job in jobs))

    def payload(self, job: Job) -> Payload | None:
        """The notebook of a job, None when what its sweep was staged from is gone."""
        base = self.base(job)
        return staging.payload(self.push.workspace, base, job) if base is not None else None

    def base(self, job: Job) -> staging.Base | None:
        """The notebook of a job's sweep with the job's codes: as it was kept, else staged again when the codes here are those."""
        push, wanted = self.push, job.codes.fingerprint
        found = self.bases.get(job.sweep) or staging.kept(push.workspace, job.sweep)
        if found is None or found.fingerprint != wanted:
            notebook = push.workspace.notebook(job.folder)
            with push.lock(f"sweep: staging {job.sweep}"):
                found = staging.stage(push, notebook, job.sweep, local=not job.on_kaggle)
        self.bases[job.sweep] = found
        return found if found.fingerprint == wanted else None

    def end(self, job: Job, end: ending.End) -> None:
        """Record how a job's run ended; one that failed through no fault of its own waits again, up to three times in all."""
        status = end.status
        if status == WAITING and job.attempt >= ending.MOST_ATTEMPTS:
            status = ERROR
        over = replace(job, status=status, reason=end.reason, seconds=end.seconds, metrics=end.metrics)
        self.record(over)
        self.push.say(f"{job.key}: {told(over)}")
        if status == ERROR:
            self._hold_equal(over)

    def _hold_equal(self, failed: Job) -> None:
        """Hold what has not begun when three jobs of a sweep failed for the same reason."""
        sweep = self.sweep_of(failed)
        equal = [job for job in sweep.with_status(ERROR) if job.reason == failed.reason]
        if len(equal) >= _EQUAL_FAILURES:
            self._hold(sweep, f"{len(equal)} jobs failed with the same error ({failed.reason})")

    def hold_changed(self, job: Job, changed: str) -> None:
        """Hold the jobs of a job's sweep that have not begun, because other codes would run."""
        codes = job.codes.fingerprint or ""
        self._hold(self.sweep_of(job), f"{changed}, and {job.sweep} runs {short(codes)}", codes)

    def hold_refused(self, job: Job, reason: str) -> None:
        """Record that Kaggle refused a job, and hold those of its sweep that have not begun: it would refuse them, too."""
        self.record(replace(job, status=ERROR, reason=reason))
        self.push.warn(f"{job.key}: {reason}")
        self._hold(self.sweep_of(job), f"Kaggle refused {job.name}")

    def _hold(self, sweep: Sweep, reason: str, codes: str | None = None) -> None:
        """Hold the jobs that have not begun: all, or those that run these codes."""
        waiting = [one for one in sweep.with_status(WAITING) if codes in (None, one.codes.fingerprint)]
        self.record(*(replace(job, status=HELD, reason=reason) for job in waiting))
        if waiting:
            self.push.warn(f"{sweep.name}: {reason}, so {console.count(len(waiting), 'job')} will not begin.")


def chosen(push: Push, names: Sequence[str]) -> tuple[Sweep, ...]:
    """The sweeps of these names, as the ledger has them; raises WorkflowError for a name that it lacks."""
    known = {one.name: one for one in sweeps(book.read(push.workspace.root).events)}
    missing = [name for name in names if name not in known]
    if missing:
        there = f"There are {', '.join(known)}" if known else "There is none yet"
        raise WorkflowError(f"The ledger has no sweep {missing[0]}. {there}: correct --name.")
    return tuple(known[name] for name in names)


def summary(found: Sequence[Sweep]) -> str:
    """How many jobs are in which state, such as `2 running, 3 complete`."""
    counts = Counter(job.status for one in found for job in one.jobs)
    order = (RUNNING, WAITING, HELD, COMPLETE, ERROR, CANCELLED)
    return ", ".join(f"{counts[status]} {status}" for status in order if counts[status])


def told(job: Job) -> str:
    """How a job ended, in a few words."""
    if job.status == WAITING:
        return f"{_NAMES[job.place]} failed it ({job.reason}), so it runs again"
    shown = " ".join(f"{name}={value:.6g}" for name, value in job.metrics.items())
    parts = [shown or ("no metrics" if job.status == COMPLETE else ""), job.reason]
    return ", ".join([job.status, *filter(None, parts)])
