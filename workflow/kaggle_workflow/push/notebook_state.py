"""Compare the notebook on Kaggle with the staged one: whether it is ours, up to date, and still running."""

from __future__ import annotations

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.files import write_text
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Notebook, Run
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push.intents import CREATING, Intent
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import compose
from kaggle_workflow.waiting import Show


def find_existing(push: Push, ref: NotebookRef) -> Notebook | None:
    """The notebook on Kaggle, None when there is none.

    Saving over a notebook that exists would discard edits made in the browser, so before one is created Kaggle is asked twice,
    and the account's own list is read.

    Raises:
        Refused: `take-over`: the list names it, and Kaggle says that it does not exist.
    """
    there = push.kaggle.notebook(ref)
    if there is not None:
        return there
    try:
        listed = push.kaggle.lists_notebook(ref)
    except (NotThere, Denied):
        listed = False
    there = push.kaggle.notebook(ref)
    if there is None and listed:
        push.refuse(
            "take-over",
            f"Kaggle lists the notebook {ref.name}, but answers that it does not exist: run this again in a minute, "
            "so that no edit in it is overwritten",
        )
    return there


def find_current_run(push: Push, rules: Rules, payload: Payload, there: Notebook) -> Run | None:
    """The run of Kaggle's version if it is up to date, None if the notebook must be sent."""
    ours = _check_ours(push, payload, there)
    ref, version = payload.ref, there.newest
    known = push.known.of(ref.name, version)
    unchanged = (
        ours
        and rules.same(there.text, payload.text)
        and (
            known["metadata"] == payload.metadata_hash
            if "metadata" in known
            else not any(push_answers.differences(payload.metadata, there))
        )
    )
    if unchanged and known.get("complete"):
        return Run("COMPLETE", "")
    # A completed run stays completed: no request for what was seen before.
    run = Run("COMPLETE", "") if known.get("complete") else push.kaggle.run(ref, version)
    if unchanged and (run.complete or run.active):
        return run
    if run.active:
        push.warn(
            f"{ref.name} version {version} is still running: it can't be cancelled from here, and both runs count against your session limit."
        )
    return None


def _check_ours(push: Push, payload: Payload, there: Notebook) -> bool:
    """Whether it is as we pushed it; asks before overwriting a notebook made elsewhere or edited in the browser."""
    ref = payload.ref
    plan = compose.plan_of(there.text)
    moved = plan is None and push.workspace.id in there.text
    if (plan is None and not moved) or (plan is not None and plan.workspace != push.workspace.id):
        whose = "was made by another workspace" if plan is not None else "was not made by a workspace"
        push.refuse(
            "take-over", f"The notebook {ref.name} exists and {whose}: choose another prefix, or take it over"
        )
        return False
    if (moved or compose.edited(there.text)) and not compose.same(there.text, payload.text):
        beside = payload.folder.folder / f"from-kaggle-v{there.newest}.ipynb"
        write_text(beside, there.text)
        push.refuse(
            "edited-on-kaggle",
            f"{ref.name} version {there.newest} was edited on Kaggle; it is saved as {payload.folder.name}/{beside.name}: "
            "copy what you want to keep from it, then overwrite it with --yes",
            expected=True,
        )
        return False
    return True


def settle(
    push: Push, rules: Rules, payload: Payload, intent: Intent, there: Notebook | None, outcome: Outcome
) -> Notebook | None:
    """Find out what became of a version that an earlier command was saving; returns the notebook as it is now."""
    if (
        intent.marker == payload.marker
        and intent.step == CREATING
        and not _arrived(rules, payload, there, intent.base)
    ):
        there = push.waits.find_interrupted(
            f"the version of {payload.ref.name}",
            intent.seconds_left,
            lambda show: find_saved(push, rules, payload, intent.base, show),
            lengthen=False,
        ) or find_existing(push, payload.ref)
    if _arrived(rules, payload, there, intent.base) and there is not None:
        push.say(f"{payload.ref.name}: found as version {there.newest}.")
        outcome.notes.append("sent by an earlier push")
    push.intents.close(payload.key)
    return there


def _arrived(rules: Rules, payload: Payload, there: Notebook | None, base: int) -> bool:
    return there is not None and there.newest > base and rules.same(there.text, payload.text)


def find_saved(push: Push, rules: Rules, payload: Payload, base: int, show: Show) -> Notebook | None:
    """The notebook once its newest version is after `base` and is what was sent, None until then."""
    there = push.kaggle.notebook(payload.ref)
    if _arrived(rules, payload, there, base):
        return there
    show("not visible yet")
    return None
