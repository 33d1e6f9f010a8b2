"""Push a dataset: upload it when it changed, and wait until the new version is current and ready.

Used for the code dataset, for the user's own wheels, and for any folder of weights or features. The fingerprint in a version's
notes identifies it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kaggle_shim.manifest import short
from kaggle_workflow import console, waiting
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.kaggle.values import Dataset
from kaggle_workflow.push import dataset_arrival as arrival
from kaggle_workflow.push import dataset_versions as versions
from kaggle_workflow.push.dataset_payload import Payload, unusual_files
from kaggle_workflow.push.intents import CREATING, UPLOADING
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import stand_ins, tree
from kaggle_workflow.workspace import CODES


def upload_dataset(push: Push, stage: Callable[[], Payload]) -> Outcome:
    """Bring a dataset on Kaggle up to date.

    Args:
        push: the command.
        stage: stages the folder; called with the lock held, and again right before the upload.

    Raises:
        WorkflowError: in all its classes.
    """
    with push.lock(f"push: staging {push.workspace.root.name}"):
        payload = stage()
    push.check_owner(payload.ref.owner, f"the dataset {payload.ref.name}")
    push.check_public(metadata_says_public=payload.public, what=payload.ref.name)
    outcome = Outcome(
        payload.thing,
        "unchanged",
        payload.ref.name,
        None,
        payload.manifest.fingerprint,
        push.kaggle.page(f"datasets/{payload.ref.name}"),
    )
    there = arrival.settle(push, payload, outcome)
    version = _find_same(push, payload, there) if not push.options.force else None
    if version is not None:
        outcome.version = version
        return outcome
    secrets_workspace.refuse_in_message(push.workspace, payload.message, given=bool(push.options.message))
    if there is not None:
        versions.check_ours(push, payload, there)
    for sentence in payload.unsearched:
        push.warn(sentence)
    _tell(push, payload)
    if push.options.dry_run:
        outcome.did = "would send"
        _list(push, payload)
        return outcome
    if payload.thing == "codes":
        _ask_about_unusual(push, payload, there)
    lost = False
    with push.sending(f"push: sending {payload.ref.name}") as stale:
        if not stale:
            payload = stage()
            outcome.fingerprint = payload.manifest.fingerprint
            lost = _upload(push, payload, there, outcome)
    if stale:
        # Another command may have sent the same thing: check again.
        return upload_dataset(push, stage)
    arrival.wait_for_version(push, payload, there.newest if there is not None else 0, outcome, lost=lost)
    outcome.did = "sent"
    return outcome


def _find_same(push: Push, payload: Payload, there: Dataset | None) -> int | None:
    """The current version if it has the staged files, None otherwise; waits for one of ours that Kaggle is still processing."""
    if there is None or there.current is None:
        return None
    wanted = payload.manifest.fingerprint
    version = there.current
    coming = [
        v.number
        for v in there.versions
        if v.number > version and versions.marker(v) == short(wanted) and v.status not in arrival.BAD
    ]
    if coming and not push.options.dry_run:
        version = push.waits.until(
            f"version {coming[-1]} of {payload.ref.name} is ready",
            waiting.PROCESSING_SECONDS,
            lambda show: arrival.current_version(push, payload, wanted, coming[-1] - 1, show),
        )
    else:
        found = versions.fingerprint_of(push, payload.ref, there, payload.manifest_name)
        if found is None or short(found) != short(wanted):
            return None
    if not push.known.of(payload.ref.name, version).get("verified"):
        wrong = arrival.problems(push, payload, version)
        if wrong:
            push.say(
                f"{payload.ref.name} version {version} differs from what was sent ({'; '.join(wrong[:3])}): sending it again."
            )
            return None
    return version


def _tell(push: Push, payload: Payload) -> None:
    """Report what is unusual about the files; raises Refused for those that the run can't use."""
    codes = payload.thing == "codes"
    for finding in payload.findings:
        if finding.name == stand_ins.NAME:
            push.refuse("stand-in", f"{finding.path}: {finding.sentence}")
        elif finding.name == "archive" and codes:
            push.refuse(
                "archive",
                f"{finding.path}: {finding.sentence.rstrip('.')}, and the run would fail because a code file is missing. Put "
                f"its contents into {CODES}/, exclude it in {tree.IGNORE_FILE}, or set workspace.codes to inline",
            )
        elif not codes:
            push.warn(str(finding))


def _ask_about_unusual(push: Push, payload: Payload, there: Dataset | None) -> None:
    """Ask about files that a code dataset rarely has; raises Refused `large-files`."""
    manifest = (
        versions.manifest_of(push, payload.ref, there.current, payload.manifest_name)
        if there is not None
        else None
    )
    told = unusual_files(payload.manifest.files, manifest.files if manifest is not None else ())
    if told is not None:
        push.refuse(
            "large-files",
            f"{told} would be uploaded with the codes: exclude them in {tree.IGNORE_FILE}, push them with push-model or push-dataset, or confirm with --yes",
            expected=True,
        )


def _upload(push: Push, payload: Payload, there: Dataset | None, outcome: Outcome) -> bool:
    """Upload it; returns whether Kaggle's answer was lost."""
    size = sum(entry.size for entry in payload.entries)
    push.say(
        f"{payload.thing}: uploading {len(payload.entries)} files, {console.size(size)}, to {payload.ref.name}."
    )
    started = time.monotonic()
    lost = False
    base, notes = (there.newest, payload.notes) if there is not None else (0, None)
    try:
        with push.intents.sending(payload.key, payload.manifest.fingerprint, base, UPLOADING):
            url = push.kaggle.send_dataset(
                payload.folder,
                notes,
                lambda: push.intents.advance(payload.key, CREATING),
                public=payload.public,
            )
        outcome.url = url or outcome.url
    except AnswerLost as error:
        if push.intents.read(payload.key) is None:
            raise
        lost = True
        push.warn(f"{error}")
    outcome.seconds["upload"] = round(time.monotonic() - started, 2)
    return lost


def _list(push: Push, payload: Payload) -> None:
    push.list_files(payload.ref.name, ((entry.path, entry.size) for entry in payload.entries))
    if not push.options.quiet:
        told = unusual_files(payload.manifest.files, ())
        if told is not None and payload.thing == "codes":
            push.warn(f"{told} would have to be confirmed.")
        if payload.left_out:
            push.say(f"excluded by .gitignore and {tree.IGNORE_FILE}: {', '.join(payload.left_out)}")
