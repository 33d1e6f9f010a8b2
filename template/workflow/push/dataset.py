"""Datasets: sent when they changed, recognised by the fingerprint in the version's notes, waited for until they are current and ready.

One engine for the code dataset, for the user's own wheels, and for any folder of weights or features.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import DATASET_MANIFEST, FileEntry, Manifest, hash_file, short
from kaggle_shim.refs import DatasetRef
from workflow import console
from workflow.credentials import scan as secrets_scan
from workflow.credentials import workspace as secrets_workspace
from workflow.errors import KaggleRefused, Unreachable, WaitedTooLong, WorkflowError
from workflow.files import scratch
from workflow.findings import raise_first
from workflow.kaggle.errors import AnswerLost, Denied, NotThere
from workflow.kaggle.values import Dataset, DatasetVersion, RemoteFile
from workflow.metadata import DATASET_FILE
from workflow.push import arrived, unusual
from workflow.push.intents import CREATING, SENT, UPLOADING, Intent
from workflow.push.session import LATE_SECONDS, PROCESSING_SECONDS, Outcome, Push, check_secrets
from workflow.stage import codes as stage_codes
from workflow.stage import tree
from workflow.waiting import Show, left_of

_MARKER = re.compile(r"\[(?:codes|dataset|wheels):(?P<fingerprint>[0-9a-f]{12})\]\s*\Z")
_LONGEST_MESSAGE = 200
_BAD = frozenset(("failed", "error", "deleted"))


@dataclass(frozen=True)
class Payload:
    """A staged dataset.

    Attributes:
        thing: `codes`, `wheels` or `dataset`: the word in the marker.
        ref: the dataset.
        folder: what is sent, with its metadata and its manifest.
        manifest: the manifest.
        manifest_name: its file name.
        message: notes of the version, in front of the marker.
        left_out: what ignore files keep back.
    """

    thing: str
    ref: DatasetRef
    folder: Path
    manifest: Manifest
    manifest_name: str
    message: str
    left_out: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What intents call it."""
        return f"{self.thing}--{self.ref.name}"

    @property
    def notes(self) -> str:
        """Notes of the version: the message, and the marker that the fingerprint travels in."""
        return f"{self.message[:_LONGEST_MESSAGE]} [{self.thing}:{short(self.manifest.fingerprint)}]".strip()

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """Everything that has to arrive, the manifest too."""
        path = self.folder / self.manifest_name
        return (*self.manifest.files, FileEntry(self.manifest_name, path.stat().st_size, hash_file(path)))


def send(push: Push, stage: Callable[[], Payload]) -> Outcome:
    """Bring a dataset on Kaggle up to date.

    Args:
        push: the command.
        stage: stages the folder; called with the lock held, and again right before the upload.

    Raises:
        WorkflowError: in all its classes.
    """
    with push.lock(f"push: staging {push.workspace.root.name}"):
        payload = stage()
    secrets_workspace.of_message(push.workspace, payload.message, given=bool(push.options.message))
    check_secrets(payload.folder)
    push.check_owner(payload.ref.owner, f"the dataset {payload.ref.name}")
    raw = json.loads((payload.folder / DATASET_FILE).read_text(encoding="utf-8"))
    public = str(raw.get("isPrivate", raw.get("is_private", True))).lower() == "false"
    push.check_public(metadata_says_public=public, what=payload.ref.name)
    outcome = Outcome(
        payload.thing,
        "unchanged",
        payload.ref.name,
        None,
        payload.manifest.fingerprint,
        push.kaggle.page(f"datasets/{payload.ref.name}"),
    )
    there = _settled(push, payload, outcome)
    version = _same(push, payload, there) if not push.options.force else None
    if version is not None:
        outcome.version = version
        return outcome
    if there is not None:
        _check_ours(push, payload, there)
    if push.options.dry_run:
        outcome.did = "would send"
        _list(push, payload)
        return outcome
    if payload.thing == "codes":
        _ask_about_unusual(push, payload, there)
    lost = False
    with push.lock(f"push: sending {payload.ref.name}") as waited:
        if not waited:
            payload = stage()
            check_secrets(payload.folder)
            outcome.fingerprint = payload.manifest.fingerprint
            lost = _upload(push, payload, there, outcome, public=public)
    if waited:
        # Whoever held the workspace may have sent this very thing: ask anew.
        return send(push, stage)
    _await(push, payload, there.newest if there is not None else 0, outcome, lost=lost)
    outcome.did = "sent"
    return outcome


def stage_folder(push: Push, folder: Path, ref: DatasetRef, thing: str = "dataset") -> Payload:
    """Stage any folder as a dataset; a `dataset-metadata.json` in it is used, otherwise one is made.

    Raises:
        WorkflowError: a file of it can't be uploaded, or there is none.
    """
    workspace = push.workspace
    listed = tree.read(folder, workspace.root, own_files=(DATASET_FILE, DATASET_MANIFEST))
    for finding in listed.findings:
        if finding.level != "error":
            push.warn(str(finding))
    raise_first(listed.findings)
    if not listed.files:
        raise WorkflowError(
            f"{folder} holds no file to upload: put one there, or look at {tree.IGNORE_FILE}."
        )
    secrets_scan.refuse(secrets_workspace.of_folder(workspace, folder, listed.files, ref.slug))
    target = workspace.build / "datasets" / ref.slug
    entries = stage_codes.fill(target, listed.files, DATASET_MANIFEST, keep=(DATASET_FILE,))
    manifest = Manifest(workspace.id, "", entries)
    own = folder / DATASET_FILE
    raw = (
        json.loads(own.read_text(encoding="utf-8"))
        if own.is_file()
        else {"title": ref.slug, "licenses": [{"name": "CC0-1.0"}]}
    )
    stage_codes.write_if_changed(target / DATASET_FILE, json.dumps({**raw, "id": ref.name}, indent=2) + "\n")
    stage_codes.write_if_changed(target / DATASET_MANIFEST, manifest.dumps())
    return Payload(
        thing, ref, target, manifest, DATASET_MANIFEST, push.options.message or folder.name, listed.left_out
    )


def fingerprint_of(push: Push, ref: DatasetRef, there: Dataset, manifest_name: str) -> str | None:
    """The fingerprint of the current version: 12 digits from its notes, or all of it from its manifest; None for neither."""
    version = there.version(there.current)
    marker = _marker(version)
    if marker is not None:
        return marker
    manifest = manifest_of(push, ref, there.current, manifest_name)
    return manifest.fingerprint if manifest is not None else None


def manifest_of(push: Push, ref: DatasetRef, version: int | None, manifest_name: str) -> Manifest | None:
    """The manifest of a version on Kaggle, None when it has none of ours; what was read once is not asked for again."""
    known = push.known.of(ref.name, version).get("manifest")
    if isinstance(known, str):
        return Manifest.loads(known, ref.name)
    with scratch(push.workspace.build) as folder:
        try:
            push.kaggle.download_dataset_file(ref, version, manifest_name, folder / manifest_name)
            manifest = Manifest.load(folder / manifest_name)
        except (NotThere, Denied, ManifestError):
            return None
    if version is not None:
        push.known.note(ref.name, version, manifest=manifest.dumps())
    return manifest


def _settled(push: Push, payload: Payload, outcome: Outcome) -> Dataset | None:
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
            lambda show: _ready(push, payload.ref, show),
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
            lambda show: _current(push, payload.ref, intent.marker, intent.base, show),
        )
    except WaitedTooLong:
        if push.waits.cuts(limit):
            # It may still come: only the time that --limit gave is over.
            raise
        push.say(f"{payload.ref.name}: it did not arrive.")
    else:
        push.say(f"{payload.ref.name}: found as version {version}.")
        outcome.did = "found"
        outcome.notes.append("an earlier push had arrived")
    push.intents.close(payload.key)


def _same(push: Push, payload: Payload, there: Dataset | None) -> int | None:
    """The current version when it is what is staged; a newer one of ours that is still in processing is waited for."""
    if there is None or there.current is None:
        return None
    wanted = payload.manifest.fingerprint
    coming = [
        v
        for v in there.versions
        if v.number > (there.current or 0) and _marker(v) == short(wanted) and v.status not in _BAD
    ]
    if coming and not push.options.dry_run:
        base = coming[-1].number - 1
        number = push.waits.until(
            f"version {base + 1} of {payload.ref.name} is ready",
            PROCESSING_SECONDS,
            lambda show: _current(push, payload.ref, wanted, base, show),
        )
        return number if not _wrong(push, payload, number) else None
    found = fingerprint_of(push, payload.ref, there, payload.manifest_name)
    if found is None or short(found) != short(wanted):
        return None
    if not push.known.of(payload.ref.name, there.current).get("verified"):
        wrong = _wrong(push, payload, there.current)
        if wrong:
            push.say(
                f"{payload.ref.name} version {there.current} is not what was sent ({'; '.join(wrong[:3])}): sending it anew."
            )
            return None
    return there.current


def _check_ours(push: Push, payload: Payload, there: Dataset) -> None:
    """A dataset of that name that this workspace did not make is not touched unasked."""
    manifest = manifest_of(push, payload.ref, there.current, payload.manifest_name)
    # A version that was compared after an upload is ours, even when its manifest did not arrive whole.
    if (manifest is not None and manifest.workspace == push.workspace.id) or "verified" in push.known.of(
        payload.ref.name, there.current
    ):
        return
    whose = "was made by another workspace" if manifest is not None else "was not made by a workspace"
    push.refuse(
        "take-over",
        f"The dataset {payload.ref.name} exists and {whose}: choose another prefix, or make it this workspace's own",
    )


def _ask_about_unusual(push: Push, payload: Payload, there: Dataset | None) -> None:
    """Name what a code dataset rarely holds, and ask; raises Refused `large-files`."""
    manifest = (
        manifest_of(push, payload.ref, there.current, payload.manifest_name) if there is not None else None
    )
    told = unusual.of(payload.manifest.files, manifest.files if manifest is not None else ())
    if told is not None:
        push.refuse(
            "large-files",
            f"{told} would be sent with the codes: leave them out in {tree.IGNORE_FILE}, push them with push-model or push-dataset, or answer with --yes",
            expected=True,
        )


def _upload(push: Push, payload: Payload, there: Dataset | None, outcome: Outcome, *, public: bool) -> bool:
    """Send it; returns whether the answer was lost on the way."""
    size = sum(entry.size for entry in payload.entries)
    push.say(
        f"{payload.thing}: uploading {len(payload.entries)} files, {console.size(size)}, to {payload.ref.name}."
    )
    started = time.monotonic()
    push.intents.open(
        payload.key, payload.ref.name, payload.manifest.fingerprint, there.newest if there else 0, UPLOADING
    )
    lost = False
    try:
        notes = payload.notes if there is not None else None
        outcome.url = (
            push.kaggle.send_dataset(
                payload.folder, notes, lambda: push.intents.advance(payload.key, CREATING), public=public
            )
            or outcome.url
        )
        push.intents.advance(payload.key, SENT)
    except AnswerLost as error:
        intent = push.intents.read(payload.key)
        if intent is None or intent.step == UPLOADING:
            push.intents.close(payload.key)
            raise
        lost = True
        push.warn(f"{error}")
        push.say(f"{payload.ref.name}: whether it arrived is not known; asking Kaggle for its version.")
    except WorkflowError:
        push.intents.close(payload.key)
        raise
    outcome.seconds["upload"] = round(time.monotonic() - started, 2)
    return lost


def _await(push: Push, payload: Payload, base: int, outcome: Outcome, *, lost: bool) -> None:
    """Wait until the version is current and ready and shows its manifest, then compare."""
    started = time.monotonic()
    ref, wanted = payload.ref, payload.manifest.fingerprint
    try:
        version = push.waits.until(
            f"the new version of {ref.name} is current and ready",
            LATE_SECONDS if lost else PROCESSING_SECONDS,
            lambda show: _current(push, ref, wanted, base, show),
            at_once=lost,
        )
    except WaitedTooLong as error:
        if lost:
            raise Unreachable(
                f"Whether the new version of {ref.name} arrived is not known: run this again, Kaggle is asked before anything is sent."
            ) from error
        raise
    except KaggleRefused:
        push.intents.close(payload.key)
        raise
    wrong = push.waits.until(
        f"version {version} of {ref.name} shows its manifest",
        LATE_SECONDS,
        lambda _: _wrong_or_unlisted(push, payload, version),
    )
    outcome.version = version
    outcome.seconds["processing"] = round(time.monotonic() - started, 2)
    push.intents.close(payload.key)
    if wrong:
        raise KaggleRefused(
            f"Version {version} of {ref.name} is not what was sent ({'; '.join(wrong[:5])}): run this again to send it anew."
        )


def _current(push: Push, ref: DatasetRef, wanted: str, base: int, show: Show) -> int | None:
    """Number of the version with that fingerprint once it is current and ready; raises KaggleRefused when that will not happen.

    The status is asked for first: it is one short question, and while it says "not ready" no other is needed.
    """
    try:
        status = push.kaggle.dataset_status(ref)
    except (Denied, NotThere):
        show("not visible yet")
        return None
    if status in _BAD:
        raise KaggleRefused(
            f"Kaggle failed to process the new version of {ref.name} (status {status}): look at {push.kaggle.page(f'datasets/{ref.name}')}, then push again."
        )
    there = push.kaggle.dataset(ref) if status == "ready" else None
    if there is None or there.current is None or there.current <= base:
        # "ready" may speak of the version before this one.
        show("in processing" if status == "ready" else status)
        return None
    version = there.version(there.current)
    found = _marker(version)
    unmarked = found is None and (base == 0 or version is None)
    if found != short(wanted) and not unmarked:
        who = version.creator if version is not None else "somebody"
        raise KaggleRefused(
            f"Version {there.current} of {ref.name}, by {who}, is current in place of the one sent here: push again when they are done."
        )
    if version is not None and version.status not in ("ready", ""):
        show(version.status)
        return None
    return there.current


def _ready(push: Push, ref: DatasetRef, show: Show) -> Dataset | None:
    there = push.kaggle.dataset(ref)
    if there is not None and there.current is not None:
        return there
    try:
        status = push.kaggle.dataset_status(ref)
    except (Denied, NotThere):
        status = "not visible yet"
    if status in _BAD:
        raise KaggleRefused(
            f"Kaggle failed to process the first version of {ref.name}: delete it on {push.kaggle.page(f'datasets/{ref.name}')}, then push again."
        )
    show(status)
    return None


def _wrong_or_unlisted(push: Push, payload: Payload, version: int) -> list[str] | None:
    """What is wrong with a version; None while it shows no files."""
    try:
        listed = push.kaggle.dataset_files(payload.ref, version)
    except (NotThere, Denied):
        return None
    return _judge(push, payload, version, listed) if listed else None


def _wrong(push: Push, payload: Payload, version: int) -> list[str]:
    return _judge(push, payload, version, push.kaggle.dataset_files(payload.ref, version))


def _judge(push: Push, payload: Payload, version: int, listed: tuple[RemoteFile, ...]) -> list[str]:
    entries = payload.entries
    stated = next((file for file in listed if file.name == payload.manifest_name), None)
    if stated is not None:
        # The manifest also says which commit it was, so the same files may come with another manifest.
        entries = entries[:-1]
    comparison = arrived.compare(entries, [file for file in listed if file is not stated])

    def sha256_of(file: RemoteFile) -> str:
        with scratch(push.workspace.build) as folder:
            push.kaggle.download_dataset_file(payload.ref, version, file.name, folder / "file")
            return hash_file(folder / "file")

    wrong = arrived.problems(comparison, sha256_of)
    for note in arrived.notes(comparison):
        push.warn(note)
    push.known.note(
        payload.ref.name,
        version,
        verified=not wrong,
        **({"manifest": payload.manifest.dumps()} if not wrong else {}),
    )
    return wrong


def _list(push: Push, payload: Payload) -> None:
    rows = [(entry.path, console.size(entry.size)) for entry in payload.entries]
    if not push.options.quiet:
        console.table(f"would be sent to {payload.ref.name}", ("file", "size"), rows)
        told = unusual.of(payload.manifest.files, ())
        if told is not None and payload.thing == "codes":
            push.warn(f"{told} would be asked about.")
        if payload.left_out:
            push.say(f"left out, by .gitignore and {tree.IGNORE_FILE}: {', '.join(payload.left_out)}")


def _marker(version: DatasetVersion | None) -> str | None:
    match = _MARKER.search(version.notes) if version is not None else None
    return match["fingerprint"] if match else None
