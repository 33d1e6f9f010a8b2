"""What became of a notebook that was about to be saved when the answer was lost: found by what it is, never saved again blindly."""

from __future__ import annotations

from kaggle_workflow.errors import WaitedTooLong
from kaggle_workflow.kaggle.values import Notebook
from kaggle_workflow.push import notebook_state
from kaggle_workflow.push.intents import CREATING, Intent
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import LATE_SECONDS, Outcome, Push
from kaggle_workflow.waiting import Show, left_of


def settle(
    push: Push, rules: Rules, payload: Payload, intent: Intent, there: Notebook | None, outcome: Outcome
) -> Notebook | None:
    """Decide what became of a version that an earlier run was about to save."""
    if (
        intent.marker == payload.marker
        and intent.step == CREATING
        and not _arrived(rules, payload, there, intent.base)
    ):
        push.say(
            f"{payload.ref.name}: an earlier push was cut off while it was sent; asking Kaggle for its version."
        )
        limit = left_of(LATE_SECONDS, intent.at)
        try:
            there = push.waits.until(
                f"the version of {payload.ref.name} shows",
                limit,
                lambda show: look(push, rules, payload, intent.base, show),
                lost=True,
            )
        except WaitedTooLong:
            if push.waits.cuts(limit):
                # It may still come: only the time that --limit gave is over.
                raise
            push.say(f"{payload.ref.name}: it did not arrive.")
            there = notebook_state.existing(push, payload.ref)
    if _arrived(rules, payload, there, intent.base) and there is not None:
        push.say(f"{payload.ref.name}: an earlier push had arrived, as version {there.newest}.")
        outcome.notes.append("an earlier push had arrived")
    push.intents.close(payload.key)
    return there


def _arrived(rules: Rules, payload: Payload, there: Notebook | None, base: int) -> bool:
    return there is not None and there.newest > base and rules.same(there.text, payload.text)


def look(push: Push, rules: Rules, payload: Payload, base: int, show: Show) -> Notebook | None:
    """The notebook once it shows a version after `base` that is what was sent, None until then."""
    there = push.kaggle.notebook(payload.ref)
    if _arrived(rules, payload, there, base):
        return there
    show("not visible yet")
    return None
