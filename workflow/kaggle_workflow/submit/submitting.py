"""Submitting: exactly one version, looked at first, written down before it is sent, never twice by accident."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import console
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import KaggleRefused, Refused, Unreachable, WorkflowError
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.kaggle.values import Limits, Submission
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import estimate, made_of, markers
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import SUBMITTED
from kaggle_workflow.push import looking
from kaggle_workflow.push.looking import Target
from kaggle_workflow.push.session import LATE_SECONDS, Push
from kaggle_workflow.submit import advice, describing, gate, settling
from kaggle_workflow.submit.intents import SubmissionIntent, SubmissionIntents


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        notebook: folder of the notebook.
        version: the version, None for the newest.
        again: submit a version that was submitted before.
        message: description, "" for entry point and subject of the commit.
        cv: score in validation, None for that of `metrics.json` beside the weights.
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
    """What became of it: `did` is `submitted`, `found` (its answer was lost, and it had arrived), `already submitted` or `would submit`."""

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
        KaggleRefused: Kaggle did not take it.
        Unreachable: whether it arrived is not known; running again asks before anything is sent.
    """
    target = looking.read_version(push, request.notebook, request.version)
    earlier = settling.find_earlier(push, target)
    again = request.again or push.options.force
    if earlier and not again:
        return _show(push, target, earlier[-1])
    limits = _gate(push, target)
    sentence = _estimate(push, target, request.hidden_rows)
    push.say(sentence)
    if push.options.dry_run:
        return _submitted(push, target, request, "would submit", 0, sentence)
    ask(push, target.name, target.competition, limits, light=(target.report or {}).get("light") is True)
    started = time.monotonic()
    with push.sending(f"submit: sending {target.name}") as stale:
        if stale:
            # It may have been this very version.
            earlier = settling.find_earlier(push, target)
            if earlier and not again:
                return _show(push, target, earlier[-1])
        ref, did = _send(push, target, request, [one.ref for one in earlier])
    done = _submitted(push, target, request, did, ref, sentence)
    return replace(done, seconds=round(time.monotonic() - started, 2))


def ask(push: Push, name: str, competition: CompetitionRef, limits: Limits, *, light: bool = False) -> None:
    """Ask before a submission is spent; raises Refused `spend-submission` when the user does not confirm."""
    if "spend-submission" in push.answered:
        return
    left = (
        "how many are left is not known"
        if limits.left is None
        else f"{limits.left} left, {limits.today} used today"
    )
    sentence = f"Submitting {name} to {competition} spends a submission ({left}){', of which only a light run was seen' if light else ''}"
    if "spend-submission" in {*push.options.allow, *push.workspace.settings.allow} or console.confirm(
        f"{sentence}. Go on?", yes=push.options.yes
    ):
        push.answered.add("spend-submission")
        return
    raise Refused("spend-submission", f"{sentence}: say yes on a terminal, or add --yes")


def page(push: Push, competition: CompetitionRef) -> str:
    """Address of our submissions to a competition."""
    return push.kaggle.page(f"competitions/{competition}/submissions")


def _show(push: Push, target: Target, earlier: Submission) -> Submitted:
    _know(push, target, earlier)
    push.say(
        f"{target.name} was submitted already, as {earlier.ref}: nothing is sent (--again submits it once more)."
    )
    message, _ = markers.read(earlier.description)
    return Submitted(
        "already submitted",
        earlier.ref,
        target.ref.name,
        target.version,
        target.competition.slug,
        message,
        page(push, target.competition),
    )


def _submitted(push: Push, target: Target, request: Request, did: str, ref: int, sentence: str) -> Submitted:
    return Submitted(
        did,
        ref,
        target.ref.name,
        target.version,
        target.competition.slug,
        describing.message_of(push, target, request.message),
        page(push, target.competition),
        sentence,
    )


def _gate(push: Push, target: Target) -> Limits:
    """What is left; raises Refused for the first check that speaks against it, with the others said before."""
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
    assumed = " (9h is assumed as the limit: set workspace.limit.)" if plan and plan.limit_assumed else ""
    return found.sentence + assumed


def _send(push: Push, target: Target, request: Request, before: Sequence[int]) -> tuple[int, str]:
    """Write the intent down, send, and write down what came of it; returns the reference and what was done."""
    message = describing.message_of(push, target, request.message)
    secrets_workspace.refuse_in_message(push.workspace, message, given=bool(request.message))
    event = describing.event_of(push, target, message, describing.cv_of(push, target, request.cv))
    try:
        event.line()
    except ValueError as error:
        raise WorkflowError(
            f"The ledger can't take this submission ({error}), so nothing was sent: correct that value."
        ) from error
    intents = SubmissionIntents(push.workspace.build)
    intent = SubmissionIntent.new(target.competition.slug, target.mark, before, event)
    intents.open(target.ref.name, intent)
    description = markers.describe(message, target.mark)
    did = "submitted"
    push.say(f"Submitting {target.name} ({target.file_name}) to {target.competition}.")
    try:
        ref = push.kaggle.submit(
            target.competition, target.ref, target.version, target.file_name, description
        )
    except AnswerLost as error:
        push.warn(f"{error}")
        push.say("Whether the submission arrived is not known; asking Kaggle for it.")
        try:
            found = settling.wait_for(push, intent, LATE_SECONDS)
        except Unreachable:
            found = None
        if found is None:
            raise Unreachable(
                f"Whether the submission of {target.name} arrived is not known: run this again, Kaggle is asked before anything is sent."
            ) from error
        ref, did = found.ref, "found"
    except KaggleRefused as error:
        intents.close(target.ref.name)
        said = (error.said or str(error)).rstrip(".")
        raise KaggleRefused(
            f"Kaggle did not take {target.name}: {said}. {advice.for_refusal(said)}"
        ) from error
    settling.write_down(push, replace(event, ref=str(ref)))
    intents.close(target.ref.name)
    return ref, did


def _know(push: Push, target: Target, found: Submission) -> None:
    """Write a submission of ours down that the ledger has lost or never had."""
    events = ledger.read(push.workspace.root).events
    if any(event.event == SUBMITTED and event.ref == str(found.ref) for event in events):
        return
    message, _ = markers.read(found.description)
    event = describing.event_of(push, target, message, None)
    account = found.submitted_by or event.account
    settling.write_down(
        push,
        replace(
            event, ref=str(found.ref), submitted=settling.moment(found.date), account=account, overruled=None
        ),
    )


def check_version(version: int) -> int | None:
    """The version of the command line, None for the newest; raises WorkflowError for one that is none."""
    if version < 0:
        raise WorkflowError(f"--version {version} is no version: versions count from 1.")
    return version or None
