"""Wait for scores, through broken networks and restarts, and measure how long the reruns take."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow.durations import spell
from kaggle_workflow.errors import KaggleRefused, RunFailed, WorkflowError
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.kaggle.errors import NotThere, RateLimited
from kaggle_workflow.kaggle.values import Submission as Remote
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger import hooks
from kaggle_workflow.ledger.event import COMPLETE, ERROR, PENDING, SCORE, SUBMITTED, Event, now, score_of
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.push.session import Push
from kaggle_workflow.submit import refreshing, rerun, settling
from kaggle_workflow.waiting import Show

_QUEUE_SECONDS = 24 * 3600.0
_LISTED_SECONDS = 120.0
_AN_HOUR = 3600.0
_ENDS = {"COMPLETE": COMPLETE, "ERROR": ERROR}


def open_ones(push: Push, refs: Sequence[str] = ()) -> tuple[Submission, ...]:
    """The submissions to wait for, oldest first: those named, or all pending ones of this workspace and account.

    Raises:
        WorkflowError: the ledger has no submission of that reference.
    """
    _settle(push)
    known = history_fold.fold(ledger.read(push.workspace.root).events)
    if not refs:
        mine = (None, push.checked_account)
        return tuple(one for one in known if one.recorded and one.status == PENDING and one.account in mine)
    by_ref = {one.ref: one for one in known}
    for ref in refs:
        if ref not in by_ref:
            raise WorkflowError(
                f"The ledger has no submission {ref}: run invoke history --refresh to add those made elsewhere."
            )
    return tuple(by_ref[ref] for ref in dict.fromkeys(refs))


def watch(push: Push, submissions: Sequence[Submission]) -> tuple[Submission, ...]:
    """Wait until all are scored or have failed; say how each ended, record it in the ledger, and call the hooks.

    No lock is held meanwhile. Without a network it keeps retrying.

    Args:
        push: the command.
        submissions: what to wait for; those that are over are returned as they are.

    Returns:
        All of them, as they ended, in the same order.

    Raises:
        WaitedTooLong: one took longer than its limit and a day in the queue.
        KaggleRefused: Kaggle no longer shows one.
    """
    waiting = {one.ref: one for one in submissions if one.status not in (COMPLETE, ERROR)}
    ended = {one.ref: one for one in submissions if one.ref not in waiting}
    for one in ended.values():
        push.say(rerun.outcome(one))
    if waiting:
        watcher = _Watcher(push, waiting)
        limit = max(one.limit or 0.0 for one in waiting.values()) + _QUEUE_SECONDS
        refs = ", ".join(waiting)
        what = f"submission {refs} is scored" if len(waiting) == 1 else f"submissions {refs} are scored"
        replace(push.waits, patience=float("inf")).until(what, limit, watcher.look)
        ended |= watcher.over
    return tuple(ended[one.ref] for one in submissions)


def raise_failures(submissions: Sequence[Submission]) -> None:
    """Raise RunFailed when a rerun failed, with Kaggle's reason and what to do about it."""
    failed = [one for one in submissions if one.status == ERROR]
    if failed:
        raise RunFailed(" ".join(rerun.failure(one) for one in failed))


class _Watcher:
    """Checks several submissions with one request."""

    def __init__(self, push: Push, waiting: dict[str, Submission]) -> None:
        self.push = push
        self.waiting = dict(waiting)
        self.over: dict[str, Submission] = {}
        self.started = time.monotonic()

    def look(self, show: Show) -> bool | None:
        """True when all are over."""
        before = time.time()
        try:
            found = self._found()
        except RateLimited as error:
            # A rate limit must not end hours of waiting.
            show(
                "Kaggle's rate limit is reached, retrying"
                + (f" in {error.seconds:.0f} s" if error.seconds else "")
            )
            return None
        at = time.time()
        for ref, remote in found.items():
            if remote.status in _ENDS:
                pending_at = read_object(self._last_seen(ref)).get("pending_at")
                self.over[ref] = _end(self.push, self.waiting.pop(ref), remote, pending_at, at)
                self._last_seen(ref).unlink(missing_ok=True)
            else:
                write_text(self._last_seen(ref), json.dumps({"pending_at": before}) + "\n")
        if not self.waiting:
            return True
        show(self._standing(at))
        return None

    def _last_seen(self, ref: str) -> Path:
        """The file that stores, for the next command, when a submission was last seen pending."""
        return self.push.workspace.build / "watch" / f"{ref}.json"

    def _found(self) -> dict[str, Remote]:
        competitions = {one.competition for one in self.waiting.values() if one.competition}
        listed: dict[str, Remote] = {}
        for slug in sorted(competitions):
            left = {ref for ref, one in self.waiting.items() if one.competition in (slug, None)}
            # The newest come first: stop at the last one that is waited for, without reading older pages.
            for one in self.push.kaggle.each_submission(CompetitionRef(slug)):
                listed[str(one.ref)] = one
                if left <= listed.keys():
                    break
        found = {ref: listed[ref] for ref in self.waiting if ref in listed}
        if time.monotonic() - self.started > _LISTED_SECONDS:
            found |= {ref: self._by_ref(ref) for ref in self.waiting if ref not in found}
        return found

    def _by_ref(self, ref: str) -> Remote:
        try:
            return self.push.kaggle.submission(int(ref))
        except NotThere as error:
            raise KaggleRefused(
                f"Kaggle no longer lists your submission {ref}: check the competition's page."
            ) from error

    def _standing(self, at: float) -> str:
        parts = []
        for one in self.waiting.values():
            limit = f" of {spell(one.limit)}" if one.limit else ""
            # In steps, so that the log of a long wait stays short.
            age = max(0.0, at - one.time.timestamp())
            step = 60.0 if age < _AN_HOUR else 600.0
            parts.append(f"{one.ref} pending {spell(age - age % step)}{limit}")
        return "; ".join(parts)


def _end(push: Push, one: Submission, remote: Remote, last_pending: float | None, at: float) -> Submission:
    """Record how a submission ended, unless another command did, and call the hooks."""
    measured = rerun.measure(_begun(push, one), last_pending, at)
    event = Event(
        event=SCORE,
        time=now(),
        ref=one.ref,
        competition=one.competition,
        status=_ENDS[remote.status],
        error=remote.error or None,
        public_score=score_of(remote.public_score),
        private_score=score_of(remote.private_score),
        rerun_seconds=measured.seconds if measured else None,
        rerun_error=measured.error if measured else None,
    )
    with push.lock(f"watch: recording {one.ref}"):
        events = ledger.read(push.workspace.root).events
        told = any(old.event == SCORE and old.ref == one.ref and old.status == event.status for old in events)
        if not told:
            ledger.append(push.workspace.root, event)
            events = (*events, event)
    ended = next(new for new in history_fold.fold(events) if new.ref == one.ref)
    if ended.public_score is not None and one.competition:
        if push.workspace.settings.better is None:
            refreshing.learn_better(push, one.competition)
        if not told:
            ended = refreshing.learn_standing(push, ended)
    push.say(rerun.outcome(ended))
    if not told:
        hooks.call(ended, push.workspace.settings.notify, push.warn)
    return ended


def _begun(push: Push, one: Submission) -> float:
    """When it was sent, by this machine's clock if it was submitted here: both ends are then measured by one clock."""
    events = ledger.read(push.workspace.root).events
    here = [event.time.timestamp() for event in events if event.ref == one.ref and event.event == SUBMITTED]
    return min(here, default=one.time.timestamp())


def _settle(push: Push) -> None:
    """Settle submissions that an interrupted command was sending."""
    for name in push.workspace.notebook_names():
        notebook = push.workspace.notebook(name)
        competition = notebook.metadata.competition
        if competition is not None and push.intents.read(settling.intent_key(notebook.metadata.id.name)):
            listed = push.kaggle.submissions(CompetitionRef(competition))
            settling.settle(push, notebook.metadata.id.name, listed)
