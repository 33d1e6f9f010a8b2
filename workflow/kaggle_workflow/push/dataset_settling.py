"""What became of an upload that an earlier run left open: asked of Kaggle, before anything is sent."""

from __future__ import annotations

from kaggle_workflow.errors import WaitedTooLong
from kaggle_workflow.kaggle.values import Dataset
from kaggle_workflow.push import dataset_arrival as arrival
from kaggle_workflow.push.dataset_payload import Payload
from kaggle_workflow.push.intents import SENT, UPLOADING, Intent
from kaggle_workflow.push.session import LATE_SECONDS, PROCESSING_SECONDS, Outcome, Push
from kaggle_workflow.waiting import left_of


def settled(push: Push, payload: Payload, outcome: Outcome) -> Dataset | None:
    """What is on Kaggle, once an upload that an earlier run left open is decided."""
    there = push.kaggle.dataset(payload.ref)
    intent = push.intents.read(payload.key)
    if (
        intent is not None
        and intent.name == payload.ref.name
        and intent.step != UPLOADING
        and not push.options.dry_run
    ):
        if _is_open(intent, payload, there):
            _find(push, payload, intent, outcome)
            there = push.kaggle.dataset(payload.ref)
        else:
            if intent.marker == payload.manifest.fingerprint and there is not None:
                outcome.did = "found"
                outcome.notes.append("an earlier push had arrived")
            push.intents.close(payload.key)
    if there is not None and there.current is None and not push.options.dry_run:
        push.say(f"{payload.ref.name} exists, and its first version is still being processed.")
        there = push.waits.until(
            f"the first version of {payload.ref.name} is ready",
            PROCESSING_SECONDS,
            lambda show: arrival.ready(push, payload.ref, show),
        )
    return there


def _is_open(intent: Intent, payload: Payload, there: Dataset | None) -> bool:
    """Whether the version of an intent still has to be waited for: it is what would be sent now, or nothing is there without it."""
    if there is not None and (there.current or 0) > intent.base:
        return False
    return intent.marker == payload.manifest.fingerprint or there is None


def _find(push: Push, payload: Payload, intent: Intent, outcome: Outcome) -> None:
    """Wait for a version that an earlier run may have made."""
    push.say(
        f"{payload.ref.name}: an earlier push was cut off after it was sent; asking Kaggle for its version."
    )
    patience = PROCESSING_SECONDS if intent.step == SENT else LATE_SECONDS
    limit = left_of(patience, intent.at)
    try:
        version = push.waits.until(
            f"the version of {payload.ref.name} shows",
            limit,
            lambda show: arrival.current(push, payload, intent.marker, intent.base, show),
        )
    except WaitedTooLong:
        if push.waits.cuts(limit):
            # It may still come: only the time that --limit gave is over.
            raise
        push.say(f"{payload.ref.name}: it did not arrive.")
    except arrival.WillNotCome as verdict:
        push.warn(f"{verdict}")
    else:
        push.say(f"{payload.ref.name}: found as version {version}.")
        outcome.did = "found"
        outcome.notes.append("an earlier push had arrived")
    push.intents.close(payload.key)
