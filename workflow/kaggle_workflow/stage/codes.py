"""`build/codes`: the code dataset, byte for byte as it is uploaded, mounted in rehearsal, or packed into the notebook.

A second staging copies and hashes only what changed: a staged file keeps the time of its source, and the last manifest
its SHA-256.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, FileEntry, Manifest, hash_file
from kaggle_workflow import git, progress, stamps
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import remove_tree, write_text
from kaggle_workflow.findings import Finding, raise_first
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.stage import tree
from kaggle_workflow.workspace import CODES, Workspace

# Nanoseconds that a staged file's time differs by where another edit could leave the source's time unchanged.
_OTHER = 100_000 * 10**9


@dataclass(frozen=True)
class Staged:
    """A staged dataset: its folder, its manifest, what was left out, what to report about its files, and its commit."""

    folder: Path
    manifest: Manifest
    left_out: tuple[str, ...]
    unsearched: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    commit: git.State | None = None


def stage(workspace: Workspace, competition: str | None) -> Staged:
    """Bring `build/codes` up to date.

    Args:
        workspace: the workspace.
        competition: slug of the competition, for the manifest.

    Raises:
        WorkflowError: the metadata or a file of the code tree can't be used; nothing is staged then.
    """
    source = workspace.root / CODES
    listed = tree.list_files(source, workspace.root, own_files=(DATASET_FILE, CODES_MANIFEST))
    raise_first(listed.findings)
    unsearched = secrets_scan.refuse(
        secrets_workspace.search_files(
            workspace, source, ((one.path, one.source) for one in listed.files), CODES
        )
    )
    if not listed.files:
        raise WorkflowError(
            f"{CODES}/ has no files to upload. Write an entry point there, or check {tree.IGNORE_FILE}."
        )
    raw: dict[str, Any] = {**workspace.codes.raw, "id": str(workspace.codes.id)}
    about = git.state(workspace.root, workspace.sent_paths())
    folder = workspace.build / CODES
    entries = fill(folder, listed.files, CODES_MANIFEST, keep=(DATASET_FILE,))
    manifest = Manifest(
        workspace.id,
        competition or "",
        entries,
        about.commit if about else None,
        about.dirty if about else None,
    )
    write_if_changed(folder / DATASET_FILE, json.dumps(raw, indent=2, ensure_ascii=False) + "\n")
    write_if_changed(folder / CODES_MANIFEST, manifest.dumps())
    return Staged(folder, manifest, listed.left_out, unsearched, listed.findings, about)


def fill(
    folder: Path, files: tuple[tree.SourceFile, ...], manifest_name: str, keep: tuple[str, ...] = ()
) -> tuple[FileEntry, ...]:
    """Make `folder` hold exactly `files`, and return them with their hashes.

    Args:
        folder: where they are staged.
        files: what belongs there.
        manifest_name: the last staging's manifest, which vouches for what has not changed since.
        keep: other files of ours to leave alone.
    """
    known = _known(folder / manifest_name)
    wanted = {file.path for file in files} | {manifest_name, *keep}
    _remove_others(folder, wanted)
    # The manifest is written last: an interrupted staging starts over.
    (folder / manifest_name).unlink(missing_ok=True)
    entries = []
    staging = progress.Progress("staging", len(files))
    for number, file in enumerate(files, 1):
        staging.at(number)
        target = folder / file.path
        entry = known.get(file.path)
        if entry is None or not _same(target, file) or entry.size != file.size:
            progress.large("staging", file.path, file.size)
            target.parent.mkdir(parents=True, exist_ok=True)
            settled = stamps.settled(file.mtime_ns, time.time_ns())
            shutil.copyfile(file.source, target)
            vouched = file.mtime_ns if settled else file.mtime_ns - _OTHER
            os.utime(target, ns=(vouched, vouched))
            entry = FileEntry(file.path, target.stat().st_size, hash_file(target))
        entries.append(entry)
    return tuple(entries)


def write_if_changed(path: Path, text: str) -> None:
    """Write a text file unless it already has that text."""
    if not path.is_file() or path.read_bytes() != text.encode("utf-8"):
        write_text(path, text)


def _known(manifest: Path) -> dict[str, FileEntry]:
    try:
        return {entry.path: entry for entry in Manifest.load(manifest).files}
    except ManifestError:
        return {}


def _same(target: Path, file: tree.SourceFile) -> bool:
    """Whether the staged file is still a copy of its source: size and time are the same (see `fill`)."""
    if target.is_symlink() or not target.is_file():
        return False
    about = target.stat()
    return about.st_size == file.size and about.st_mtime_ns == file.mtime_ns


def _remove_others(folder: Path, wanted: set[str]) -> None:
    for parent, folders, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent, name)
            if path.relative_to(folder).as_posix() not in wanted:
                path.unlink()
        for name in folders:
            path = Path(parent, name)
            if path.is_symlink():
                path.unlink()
            elif not any(path.iterdir()):
                remove_tree(path)
