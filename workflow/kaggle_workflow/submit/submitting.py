"""Submit exactly one version: check it, write an intent to disk, send it once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import console
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import KaggleRefused, Refused, WorkflowError
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.kaggle.values import Limits, Submission
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import estimate, made_of, markers
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import SUBMITTED
from kaggle_workflow.metrics import Metrics
from kaggle_workflow.push import looking
from kaggle_workflow.push.looking import Target
from kaggle_workflow.push.session import Push
from kaggle_workflow.submit import advice, describing, gate, settling


@dataclass(frozen=True)
class Request:
    """Options of the command line.

    Attributes:
        notebook: folder of the notebook.
        version: the version, None for the newest.
        again: submit a version that was submitted before.
        message: description, "" for entry point and subject of the commit.
        cv: validation score, None for that of `metrics.json` beside the weights.
        hidden_rows: rows of the hidden test, for the estimate.
    """

    notebook: str = "sub"
    version: int | None = None
    again: bool = False
    message: str = ""
    cv: float | None = None
    hidden_rows: int | None = None


@dataclass(frozen=True)
class Submitted:
    """Result of a submission: `did` is `submitted`, `found` (Kaggle's answer was lost), `already submitted` or `would submit`."""

    did: str
    ref: int
    notebook: str
    version: int
    competition: str
    message: str
    page: str
    estimate: str = ""
    seconds: float = 0.0


def submit(push: Push, request: Request) -> Submitted:
    """Submit a version, unless it was submitted before.

    Raises:
        Refused: a check failed, or the user did not confirm.
        KaggleRefused: Kaggle refused it.
        Unreachable: whether Kaggle has it is not known; running again checks before it sends anything.
    """
    target = looking.read_version(push, request.notebook, request.version)
    earlier = settling.find_earlier(push, target)
    again = request.again or push.options.force
    if earlier and not again:
        return _show(push, target, earlier[-1])
    limits = _gate(push, target)
    sentence = _estimate(push, target, request.hidden_rows)
    push.say(sentence)
    message = describing.message_of(push, target, request.message)
    if push.options.dry_run:
        return _submitted(push, target, "would submit", 0, message, sentence)
    ask(push, target.name, target.competition, limits, light=(target.report or {}).get("light") is True)
    started = time.monotonic()
    with push.sending(f"submit: sending {target.name}") as stale:
        if stale:
            # Another command may have submitted this version.
            earlier = settling.find_earlier(push, target)
            if earlier and not again:
                return _show(push, target, earlier[-1])
        ref, did = _send(push, target, request, message, [one.ref for one in earlier])
    return _submitted(push, target, did, ref, message, sentence, time.monotonic() - started)


def ask(push: Push, name: str, competition: CompetitionRef, limits: Limits, *, light: bool = False) -> None:
    """Ask before a submission is used; raises Refused `spend-submission` when it is not confirmed."""
    if "spend-submission" in push.answered:
        return
    left = (
        "Kaggle does not say how many are left"
        if limits.left is None
        else f"{limits.left} left, {limits.today} used today"
    )
    sentence = f"Submitting {name} to {competition} uses a submission ({left}){', and its save run was only a light one' if light else ''}"
    if "spend-submission" in {*push.options.allow, *push.workspace.settings.allow} or console.confirm(
        f"{sentence}. Continue?", yes=push.options.yes
    ):
        push.answered.add("spend-submission")
        return
    raise Refused("spend-submission", f"{sentence}: confirm it on a terminal, or add --yes")


def _show(push: Push, target: Target, earlier: Submission) -> Submitted:
    _record_found(push, target, earlier)
    push.say(
        f"{target.name} was already submitted as {earlier.ref}; nothing was sent (--again submits it once more)."
    )
    message, _ = markers.split(earlier.description)
    return _submitted(push, target, "already submitted", earlier.ref, message)


def _submitted(
    push: Push, target: Target, did: str, ref: int, message: str, estimated: str = "", seconds: float = 0.0
) -> Submitted:
    slug = target.competition.slug
    page = push.kaggle.page(f"competitions/{slug}/submissions")
    return Submitted(
        did, ref, target.ref.name, target.version, slug, message, page, estimated, round(seconds, 2)
    )


def _gate(push: Push, target: Target) -> Limits:
    """The submissions left; raises Refused for the first problem, after a warning for each further one."""
    limits = push.kaggle.limits(target.competition)
    found = gate.problems(target, limits, push.workspace.id, datetime.now(UTC))
    allowed = {*push.options.allow, *push.workspace.settings.allow}
    standing = [problem for problem in found if problem.name not in allowed]
    for problem in standing[1:]:
        push.warn(f"{problem.sentence} ({problem.name}).")
    for note in gate.notes(target):
        push.warn(note)
    for problem in [*(one for one in found if one not in standing), *standing]:
        push.refuse(problem.name, problem.sentence)
    return limits


def _estimate(push: Push, target: Target, hidden_rows: int | None) -> str:
    plan = target.plan
    entry, _ = made_of.split_entry(push.workspace, target.folder.name, plan) if plan else ((), ())
    codes = (target.report or {}).get("codes")
    found = estimate.estimate(
        estimate.SaveRun.from_report(target.report or {}),
        history_fold.fold(ledger.read(push.workspace.root).events),
        limit=(plan.limit if plan else None) or push.workspace.settings.of(target.folder.name).limit_seconds,
        hidden_rows=hidden_rows,
        entry=entry,
        codes=str(codes.get("fingerprint")) if isinstance(codes, dict) else None,
        machine_shape=target.there.machine_shape or None,
    )
    assumed = " (The limit of 9h is assumed: set workspace.limit.)" if plan and plan.limit_assumed else ""
    return found.sentence + assumed


def _send(
    push: Push, target: Target, request: Request, message: str, before: Sequence[int]
) -> tuple[int, str]:
    """Submit with an intent on disk and record it; returns the submission's reference and what was done."""
    secrets_workspace.refuse_in_message(push.workspace, message, given=bool(request.message))
    event = describing.event_of(push, target, message, describing.validation_of(push, target, request.cv))
    try:
        event.line()
    except ValueError as error:
        raise WorkflowError(
            f"The ledger can't record this submission ({error}), so nothing was sent: correct that value."
        ) from error
    key = settling.intent_key(target.ref.name)
    details = {"before": list(before), "event": event.to_json()}
    description = markers.describe(message, target.mark)
    did = "submitted"
    push.say(f"Submitting {target.name} ({target.file_name}) to {target.competition}.")
    try:
        with push.intents.sending(key, str(target.mark), details=details):
            ref = push.kaggle.submit(
                target.competition, target.ref, target.version, target.file_name, description
            )
    except AnswerLost as error:
        push.warn(f"{error}")
        found = push.waits.find_lost(
            f"the submission of {target.name}",
            lambda _: settling.find_listed(push, target.competition.slug, str(target.mark), before),
            lengthen=False,
        )
        ref, did = found.ref, "found"
    except KaggleRefused as error:
        said = (error.said or str(error)).rstrip(".")
        raise KaggleRefused(
            f"Kaggle refused to submit {target.name}: {said}. {advice.for_refusal(said)}"
        ) from error
    settling.record(push, replace(event, ref=str(ref)))
    push.intents.close(key)
    return ref, did


def _record_found(push: Push, target: Target, found: Submission) -> None:
    """Record a submission of ours that the ledger does not have."""
    events = ledger.read(push.workspace.root).events
    if any(event.event == SUBMITTED and event.ref == str(found.ref) for event in events):
        return
    message, _ = markers.split(found.description)
    event = describing.event_of(push, target, message, Metrics())
    account = found.submitted_by or event.account
    settling.record(
        push,
        replace(
            event, ref=str(found.ref), submitted=settling.moment(found.date), account=account, overruled=None
        ),
    )


def check_version(version: int) -> int | None:
    """The version of the command line, None for the newest; raises WorkflowError for a negative one."""
    if version < 0:
        raise WorkflowError(f"--version {version} is not a version: versions start at 1.")
    return version or None
