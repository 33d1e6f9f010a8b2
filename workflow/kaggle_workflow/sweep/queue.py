"""Keep Kaggle busy with the jobs of sweeps until none is left.

Nothing is remembered between two looks but the ledger, so that the command may be killed at any moment, and so that several may
run at once. How many runs Kaggle takes is learned from its refusals: the next job is sent until it says no.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        full_until: time (as `time.time`) before which nothing more is sent.
        stopped: why nothing more is sent by this command, "" while it is.
    """

    wait_quota: bool = False
    full_until: float = 0.0
    stopped: str = ""

    def look(self, show: Show) -> tuple[Sweep, ...] | None:
        """Look at what runs, send what waits; returns the sweeps when there is nothing more to wait for."""
        for job in self.jobs(RUNNING):
            self.look_at(job)
        for job in self.jobs(WAITING):
            if self.stopped or time.time() < self.full_until:
                break
            # Another job of its sweep may have failed, or the codes changed.
            if job in self.jobs(WAITING):
                self.start(job)
        found = self.sweeps()
        running = any(one.with_status(RUNNING) for one in found)
        waiting = any(one.with_status(WAITING) for one in found)
        show(summary(found), self.stopped)
        return None if running or (waiting and not self.stopped) else found

    def look_at(self, job: Job) -> None:
        """Record the end of a job's run when it is over."""
        try:
            run = self.push.kaggle.run(job.notebook, job.version)
            if run.active or run.status == "NEW_SCRIPT":
                return
            end = ending.read(self.push, job, run)
        except (NotThere, Denied) as error:
            end = ending.End(ERROR, str(error))
        self.end(job, end)
        self.full_until = 0.0

    def start(self, job: Job) -> None:
        """Send a job, or find out that it was sent; hold its sweep when its codes are gone."""
        push, payload = self.push, self.payload(job)
        if payload is None:
            return self.hold_changed(job, OTHER_CODES)
        changed = self.changed_codes(job)
        if changed is not None:
            return self.hold_changed(job, changed)
        about = push.workspace.notebook(job.folder).metadata
        intent = f"job--{job.sweep}--{job.name}"
        version = self.found(job, intent, payload)
        if version is None:
            try:
                with push.intents.sending(intent, payload.marker):
                    version = self.send(job, payload)
            except (SessionsFull, RateLimited) as error:
                asked = error.seconds if isinstance(error, RateLimited) else None
                self.full_until = time.time() + (asked or _FULL_PAUSES * push.workspace.settings.poll)
                return None
            except QuotaUsed as error:
                return self.stop_at_quota(error)
            except (KaggleRefused, Refused) as error:
                self.record(replace(job, status=ERROR, reason=str(error)))
                push.warn(f"{job.key}: {error}")
                return None
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
        push.intents.close(intent)
        return None

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

    def found(self, job: Job, intent: str, payload: Payload) -> int | None:
        """The version that an interrupted command sent, None when nothing was interrupted or it did not arrive.

        A job's notebook has as many versions as the job had attempts.
        """
        push = self.push
        if push.intents.read(intent) is None and push.intents.read(payload.key) is None:
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

    def stop_at_quota(self, error: QuotaUsed) -> None:
        """Send nothing before the quota is reset; without `--wait-quota` not at all."""
        reset = self.push.kaggle.quota_reset()
        when = (
            f"It is reset at {reset:%Y-%m-%d %H:%M} UTC"
            if reset is not None
            else "Kaggle does not say when it is reset"
        )
        if self.wait_quota and reset is not None:
            self.full_until = reset.timestamp()
            self.push.say(f"{error} {when}, and the sweep goes on then.")
        else:
            self.stopped = f"{error} {when}: run `invoke sweep --resume` then."


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
    _refuse_others(push, names)
    queue = _Queue(push, names, wait_quota=wait_quota)
    if detach:
        queue.look(lambda *_: None)
        return
    uses_accelerator = any(
        push.workspace.notebook(job.folder).metadata.accelerator for one in queue.sweeps() for job in one.jobs
    )
    waits = replace(push.waits, poll=push.waits.poll * _PAUSES[uses_accelerator], patience=_PATIENCE_SECONDS)
    waits.until(f"every job of {', '.join(names)} is over", LIMIT_SECONDS, queue.look)
    if queue.stopped:
        raise QuotaUsed(queue.stopped)


def _refuse_others(push: Push, names: Sequence[str]) -> None:
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
