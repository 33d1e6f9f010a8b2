"""How the notebook on Kaggle stands to the one that is staged: whose it is, whether it is the same, whether it runs."""

from __future__ import annotations

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.files import write_text
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Notebook, Run
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import compose


def existing(push: Push, ref: NotebookRef) -> Notebook | None:
    """The notebook on Kaggle, None when there is none.

    Saving a notebook that exists writes over it unseen, so one answer that it does not is not believed: it is held against
    the list of the account's own notebooks, and asked for again.

    Raises:
        Refused: `take-over`: the list names it, and asked by name Kaggle still has none.
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
            f"Kaggle lists the notebook {ref.name} and, asked for it, answers that there is none: run this again in a minute, "
            "so that nothing of it is written over unseen",
        )
    return there


def state(push: Push, rules: Rules, payload: Payload, there: Notebook) -> Run | None:
    """How the run of Kaggle's version stands when nothing has to be sent, None when something has."""
    ours = _check_ours(push, payload, there)
    ref, version = payload.ref, there.newest
    known = push.known.of(ref.name, version)
    unchanged = (
        ours
        and rules.same(there.text, payload.text)
        and (
            known["metadata"] == payload.metadata_hash
            if "metadata" in known
            else not push_answers.differences(payload.metadata, there)
        )
    )
    if unchanged and known.get("complete"):
        return Run("COMPLETE", "")
    # What is over stays over: an older version that was seen complete needs no question.
    run = Run("COMPLETE", "") if known.get("complete") else push.kaggle.run(ref, version)
    if unchanged and (run.complete or run.active):
        return run
    if run.active:
        push.warn(
            f"{ref.name} version {version} still runs: it can't be cancelled from here, and both count against your sessions."
        )
    return None


def _check_ours(push: Push, payload: Payload, there: Notebook) -> bool:
    """Whether it is the notebook that was pushed last; one that this workspace did not make, or that was edited in the browser, is not overwritten unasked."""
    ref = payload.ref
    plan = compose.plan_of(there.text)
    moved = plan is None and push.workspace.id in there.text
    if (plan is None and not moved) or (plan is not None and plan.workspace != push.workspace.id):
        whose = "was made by another workspace" if plan is not None else "was not made by a workspace"
        push.refuse(
            "take-over",
            f"The notebook {ref.name} exists and {whose}: choose another prefix, or make it this workspace's own",
        )
        return False
    if (moved or compose.edited(there.text)) and not compose.same(there.text, payload.text):
        beside = payload.folder.folder / f"from-kaggle-v{there.newest}.ipynb"
        write_text(beside, there.text)
        push.refuse(
            "edited-on-kaggle",
            f"{ref.name} version {there.newest} was edited on Kaggle; it is saved as {payload.folder.name}/{beside.name}: "
            "take over from it what you want to keep, then push over it with --yes",
            expected=True,
        )
        return False
    return True
