"""Wait for a new version of a dataset until it is current and ready, and compare it with what was sent."""

from __future__ import annotations

import time

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import Manifest, hash_file, short
from kaggle_shim.refs import DatasetRef
from kaggle_workflow import waiting
from kaggle_workflow.errors import KaggleRefused, Refused
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Dataset, RemoteFile
from kaggle_workflow.push import arrived
from kaggle_workflow.push import dataset_versions as versions
from kaggle_workflow.push.dataset_payload import Payload
from kaggle_workflow.push.intents import UPLOADING, Intent
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.waiting import Show

BAD = frozenset(("failed", "error", "deleted"))


class WillNotCome(KaggleRefused):
    """Kaggle failed the version, or another one took its place. Any other refusal while waiting is about the request."""


def settle(push: Push, payload: Payload, outcome: Outcome) -> Dataset | None:
    """The dataset on Kaggle, after finding out what became of an upload that an earlier command left open."""
    there = push.kaggle.dataset(payload.ref)
    intent = push.intents.read(payload.key)
    if intent is not None and intent.step != UPLOADING and not push.options.dry_run:
        found = intent.marker == payload.manifest.fingerprint
        version = there.current if there is not None and (there.current or 0) > intent.base else None
        # A version with other files matters only if it creates the dataset.
        if version is None and (found or there is None):
            version, found = _find(push, payload, intent), True
            there = push.kaggle.dataset(payload.ref)
        if version is not None and found:
            push.say(f"{payload.ref.name}: found as version {version}.")
            outcome.did = "found"
            outcome.notes.append("sent by an earlier push")
        push.intents.close(payload.key)
    if there is not None and there.current is None and not push.options.dry_run:
        push.say(f"{payload.ref.name} exists, and its first version is still being processed.")
        there = push.waits.until(
            f"the first version of {payload.ref.name} is ready",
            waiting.PROCESSING_SECONDS,
            lambda show: _first_version(push, payload.ref, show),
        )
    return there


def _find(push: Push, payload: Payload, intent: Intent) -> int | None:
    """Wait for a version that an earlier command may have made; None when it does not exist."""
    try:
        return push.waits.find_interrupted(
            f"the version of {payload.ref.name}",
            intent.seconds_left,
            lambda show: current_version(push, payload, intent.marker, intent.base, show),
        )
    except WillNotCome as verdict:
        push.warn(f"{verdict}")
        return None


def wait_for_version(push: Push, payload: Payload, base: int, outcome: Outcome, *, lost: bool) -> None:
    """Wait until the version is current and ready and lists its manifest, then compare it with what was sent."""
    started = time.monotonic()
    ref = payload.ref

    def look(show: Show) -> int | None:
        return current_version(push, payload, payload.manifest.fingerprint, base, show)

    try:
        if lost:
            version = push.waits.find_lost(f"the version of {ref.name}", look)
        else:
            what = f"the new version of {ref.name} is current and ready"
            version = push.waits.until(what, waiting.PROCESSING_SECONDS, look, at_once=False)
    except WillNotCome:
        push.intents.close(payload.key)
        raise
    try:
        wrong = push.waits.until(
            f"version {version} of {ref.name} lists its manifest",
            waiting.LATE_SECONDS,
            lambda _: _problems_once_listed(push, payload, version),
        )
    except Refused as error:
        push.intents.close(payload.key)
        raise KaggleRefused(str(error)) from error
    outcome.version = version
    outcome.seconds["processing"] = round(time.monotonic() - started, 2)
    push.intents.close(payload.key)
    if wrong:
        raise KaggleRefused(
            f"Version {version} of {ref.name} differs from what was sent ({'; '.join(wrong[:5])}): run this again to upload it again."
        )


def current_version(push: Push, payload: Payload, wanted: str, base: int, show: Show) -> int | None:
    """The number of the version with that fingerprint once it is current and ready; raises WillNotCome when it never will be.

    The status is read first: it is a small request, and while it says "not ready" no other is needed.
    """
    ref = payload.ref
    try:
        status = push.kaggle.dataset_status(ref)
    except (Denied, NotThere):
        show("not visible yet")
        return None
    if status in BAD:
        raise WillNotCome(
            f"Kaggle failed to process the new version of {ref.name} (status {status}): check {push.kaggle.page(f'datasets/{ref.name}')}, then push again."
        )
    there = push.kaggle.dataset(ref) if status == "ready" else None
    if there is None or there.current is None or there.current <= base:
        # "ready" may be about the version before this one.
        show("in processing" if status == "ready" else status)
        return None
    version = there.version(there.current)
    found = versions.marker(version)
    unmarked = found is None and (base == 0 or version is None)
    if found is None and not unmarked:
        # Kaggle may cut off long notes: the manifest has the fingerprint too.
        manifest = versions.manifest_of(push, ref, there.current, payload.manifest_name)
        found = short(manifest.fingerprint) if manifest is not None else None
    if found != short(wanted) and not unmarked:
        who = version.creator if version is not None else "someone else"
        raise WillNotCome(
            f"Version {there.current} of {ref.name}, by {who}, is current instead of the one sent here: push again when they are done."
        )
    if version is not None and version.status not in ("ready", ""):
        show(version.status)
        return None
    return there.current


def _first_version(push: Push, ref: DatasetRef, show: Show) -> Dataset | None:
    """The dataset once its first version is current; raises KaggleRefused when Kaggle failed to process it."""
    there = push.kaggle.dataset(ref)
    if there is not None and there.current is not None:
        return there
    try:
        status = push.kaggle.dataset_status(ref)
    except (Denied, NotThere):
        status = "not visible yet"
    if status in BAD:
        raise KaggleRefused(
            f"Kaggle failed to process the first version of {ref.name}: delete it on {push.kaggle.page(f'datasets/{ref.name}')}, then push again."
        )
    show(status)
    return None


def problems(push: Push, payload: Payload, version: int) -> list[str]:
    """What is wrong with a version on Kaggle, one phrase for each file; empty when it is what was sent."""
    return _judge(push, payload, version, push.kaggle.dataset_files(payload.ref, version))


def _problems_once_listed(push: Push, payload: Payload, version: int) -> list[str] | None:
    """What is wrong with a version; None while it lists no files."""
    try:
        listed = push.kaggle.dataset_files(payload.ref, version)
    except (NotThere, Denied):
        return None
    return _judge(push, payload, version, listed) if listed else None


def _judge(push: Push, payload: Payload, version: int, listed: tuple[RemoteFile, ...]) -> list[str]:
    entries = payload.entries
    stated = next((file for file in listed if file.name == payload.manifest_name), None)
    if stated is not None:
        # The manifest also names the commit, so the same files may come with another manifest.
        entries = entries[:-1]
    comparison = arrived.compare(entries, [file for file in listed if file is not stated], payload.folder)

    def sha256_of(file: RemoteFile) -> str:
        with scratch(push.workspace.build) as folder:
            push.kaggle.fetch_dataset_file(payload.ref, version, file, folder / "file")
            return hash_file(folder / "file")

    wrong = arrived.problems(comparison, sha256_of)
    lost = arrived.lost(comparison)
    if lost is not None and not wrong:
        # Uploading again would not help: Kaggle would unpack the archives in the same way.
        push.refuse(
            "archive-contents",
            f"{payload.ref.name} version {version}: {lost}. Push their contents instead of the archives",
        )
    if stated is not None and stated.size != payload.entries[-1].size:
        wrong += _manifest_problem(push, payload, version)
    for note in arrived.notes(comparison):
        push.warn(note)
    push.known.note(
        payload.ref.name,
        version,
        verified=not wrong,
        **({"manifest": payload.manifest.dumps()} if not wrong else {}),
    )
    return wrong


def _manifest_problem(push: Push, payload: Payload, version: int) -> list[str]:
    """What is wrong with a manifest that has another size than the one sent: it may name another commit, or be truncated."""
    name = payload.manifest_name
    with scratch(push.workspace.build) as folder:
        push.kaggle.fetch_dataset_file(payload.ref, version, RemoteFile(name), folder / name)
        try:
            found = Manifest.load(folder / name).fingerprint
        except ManifestError:
            return [f"{name} can't be read"]
    return [] if found == payload.manifest.fingerprint else [f"{name} lists other files"]
