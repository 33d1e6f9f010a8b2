"""A version of a dataset on its way: current, ready, and as it was sent."""

from __future__ import annotations

import time

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import Manifest, hash_file, short
from kaggle_shim.refs import DatasetRef
from kaggle_workflow.errors import KaggleRefused, Refused, Unreachable, WaitedTooLong
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Dataset, RemoteFile
from kaggle_workflow.push import arrived
from kaggle_workflow.push import dataset_versions as versions
from kaggle_workflow.push.dataset_payload import Payload
from kaggle_workflow.push.session import LATE_SECONDS, PROCESSING_SECONDS, Outcome, Push
from kaggle_workflow.waiting import Show

BAD = frozenset(("failed", "error", "deleted"))


class WillNotCome(KaggleRefused):
    """Kaggle's verdict on a version; any other refusal while waiting speaks of the question and not of the version."""


def arrive(push: Push, payload: Payload, base: int, outcome: Outcome, *, lost: bool) -> None:
    """Wait until the version is current and ready and shows its manifest, then compare."""
    started = time.monotonic()
    ref, wanted = payload.ref, payload.manifest.fingerprint
    try:
        version = push.waits.until(
            f"the new version of {ref.name} is current and ready",
            LATE_SECONDS if lost else PROCESSING_SECONDS,
            lambda show: current(push, payload, wanted, base, show),
            at_once=lost,
        )
    except WaitedTooLong as error:
        if lost:
            raise Unreachable(
                f"Whether the new version of {ref.name} arrived is not known: run this again, Kaggle is asked before anything is sent."
            ) from error
        raise
    except WillNotCome:
        push.intents.close(payload.key)
        raise
    try:
        wrong = push.waits.until(
            f"version {version} of {ref.name} shows its manifest",
            LATE_SECONDS,
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
            f"Version {version} of {ref.name} is not what was sent ({'; '.join(wrong[:5])}): run this again to send it anew."
        )


def current(push: Push, payload: Payload, wanted: str, base: int, show: Show) -> int | None:
    """Number of the version with that fingerprint once it is current and ready; raises WillNotCome when that will not happen.

    The status is asked for first: it is one short question, and while it says "not ready" no other is needed.
    """
    ref = payload.ref
    try:
        status = push.kaggle.dataset_status(ref)
    except (Denied, NotThere):
        show("not visible yet")
        return None
    if status in BAD:
        raise WillNotCome(
            f"Kaggle failed to process the new version of {ref.name} (status {status}): look at {push.kaggle.page(f'datasets/{ref.name}')}, then push again."
        )
    there = push.kaggle.dataset(ref) if status == "ready" else None
    if there is None or there.current is None or there.current <= base:
        # "ready" may speak of the version before this one.
        show("in processing" if status == "ready" else status)
        return None
    version = there.version(there.current)
    found = versions.marker(version)
    unmarked = found is None and (base == 0 or version is None)
    if found is None and not unmarked:
        # How long notes may be is open: where their end is cut off, the manifest tells.
        manifest = versions.manifest_of(push, ref, there.current, payload.manifest_name)
        found = short(manifest.fingerprint) if manifest is not None else None
    if found != short(wanted) and not unmarked:
        who = version.creator if version is not None else "somebody"
        raise WillNotCome(
            f"Version {there.current} of {ref.name}, by {who}, is current in place of the one sent here: push again when they are done."
        )
    if version is not None and version.status not in ("ready", ""):
        show(version.status)
        return None
    return there.current


def ready(push: Push, ref: DatasetRef, show: Show) -> Dataset | None:
    """The dataset once its first version is current; raises KaggleRefused when that will not happen."""
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
    """What is wrong with a version on Kaggle, one phrase a file; none when it is what was sent."""
    return _judge(push, payload, version, push.kaggle.dataset_files(payload.ref, version))


def _problems_once_listed(push: Push, payload: Payload, version: int) -> list[str] | None:
    """What is wrong with a version; None while it shows no files."""
    try:
        listed = push.kaggle.dataset_files(payload.ref, version)
    except (NotThere, Denied):
        return None
    return _judge(push, payload, version, listed) if listed else None


def _judge(push: Push, payload: Payload, version: int, listed: tuple[RemoteFile, ...]) -> list[str]:
    entries = payload.entries
    stated = next((file for file in listed if file.name == payload.manifest_name), None)
    if stated is not None:
        # The manifest also says which commit it was, so the same files may come with another manifest.
        entries = entries[:-1]
    comparison = arrived.compare(entries, [file for file in listed if file is not stated], payload.folder)

    def sha256_of(file: RemoteFile) -> str:
        with scratch(push.workspace.build) as folder:
            push.kaggle.fetch_dataset_file(payload.ref, version, file, folder / "file")
            return hash_file(folder / "file")

    wrong = arrived.problems(comparison, sha256_of)
    lost = arrived.lost(comparison)
    if lost is not None and not wrong:
        # Not a problem of the upload: what is sent again would be unpacked in the same way.
        push.refuse(
            "archive-contents",
            f"{payload.ref.name} version {version}: {lost}. Push what is in them in place of the archives",
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
    """What is wrong with a manifest of another size than was sent: it may name another commit, and it may be cut short."""
    name = payload.manifest_name
    with scratch(push.workspace.build) as folder:
        push.kaggle.fetch_dataset_file(payload.ref, version, RemoteFile(name), folder / name)
        try:
            found = Manifest.load(folder / name).fingerprint
        except ManifestError:
            return [f"{name} does not read"]
    return [] if found == payload.manifest.fingerprint else [f"{name} lists other files"]
