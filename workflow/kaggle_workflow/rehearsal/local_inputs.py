"""Mounts of a rehearsal: a local folder for each attached source, in Kaggle's layout."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim import local, refs
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import DATASET_MANIFEST, MODEL_MANIFEST, Manifest
from kaggle_workflow import model_files
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.known import Known
from kaggle_workflow.rehearsal.inputs import SCRIPTS
from kaggle_workflow.rehearsal.sandbox import Mount
from kaggle_workflow.stage.hashes import Hashes

RERUN = "rerun"


@dataclass(frozen=True)
class Mounted:
    """What a rehearsal mounts, and notes about how it differs from Kaggle."""

    mounts: tuple[Mount, ...]
    notes: tuple[str, ...]


def gather(
    sources: Iterable[refs.Ref],
    root: Path,
    *,
    layout: str,
    made: dict[str, Path],
    without: frozenset[str],
    empty: Path,
    rerun: bool,
) -> Mounted:
    """Find a local folder for every attached source.

    Args:
        sources: what the metadata attaches.
        root: the workspace.
        layout: `namespaced` or `classic`.
        made: folders of what was staged or collected just now, by reference without version.
        without: references that get an empty folder.
        empty: that empty folder.
        rerun: whether `data/rerun` is laid over the competition's files.

    Raises:
        WorkflowError: sources without a local counterpart, all of them in one sentence with how to get each.
    """
    mounts: list[Mount] = []
    notes: list[str] = []
    missing: list[refs.Ref] = []
    for ref in sources:
        bare = getattr(ref, "name", str(ref))
        target = _target(ref, layout)
        folder = made.get(bare) or local.counterpart(ref, root) or _staged(ref, root)
        if isinstance(ref, refs.NotebookRef) and folder and local.is_utility_script(ref, folder):
            target = f"{SCRIPTS}/{ref.script_mount(layout)}"
        if bare in without or str(ref) in without:
            mounts.append(Mount(empty, target))
            notes.append(f"{ref} is an empty folder in this run.")
            continue
        if folder is None:
            missing.append(ref)
            continue
        if (
            isinstance(ref, refs.ModelRef)
            and "working" in folder.relative_to(local.data_folder(root)).parts[:1]
        ):
            notes += _not_as_pushed(ref, folder, root)
        mounts += _as_uploaded(ref, folder, target)
        if rerun and isinstance(ref, refs.CompetitionRef):
            laid = _laid_over(ref, root, target)
            mounts += laid
            notes.append(
                f"{len(laid)} files from data/rerun replace or extend those of {ref}."
                if laid
                else f"data/rerun has no files for {ref}, so this run uses the public ones."
            )
    if missing:
        raise WorkflowError(_missing(missing, root))
    return Mounted(tuple(mounts), tuple(notes))


def _staged(ref: refs.Ref, root: Path) -> Path | None:
    """A dataset of this workspace, as push-dataset staged it last, None when it was not pushed from this machine."""
    if not isinstance(ref, refs.DatasetRef):
        return None
    folder = root / "build" / "datasets" / ref.slug
    try:
        return folder if Manifest.load(folder / DATASET_MANIFEST).handle == ref.name else None
    except ManifestError:
        return None


def _as_uploaded(ref: refs.Ref, folder: Path, target: str) -> list[Mount]:
    """The folder, or file by file what of it is uploaded where a file of a model's folder is left out."""
    if not isinstance(ref, refs.ModelRef):
        return [Mount(folder, target)]
    sent = {*model_files.paths(folder, (*model_files.IGNORED, *_pushed(folder).ignore)), MODEL_MANIFEST}
    if all(file.relative_to(folder).as_posix() in sent for file in folder.rglob("*") if file.is_file()):
        return [Mount(folder, target)]
    return [Mount(folder / path, f"{target}/{path}") for path in sorted(sent) if (folder / path).is_file()]


def _pushed(folder: Path) -> Manifest:
    """What was pushed from a folder of weights last; an empty manifest before the first time."""
    try:
        return Manifest.load(folder / MODEL_MANIFEST)
    except ManifestError:
        return Manifest("", "", ())


def _not_as_pushed(ref: refs.ModelRef, folder: Path, root: Path) -> list[str]:
    """Notes about weights that differ from the pushed ones."""
    pushed = Known(root / "build").manifest(ref.name, ref.version) or _pushed(folder)
    sent = model_files.paths(folder, (*model_files.IGNORED, *pushed.ignore))
    if not pushed.files:
        return [f"{ref} is {folder}, which hasn't been pushed yet."]
    hashes = Hashes(root / "build" / "known" / "hashes.json")
    here = {path: hashes.sha256(folder / path) for path in sent}
    if here == {entry.path: entry.sha256 for entry in pushed.files}:
        return []
    return [f"{ref} is {folder}, which changed after it was pushed: Kaggle mounts the pushed version."]


def _target(ref: refs.Ref, layout: str) -> str:
    if layout not in refs.LAYOUTS:
        raise WorkflowError(f"Unknown layout {layout!r}: use {' or '.join(refs.LAYOUTS)}.")
    return ref.mount(layout)


def check_names(without: frozenset[str], sources: Iterable[refs.Ref]) -> None:
    """Raise WorkflowError for a name in `without` that no source has."""
    sources = list(sources)
    known = {str(ref) for ref in sources} | {getattr(ref, "name", str(ref)) for ref in sources}
    for name in sorted(without - known):
        raise WorkflowError(
            f"--without {name}: no such source is attached. Attached: {', '.join(sorted(str(ref) for ref in sources))}."
        )


def _laid_over(ref: refs.CompetitionRef, root: Path, target: str) -> list[Mount]:
    over = local.data_folder(root) / RERUN / "competitions" / ref.slug
    found = []
    for parent, _, names in os.walk(over):
        for name in sorted(names):
            path = Path(parent, name)
            found.append(Mount(path, f"{target}/{path.relative_to(over).as_posix()}"))
    return found


def _missing(missing: list[refs.Ref], root: Path) -> str:
    data = local.data_folder(root)
    shown = data.relative_to(root) if data.is_relative_to(root) else data
    competition = next((ref for ref in missing if isinstance(ref, refs.CompetitionRef)), None)
    if competition is not None and len(missing) == 1:
        return (
            f"The data of {competition} is not on this machine: `invoke data` downloads it to {shown}/competitions/{competition} "
            "(or copy it there). The template's example (`-d example=cmi-sleep`) has its own data."
        )
    named = "; ".join(f"the {ref.kind} {ref} belongs in {shown}/{ref.mount('namespaced')}" for ref in missing)
    return f"Attached, but not on this machine: {named}. Download with `invoke data` and `invoke data --attached`, or leave one out with --without."
