"""Identify the versions of a dataset on Kaggle, by the fingerprint in their notes or by their manifest."""

from __future__ import annotations

import re
from dataclasses import replace

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import DATASET_MANIFEST, Manifest, short
from kaggle_shim.refs import DatasetRef
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Dataset, DatasetVersion, RemoteFile
from kaggle_workflow.push.dataset_payload import Payload
from kaggle_workflow.push.session import Push

_MARKER = re.compile(r"\[(?:codes|dataset|wheels):(?P<fingerprint>[0-9a-f]{12})\]\s*\Z")


def marker(version: DatasetVersion | None) -> str | None:
    """The fingerprint at the end of a version's notes (12 hex digits), None when there is none."""
    match = _MARKER.search(version.notes) if version is not None else None
    return match["fingerprint"] if match else None


def fingerprint_of(push: Push, ref: DatasetRef, there: Dataset, manifest_name: str) -> str | None:
    """The fingerprint of the current version: 12 digits from its notes, or all of it from its manifest; None for neither."""
    version = there.version(there.current)
    told = marker(version)
    if told is not None:
        return told
    manifest = manifest_of(push, ref, there.current, manifest_name)
    return manifest.fingerprint if manifest is not None else None


def manifest_of(push: Push, ref: DatasetRef, version: int | None, manifest_name: str) -> Manifest | None:
    """The manifest of a version on Kaggle, None when it has none of ours; cached after the first read."""
    known = push.known.of(ref.name, version).get("manifest")
    if isinstance(known, str):
        return Manifest.loads(known, ref.name)
    with scratch(push.workspace.build) as folder:
        try:
            push.kaggle.fetch_dataset_file(ref, version, RemoteFile(manifest_name), folder / manifest_name)
            manifest = Manifest.load(folder / manifest_name)
        except (NotThere, Denied, ManifestError):
            return None
    if version is not None:
        push.known.note(ref.name, version, manifest=manifest.dumps())
    return manifest


def with_fingerprint(push: Push, ref: DatasetRef, fingerprint: str) -> tuple[DatasetRef, Manifest] | None:
    """The newest version with these files and its manifest; None when no such version exists now."""
    there = push.kaggle.dataset(ref)
    for version in reversed(there.versions if there is not None else ()):
        if marker(version) in (None, short(fingerprint)):
            manifest = manifest_of(push, ref, version.number, DATASET_MANIFEST)
            if manifest is not None and manifest.fingerprint == fingerprint:
                return replace(ref, version=version.number), manifest
    return None


def check_ours(push: Push, payload: Payload, there: Dataset) -> None:
    """Ask before a version is added to a dataset that this workspace did not make; raises Refused `take-over`."""
    manifest = manifest_of(push, payload.ref, there.current, payload.manifest_name)
    # A version that was compared after an upload is ours, even when its manifest did not arrive whole.
    if (manifest is not None and manifest.workspace == push.workspace.id) or "verified" in push.known.of(
        payload.ref.name, there.current
    ):
        return
    whose = "was made by another workspace" if manifest is not None else "was not made by a workspace"
    push.refuse(
        "take-over",
        f"The dataset {payload.ref.name} exists and {whose}: choose another prefix, or take it over",
    )
