"""The planned inputs: where each one is mounted, whether it is the one that was staged, and the codes on local disk."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from kaggle_shim import codes, mounts
from kaggle_shim.context import Context
from kaggle_shim.errors import EntryPointError, ManifestError, MountError
from kaggle_shim.manifest import (
    CODES_MANIFEST,
    DATASET_MANIFEST,
    DEPS_MANIFEST,
    MODEL_MANIFEST,
    Manifest,
    short,
)
from kaggle_shim.plan import PLAN_VARIABLE, Input
from kaggle_shim.refs import CompetitionRef, NotebookRef
from kaggle_shim.report import REPORT_NAME

# Compare names and sizes of at most this many files of a source, the largest first: each costs a call to a slow mount.
_COMPARED = 200
# Names that Kaggle doesn't change.
_KEPT = re.compile(r"[A-Za-z0-9._/-]+\Z")


def find_all(run: Context) -> dict[Input, Path]:
    """The folder of every planned input; an upload of the workspace must have the planned fingerprint."""
    folders = {}
    for one in run.plan.inputs:
        found = _locate(run, one)
        if found.note:
            run.report.warn(found.note)
        folders[one] = found.path
        if one.role == "data" and one.fingerprint is not None:
            _compare(run, found.path, _marker(one))
    run.report.values["inputs"] = [
        {"ref": str(one.ref), "kind": one.ref.kind, "path": str(path), "fingerprint": one.fingerprint}
        for one, path in folders.items()
    ]
    return folders


def competition_folder(run: Context, folders: Mapping[Input, Path]) -> Path | None:
    """The folder of the competition that the plan names, None when it names none."""
    for one, path in folders.items():
        if isinstance(one.ref, CompetitionRef) and one.ref.slug == run.plan.competition:
            return path
    return None


def utility_scripts(run: Context, folders: Mapping[Input, Path]) -> list[Path]:
    """The folders of attached utility scripts, which the entry point imports from."""
    root = mounts.script_root(run.root)
    return [path for path in folders.values() if path.is_relative_to(root)]


def _locate(run: Context, one: Input) -> mounts.Found:
    if one.fingerprint is None:
        return mounts.locate(one.ref, run.root)
    if isinstance(one.ref, NotebookRef) and one.role == "data":
        return _output(run, one.ref, one.fingerprint)
    others = [other.ref for other in run.plan.inputs]
    try:
        return mounts.locate_ours(one.ref, run.root, _marker(one), one.fingerprint, others)
    except MountError as error:
        try:
            anyway = mounts.locate(one.ref, run.root)
        except MountError:
            raise error from None
        run.fault(error)
        return anyway


def _output(run: Context, ref: NotebookRef, fingerprint: str) -> mounts.Found:
    """The output of a sweep's job: its run report must name these codes."""
    found = mounts.locate(ref, run.root)
    try:
        report = json.loads((found.path / REPORT_NAME).read_text(encoding="utf-8"))
        ran = str(report["codes"]["fingerprint"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        ran = "unknown"
    if ran != fingerprint:
        run.fault(
            MountError(
                f"{ref} is mounted with different content than was planned: the codes of that run are {short(ran)}, not "
                f"{short(fingerprint)}. Kaggle attached another version."
            )
        )
    return found


def _compare(run: Context, folder: Path, marker: str) -> None:
    """Compare names and sizes with the manifest: weights are too large to be hashed on a slow mount."""
    if not (folder / marker).is_file():
        # `_locate` has warned already that something else is mounted there.
        return
    try:
        files = Manifest.load(folder / marker).files
    except ManifestError as unreadable:
        run.fault(unreadable)
        return
    for entry in sorted(files, key=lambda entry: entry.size, reverse=True)[:_COMPARED]:
        path = folder / entry.path
        if path.is_file() and path.stat().st_size == entry.size:
            continue
        error = ManifestError(codes.difference(folder, entry))
        if path.is_dir() or (
            not path.is_file() and (entry.path.endswith(codes.ARCHIVES) or not _KEPT.match(entry.path))
        ):
            # Unpacked or renamed by Kaggle, and perhaps read from where it is now: only the entry point knows.
            run.report.warn(str(error))
        else:
            run.fault(error)


def copy_codes(run: Context, folders: Mapping[Input, Path]) -> Path:
    """Copy the code tree to local disk, where it is writable; returns its folder."""
    tree = run.scratch / "codes"
    # Without a code dataset, the first cell has unpacked the codes beside the plan.
    inline = Path(os.environ[PLAN_VARIABLE]).parent / "codes"
    source = next((path for one, path in folders.items() if one.role == "codes"), inline)
    try:
        try:
            manifest, notes = codes.materialise(source, tree)
        except ManifestError as error:
            import shutil

            run.fault(error)
            shutil.copytree(source, tree, dirs_exist_ok=True)
            return tree
    except OSError as error:
        raise EntryPointError(
            f"The codes can't be copied from {source} to {tree} ({error.strerror or error}): check whether that disk is full "
            "and the input still mounted, then run this again."
        ) from error
    for note in notes:
        run.report.warn(note)
    run.report.values["codes"] = {
        "fingerprint": manifest.fingerprint,
        "commit": manifest.commit,
        "dirty": manifest.dirty,
        "files": len(manifest.files),
    }
    number = len(manifest.files)
    run.report.say(f"codes {short(manifest.fingerprint)}: {number} file{'s' if number != 1 else ''}.")
    return tree


def _marker(one: Input) -> str:
    data = MODEL_MANIFEST if one.ref.kind == "model" else DATASET_MANIFEST
    return {"codes": CODES_MANIFEST, "wheels": DEPS_MANIFEST}.get(one.role, data)
