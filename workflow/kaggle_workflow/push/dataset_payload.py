"""A folder staged as a dataset, and the marker that identifies its version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim.manifest import DATASET_MANIFEST, FileEntry, Manifest, hash_file, short
from kaggle_shim.refs import DatasetRef
from kaggle_workflow import console
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import Finding, raise_first
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import tree
from kaggle_workflow.stage.stand_ins import WEIGHTS

_LONGEST_MESSAGE = 200
_LARGE = 100_000_000
# A smaller table or checkpoint is a fixture or a vocabulary.
_SMALL = 1_000_000
_DATA = frozenset(
    [".csv", ".tsv", ".parquet", ".feather", ".arrow", ".npy", ".npz", ".h5", ".hdf5", ".jsonl", ".tfrecord"]
)
_NAMED = 5


@dataclass(frozen=True)
class Payload:
    """A staged dataset.

    Attributes:
        thing: `codes`, `wheels` or `dataset`: the word in the marker.
        ref: the dataset.
        folder: what is sent, with its metadata and its manifest.
        manifest: the manifest.
        manifest_name: its file name.
        message: notes of the version, before the marker.
        left_out: what ignore files exclude.
        unsearched: warnings about files that can't be searched for credentials.
        findings: other findings about its files.
    """

    thing: str
    ref: DatasetRef
    folder: Path
    manifest: Manifest
    manifest_name: str
    message: str
    left_out: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def key(self) -> str:
        """Its name among the intents."""
        return f"{self.thing}--{self.ref.name}"

    @property
    def notes(self) -> str:
        """Notes of the version: the message, and the marker with the fingerprint."""
        return f"{self.message[:_LONGEST_MESSAGE]} [{self.thing}:{short(self.manifest.fingerprint)}]".strip()

    @property
    def public(self) -> bool:
        """Whether its metadata makes it public."""
        raw = json.loads((self.folder / DATASET_FILE).read_text(encoding="utf-8"))
        return str(raw.get("isPrivate", raw.get("is_private", True))).lower() == "false"

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """Every file that is sent, the manifest last."""
        path = self.folder / self.manifest_name
        return (*self.manifest.files, FileEntry(self.manifest_name, path.stat().st_size, hash_file(path)))


def stage_folder(push: Push, folder: Path, ref: DatasetRef, thing: str = "dataset") -> Payload:
    """Stage any folder as a dataset; a `dataset-metadata.json` in it is used, otherwise one is made.

    Raises:
        WorkflowError: a file of it can't be uploaded, or there is none.
    """
    workspace = push.workspace
    listed = tree.list_files(folder, workspace.root, own_files=(DATASET_FILE, DATASET_MANIFEST))
    raise_first(listed.findings)
    if not listed.files:
        raise WorkflowError(f"{folder} has no files to upload: add one, or check {tree.IGNORE_FILE}.")
    unsearched = secrets_scan.refuse(
        secrets_workspace.search_files(
            workspace, folder, ((one.path, one.source) for one in listed.files), ref.slug
        )
    )
    target = workspace.build / "datasets" / ref.slug
    entries = stage_codes.fill(target, listed.files, DATASET_MANIFEST, keep=(DATASET_FILE,))
    manifest = Manifest(
        workspace.id,
        "",
        entries,
        handle=ref.name,
        folder=workspace.inside(folder) if thing == "dataset" else "",
    )
    own = folder / DATASET_FILE
    raw = (
        json.loads(own.read_text(encoding="utf-8"))
        if own.is_file()
        else {"title": ref.slug, "licenses": [{"name": "CC0-1.0"}]}
    )
    stage_codes.write_if_changed(target / DATASET_FILE, json.dumps({**raw, "id": ref.name}, indent=2) + "\n")
    stage_codes.write_if_changed(target / DATASET_MANIFEST, manifest.dumps())
    return Payload(
        thing,
        ref,
        target,
        manifest,
        DATASET_MANIFEST,
        push.options.message or folder.name,
        listed.left_out,
        unsearched,
        listed.findings,
    )


def unusual_files(entries: Iterable[FileEntry], known: Iterable[FileEntry]) -> str | None:
    """The unusual files, as the beginning of a sentence; None when there are none.

    Args:
        entries: what would be sent.
        known: files of the current version on Kaggle, which were confirmed before.
    """
    there = {(entry.path, entry.sha256) for entry in known}
    found = [(entry, _kind_of(entry)) for entry in entries if (entry.path, entry.sha256) not in there]
    told = [f"{entry.path} ({kind}, {console.size(entry.size)})" for entry, kind in found if kind]
    if not told:
        return None
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"{', '.join(told[:_NAMED])}{more}"


def _kind_of(entry: FileEntry) -> str:
    suffix = "." + entry.path.rsplit(".", 1)[-1].lower()
    if entry.size > _SMALL and suffix in _DATA:
        return "data"
    if entry.size > _SMALL and suffix in WEIGHTS:
        return "weights"
    return "large" if entry.size > _LARGE else ""
