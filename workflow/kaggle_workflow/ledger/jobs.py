"""Sweeps and their jobs as the ledger has them: the newest event of a job counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.ledger.event import COMPLETE, ERROR, JOB, Event, Part, now

WAITING, RUNNING, HELD, CANCELLED = "waiting", "running", "held", "cancelled"
# Where the jobs of a sweep run.
KAGGLE, HERE, DASK = "kaggle", "here", "dask"
OVER = frozenset((COMPLETE, ERROR, CANCELLED))


@dataclass(frozen=True)
class Job:
    """One run of a sweep.

    Attributes:
        sweep: name of the sweep, and `of` the number of its jobs.
        name: its own name.
        folder: the notebook's folder in the workspace.
        parameters: what the entry point is given.
        ref: the notebook on Kaggle, `owner/slug`, also for a job that runs here.
        codes: the codes that it runs.
        status: `waiting`, `running`, `held`, `complete`, `error` or `cancelled`.
        version: the notebook's version on Kaggle, None before it was sent.
        attempt: how often it was sent, from 1.
        place: `kaggle`, `here` or `dask`.
        began: when it was sent (seconds since 1970), None before.
        seconds: how long the run took.
        machine_shape: the accelerator as the metadata names it, else `gpu` or `tpu`, "" for none.
        metrics: numbers of its `metrics.json`.
        reason: why it failed or is held.
    """

    sweep: str
    of: int
    name: str
    folder: str
    parameters: Mapping[str, str]
    ref: str
    codes: Part
    status: str = WAITING
    version: int | None = None
    attempt: int = 0
    place: str = KAGGLE
    began: float | None = None
    seconds: float | None = None
    machine_shape: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def notebook(self) -> NotebookRef:
        """The notebook on Kaggle."""
        return NotebookRef.parse(self.ref)

    @property
    def key(self) -> str:
        """How people and `kaggle_shim.find` name it: `s1/fold0`."""
        return f"{self.sweep}/{self.name}"

    @property
    def on_kaggle(self) -> bool:
        """Whether it runs on Kaggle."""
        return self.place == KAGGLE

    def event(self, account: str | None = None) -> Event:
        """The job as it is now, as an event of the ledger."""
        return Event(
            event=JOB,
            time=now(),
            account=account,
            notebook=self.ref,
            notebook_version=self.version,
            codes=self.codes,
            status=self.status,
            error=self.reason or None,
            save_run_seconds=self.seconds,
            machine_shape=self.machine_shape,
            sweep=self.sweep,
            job=self.name,
            jobs=self.of,
            folder=self.folder,
            parameters=dict(self.parameters),
            metrics=dict(self.metrics) or None,
            attempt=self.attempt,
            place=self.place,
            began=self.began,
        )

    def to_json(self) -> dict[str, Any]:
        """The job as JSON values."""
        return {**asdict(self), "key": self.key}

    @classmethod
    def from_event(cls, event: Event) -> Job | None:
        """Read an event, None for one that lacks what a job needs."""
        needed: dict[str, Any] = {
            "sweep": event.sweep,
            "of": event.jobs,
            "name": event.job,
            "folder": event.folder,
            "parameters": event.parameters,
            "ref": event.notebook,
            "codes": event.codes,
            "status": event.status,
        }
        if None in needed.values():
            return None
        return cls(
            **needed,
            version=event.notebook_version,
            attempt=event.attempt or 0,
            place=event.place or KAGGLE,
            began=event.began,
            seconds=event.save_run_seconds,
            machine_shape=event.machine_shape or "",
            metrics=event.metrics or {},
            reason=event.error or "",
        )


@dataclass(frozen=True)
class Sweep:
    """A sweep: its jobs in the order in which they were planned."""

    name: str
    jobs: tuple[Job, ...]

    @property
    def place(self) -> str:
        """Where its jobs run: `kaggle`, `here` or `dask`."""
        return self.jobs[0].place

    @property
    def over(self) -> bool:
        """Whether no job waits, runs or is held."""
        return all(job.status in OVER for job in self.jobs)

    def with_status(self, *statuses: str) -> tuple[Job, ...]:
        """Its jobs in one of these states."""
        return tuple(job for job in self.jobs if job.status in statuses)


def sweeps(events: Iterable[Event]) -> tuple[Sweep, ...]:
    """The sweeps of a ledger, oldest first.

    One whose plan was cut off while it was written is left out: a job is sent only after all of them are recorded.
    """
    found: dict[str, dict[str, Job]] = {}
    for event in sorted((one for one in events if one.event == JOB), key=lambda one: one.time):
        job = Job.from_event(event)
        if job is not None:
            found.setdefault(job.sweep, {})[job.name] = job
    return tuple(
        Sweep(name, tuple(jobs.values()))
        for name, jobs in found.items()
        if len(jobs) >= max(job.of for job in jobs.values())
    )
