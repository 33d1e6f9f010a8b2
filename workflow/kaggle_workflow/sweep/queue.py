"""Keep Kaggle busy with the jobs of sweeps until none is left.

Nothing is remembered between two looks but the ledger, so that the command may be killed at any moment, and so that several may
run at once. How many runs Kaggle takes is learned from its refusals: the next job is sent until it says no.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from kaggle_shim.manifest import CODES_MANIFEST, short
from kaggle_workflow.errors import KaggleRefused, Refused
from kaggle_workflow.kaggle.errors import Denied, NotThere, RateLimited
from kaggle_workflow.ledger.event import ERROR
from kaggle_workflow.ledger.jobs import HELD, RUNNING, WAITING, Job, Sweep
from kaggle_workflow.push import dataset_versions
from kaggle_workflow.push.answers import QuotaUsed, SessionsFull
from kaggle_workflow.push.notebook import update_notebook
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import compose
from kaggle_workflow.sweep import ending
from kaggle_workflow.sweep.board import LIMIT_SECONDS, OTHER_CODES, Board, chosen, summary
from kaggle_workflow.waiting import Show

# A laptop may sleep for a night in the middle.
_PATIENCE_SECONDS = 12 * 3600.0
# Looks at the running jobs are this many times `poll` apart, the first ones closer: 5 CPU runs are then asked for 100 times an
# hour, 2 GPU runs 120 times.
_PAUSES = {True: 2.0, False: 6.0}
_FIRST_PAUSE = 1 / 6
# After a refusal the next job is tried again when one of ours ends, or after so many times `poll`: others' runs end unseen.
_FULL_PAUSES = 40.0


@dataclass
class _Queue(Board):
    """The queue of one command.

    Attributes:
        wait_quota: whether to wait until the quota is reset.
        full_until: time (as `time.time`) before which no job with that accelerator is sent.
        stopped: why this command sends no more jobs with that accelerator.
        asked_until: time before which Kaggle wants no request.
    """

    wait_quota: bool = False
    full_until: dict[str | None, float] = field(default_factory=dict)
    stopped: dict[str | None, str] = field(default_factory=dict)
    asked_until: float = 0.0

    def look(self, show: Show) -> tuple[Sweep, ...] | None:
        """Look at what runs, send what waits; returns the sweeps when there is nothing more to wait for."""
        if time.time() < self.asked_until:
            return None
        try:
            self.catch_up()
            for job in self.jobs(WAITING):
                kind = self.accelerator(job)
                blocked = kind in self.stopped or time.time() < self.full_until.get(kind, 0)
                # Another job of its sweep may have failed, or the codes changed.
                if not blocked and job in self.jobs(WAITING):
                    self.start(job, kind)
        except RateLimited as error:
            self.asked_until = time.time() + (error.seconds or self.push.waits.poll)
            show("Kaggle asks to wait")
            return None
        found = self.sweeps()
        show(summary(found), " ".join(self.stopped.values()))
        waits = any(self.accelerator(job) not in self.stopped for job in self.jobs(WAITING))
        return None if self.jobs(RUNNING) or waits else found

    def catch_up(self) -> None:
        """Record the ends of runs that are over, and what an interrupted command sent; sends nothing."""
        for job in self.jobs(RUNNING):
            self.look_at(job)
        for job in self.jobs(WAITING):
            if self.push.intents.read(_intent(job)) is not None:
                payload = self.payload(job)
                version = self.found(job, payload) if payload is not None else None
                if version is not None:
                    self.began(job, version)

    def accelerator(self, job: Job) -> str | None:
        """`gpu`, `tpu` or None: Kaggle counts runs and hours of each on their own."""
        return self.push.workspace.notebook(job.folder).metadata.accelerator

    def look_at(self, job: Job) -> None:
        """Record the end of a job's run when it is over."""
        try:
            run = self.push.kaggle.run(job.notebook, job.version)
        except (NotThere, Denied) as error:
            self.end(job, ending.End(ERROR, str(error)))
            return
        if run.active or run.status == "NEW_SCRIPT":
            return
        self.end(job, ending.read(self.push, job, run))
        self.full_until.pop(self.accelerator(job), None)

    def start(self, job: Job, kind: str | None) -> None:
        """Send a job, or find out that it was sent; hold its sweep when its codes are gone, or when Kaggle refuses it."""
        push, payload = self.push, self.payload(job)
        if payload is None:
            return self.hold_changed(job, OTHER_CODES)
        changed = self.changed_codes(job)
        if changed is not None:
            return self.hold_changed(job, changed)
        version = self.found(job, payload)
        if version is None:
            try:
                with push.intents.sending(_intent(job), payload.marker):
                    version = self.send(job, payload)
            except SessionsFull:
                self.full_until[kind] = time.time() + _FULL_PAUSES * push.workspace.settings.poll
                return None
            except QuotaUsed as error:
                return self.stop_at_quota(error, kind)
            except RateLimited:
                raise
            except (KaggleRefused, Refused) as error:
                return self.hold_refused(job, str(error))
        return self.began(job, version)

    def began(self, job: Job, version: int | None) -> None:
        """Record that a job runs as that version of its notebook."""
        about = self.push.workspace.notebook(job.folder).metadata
        self.record(
            replace(
                job,
                status=RUNNING,
                version=version,
                attempt=job.attempt + 1,
                began=time.time(),
                reason="",
                machine_shape=about.machine_shape or about.accelerator or "",
            )
        )
        self.push.intents.close(_intent(job))

    def send(self, job: Job, payload: Payload) -> int | None:
        """Save the notebook of a job, unless Kaggle has it; returns its version. Only warnings are shown."""
        push, say = self.push, self.push.say
        push.say = lambda _: None
        try:
            version = update_notebook(
                push, Rules(job.key, compose.same, lambda *_: []), lambda: payload
            ).version
        finally:
            push.say = say
        say(f"{job.key}: sent as {payload.ref.name} version {version}.")
        return version

    def found(self, job: Job, payload: Payload) -> int | None:
        """The version that an interrupted command sent, None when nothing was interrupted or it did not arrive.

        A job's notebook has as many versions as the job had attempts.
        """
        push = self.push
        if push.intents.read(_intent(job)) is None and push.intents.read(payload.key) is None:
            return None
        there = push.kaggle.notebook(payload.ref)
        arrived = there is not None and there.newest > job.attempt and compose.same(there.text, payload.text)
        return there.newest if there is not None and arrived else None

    def changed_codes(self, job: Job) -> str | None:
        """How the codes on Kaggle differ from a job's, None when they are the same."""
        push = self.push
        if push.workspace.settings.codes == "inline":
            return None
        ref = push.workspace.codes.id
        there = push.kaggle.dataset(ref)
        if there is None or there.current is None:
            return f"{ref.name} has no version that is ready"
        found = dataset_versions.fingerprint_of(push, ref, there, CODES_MANIFEST)
        same = found is not None and short(found) == short(job.codes.fingerprint or "")
        return None if same else f"{ref.name} has other codes by now ({short(found or 'unknown')})"

    def stop_at_quota(self, error: QuotaUsed, kind: str | None) -> None:
        """Send nothing with that accelerator before the quota is reset; without `--wait-quota` not at all."""
        reset = self.push.kaggle.quota_reset()
        when = (
            f"It is reset at {reset:%Y-%m-%d %H:%M} UTC"
            if reset is not None
            else "Kaggle does not say when it is reset"
        )
        if self.wait_quota and reset is not None:
            self.full_until[kind] = reset.timestamp()
            self.push.say(f"{error} {when}, and the sweep goes on then.")
        else:
            self.stopped[kind] = f"{error} {when}: run `invoke sweep --resume` then."


def run(push: Push, names: Sequence[str], *, wait_quota: bool, detach: bool = False) -> None:
    """Run sweeps on Kaggle until each of their jobs is over or held.

    Args:
        push: the command.
        names: the sweeps.
        wait_quota: whether to wait for the reset of a quota that is used up.
        detach: whether to look once, send what Kaggle takes, and return.

    Raises:
        QuotaUsed: jobs are left, and the quota is used up.
        WaitedTooLong: `--limit` is over, or two weeks.
    """
    push.options = replace(push.options, wait=False)
    queue = _Queue(push, names, wait_quota=wait_quota)
    if detach:
        queue.look(lambda *_: None)
    else:
        accelerated = any(queue.accelerator(job) for one in queue.sweeps() for job in one.jobs)
        poll = push.waits.poll
        waits = replace(
            push.waits,
            poll=poll * _PAUSES[accelerated],
            patience=_PATIENCE_SECONDS,
            first=poll * _FIRST_PAUSE,
        )
        waits.until(f"every job of {', '.join(names)} is over", LIMIT_SECONDS, queue.look)
    if queue.stopped:
        raise QuotaUsed(" ".join(queue.stopped.values()))


def catch_up(push: Push, names: Sequence[str]) -> None:
    """Record what ended on Kaggle, or was sent by a command that was interrupted; sends nothing, and leaves a team-mate's alone."""
    queue = _Queue(push, names)
    if any(
        job.notebook.owner.lower() == push.checked_account.lower()
        for job in queue.jobs(RUNNING) + queue.jobs(WAITING)
    ):
        queue.catch_up()


def _intent(job: Job) -> str:
    """The name of a job among the intents."""
    return f"job--{job.sweep}--{job.name}"


def refuse_others(push: Push, names: Sequence[str]) -> None:
    """Refuse to go on with a team-mate's jobs: their notebooks are private to the account that sent them."""
    for sweep in chosen(push, names):
        for job in sweep.with_status(WAITING, RUNNING, HELD):
            if job.on_kaggle and job.notebook.owner.lower() != push.checked_account.lower():
                push.refuse(
                    "other-account",
                    f"{sweep.name} belongs to {job.notebook.owner}, and your credentials are those of {push.checked_account}: "
                    f"use those of {job.notebook.owner}, or run its jobs as a sweep of yours with --from {sweep.name}",
                )
                return
