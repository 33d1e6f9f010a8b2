"""From a saved file to a score: push, submit, watch; each step is skipped when it is already done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kaggle_shim.refs import CompetitionRef, ModelRef
from kaggle_workflow import console
from kaggle_workflow.attached import Stale
from kaggle_workflow.errors import Refused, WorkflowError
from kaggle_workflow.kaggle.values import Limits
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import COMPLETE, ERROR
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.ledger.history import flat
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import in_order as push
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.submit import gate, submitting, watching
from kaggle_workflow.submit.submitting import Request, Submitted
from kaggle_workflow.waiting import seconds as spell


@dataclass
class Shipped:
    """Result of a ship.

    Attributes:
        outcomes: what was pushed.
        submitted: the submission, None when `--detach` ended the command before it.
        submission: the submission in the ledger, None likewise.
        seconds: by stage: push, submit, watch.
        waited: seconds of that spent waiting for Kaggle.
    """

    outcomes: Sequence[Outcome]
    submitted: Submitted | None = None
    submission: Submission | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "things": [asdict(outcome) for outcome in self.outcomes],
            "submitted": asdict(self.submitted) if self.submitted else None,
            "submission": flat(self.submission) if self.submission else None,
            "seconds": {**self.seconds, "waited": self.waited},
        }


def ship(session: Push, request: Request, *, detach: bool = False) -> Shipped:
    """Push, submit and watch.

    Args:
        session: the command.
        request: what to submit; its version is the one that is pushed here.
        detach: end the command where the next step would wait for a run or a score.

    Raises:
        Refused: a question was not confirmed; nothing was sent.
        WorkflowError: in all its classes, from each of the steps.
    """
    request = replace(request, notebook=push_sub.runnable(session.workspace, request.notebook).name)
    if session.options.dry_run:
        return Shipped(push.push_all(session, request.notebook))
    shipped = _ship(session, request, detach=detach)
    shipped.waited = round(sum(session.waits.slept), 2)
    return shipped


def _ship(session: Push, request: Request, *, detach: bool) -> Shipped:
    started = time.monotonic()
    changed = ask_about_weights(session, request)
    ask_first(session, request, coming=bool(changed))
    outcomes = [_push_weights(session, one, request.notebook) for one in changed]
    session.options = replace(session.options, wait=not detach)
    shipped = Shipped([*outcomes, *push.push_all(session, request.notebook)])
    shipped.seconds["push"] = round(time.monotonic() - started, 2)
    request = replace(request, version=shipped.outcomes[-1].version)
    notebook = session.workspace.notebook(request.notebook).metadata.id
    if detach and session.kaggle.run(notebook, request.version).active:
        session.say("Detached after the push: run invoke ship again when the run is over.")
        return shipped
    started = time.monotonic()
    shipped.submitted = submitting.submit(session, request)
    shipped.seconds["submit"] = round(time.monotonic() - started, 2)
    shipped.submission = _known(session, shipped.submitted.ref)
    if detach and shipped.submission.status not in (COMPLETE, ERROR):
        session.say(
            f"Detached after submission {shipped.submitted.ref}: run invoke watch to wait for its score."
        )
        return shipped
    started = time.monotonic()
    (shipped.submission,) = watching.watch(session, [shipped.submission])
    shipped.seconds["watch"] = round(time.monotonic() - started, 2)
    return shipped


def ask_about_weights(session: Push, request: Request) -> list[Stale]:
    """The attached models and datasets to push first because their folders changed since; asks once.

    Raises:
        Refused: `stale-weights`: the push was not confirmed, and the version on Kaggle not allowed.
    """
    notebook = session.workspace.notebook(request.notebook)
    found = push_sub.stale(session, push_sub.attached_manifests(session, notebook))
    if not found:
        return []
    told = "; ".join(str(one) for one in found)
    allowed = "stale-weights" in {*session.options.allow, *session.workspace.settings.allow}
    if not allowed and console.confirm(f"{told}. Push that first?", yes=session.options.yes):
        return found
    commands = " and ".join(f"`{one.command}`" for one in found)
    session.refuse("stale-weights", f"{told}. To push it first, add --yes or run {commands}")
    return []


def _push_weights(session: Push, one: Stale, notebook: str) -> Outcome:
    """Push a changed model or dataset, and attach the new version to the notebook."""
    if isinstance(one.ref, ModelRef):
        return push_model.push_model(
            session,
            exp=one.folder.name,
            path=str(one.folder),
            handle=one.ref.name,
            framework="",
            licence="",
            ignore=(),
            notebook=notebook,
        )
    ref = replace(one.ref, version=None)
    outcome = push_dataset.upload_dataset(session, lambda: stage_folder(session, one.folder, ref))
    push_sub.attach(session, notebook, ref, outcome)
    return outcome


def ask_first(session: Push, request: Request, *, coming: bool = False) -> None:
    """Ask everything that push and submit would ask, before anything is sent.

    Args:
        session: the command.
        request: what to submit.
        coming: whether weights are pushed first.
    """
    dry = Push(session.workspace, replace(session.options, dry_run=True, quiet=True), session.kaggle)
    # The real push repeats what this one would print.
    dry.answered, dry.say, dry.warn = session.answered, lambda _: None, lambda _: None
    outcomes = push.push_all(dry, request.notebook)
    about = session.workspace.notebook(request.notebook).metadata
    if about.competition is None:
        raise WorkflowError(
            f"{request.notebook} attaches no competition, so there is nothing to submit to: add one to competition_sources in its kernel-metadata.json."
        )
    unchanged = not coming and all(outcome.did in ("unchanged", "inline", "found") for outcome in outcomes)
    if (
        unchanged
        and not request.again
        and not session.options.force
        and _submitted(session, about.id.name, outcomes[-1].version)
    ):
        return
    competition = CompetitionRef(about.competition)
    limits = session.kaggle.limits(competition)
    _refuse_none_left(session, limits)
    submitting.ask(session, about.id.name, competition, limits)


def print_times(shipped: Shipped) -> None:
    """Print the seconds of each stage."""
    last = shipped.outcomes[-1]
    rows = [
        (f"{outcome.thing}: {phase}", f"{value:.1f}")
        for outcome in shipped.outcomes
        for phase, value in outcome.seconds.items()
    ]
    rows += [(stage, f"{value:.1f}") for stage, value in shipped.seconds.items() if stage != "push"]
    rows.append(("of that, waiting for Kaggle", f"{shipped.waited:.1f}"))
    total = sum(shipped.seconds.values())
    console.table(
        f"{last.name} version {last.version}: shipped in {spell(total)}", ("stage", "seconds"), rows
    )
    if shipped.submitted is not None:
        console.say(shipped.submitted.page)


def _refuse_none_left(session: Push, limits: Limits) -> None:
    problem = gate.left(limits, datetime.now(UTC))
    if problem is not None:
        try:
            session.refuse(problem.name, problem.sentence)
        except Refused as error:
            raise Refused(
                error.name, f"Nothing was sent. {problem.sentence}; invoke push pushes without submitting"
            ) from error
        session.overruled.remove(problem.name)


def _submitted(session: Push, notebook: str, version: int | None) -> bool:
    """Whether the ledger has a submission of that version; without a ledger the user is asked once more."""
    known = history_fold.fold(ledger.read(session.workspace.root).events)
    return any((one.notebook, one.notebook_version) == (notebook, version) for one in known)


def _known(session: Push, ref: int) -> Submission:
    known = history_fold.fold(ledger.read(session.workspace.root).events)
    return next(one for one in known if one.ref == str(ref))
