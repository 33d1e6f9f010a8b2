"""Models and datasets that a notebook attaches and this workspace pushed: whether their local folders still hold what Kaggle has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kaggle_shim import local
from kaggle_shim.manifest import DATASET_MANIFEST, FileEntry, Manifest
from kaggle_shim.refs import DatasetRef, ModelRef
from kaggle_workflow import console, model_files
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.stage import tree
from kaggle_workflow.stage.hashes import Hashes
from kaggle_workflow.workspace import Workspace

_NAMED = 3


@dataclass(frozen=True)
class Stale:
    """A local folder that differs from what is attached.

    Attributes:
        ref: what is attached, with its version where one is named.
        folder: the local folder.
        shown: the folder as sentences name it.
        changed: files that differ, were added or are gone.
        files: how many files an upload would have now.
        size: their bytes.
    """

    ref: ModelRef | DatasetRef
    folder: Path
    shown: str
    changed: tuple[str, ...]
    files: int
    size: int

    @property
    def command(self) -> str:
        """What pushes the folder."""
        if isinstance(self.ref, ModelRef):
            return f"invoke push-model --path {self.shown} --handle {self.ref.name}"
        return f"invoke push-dataset --path {self.shown} --id {self.ref.name}"

    def __str__(self) -> str:
        more = f" and {len(self.changed) - _NAMED} more" if len(self.changed) > _NAMED else ""
        return (
            f"{self.shown} changed since it was pushed as {self.ref} ({', '.join(self.changed[:_NAMED])}{more}; now "
            f"{self.files} files, {console.size(self.size)}), and a run on Kaggle uses what was pushed"
        )


def folder_of(workspace: Workspace, ref: ModelRef | DatasetRef, manifest: Manifest) -> Path | None:
    """The local folder that a version was pushed from, None when it is not on this machine."""
    named = workspace.root / manifest.folder
    ours = manifest.workspace == workspace.id and named.resolve().is_relative_to(workspace.root.resolve())
    if manifest.folder and ours and named.is_dir():
        return named
    return local.weights_of(ref, local.data_folder(workspace.root)) if isinstance(ref, ModelRef) else None


def stale(workspace: Workspace, ref: ModelRef | DatasetRef, manifest: Manifest) -> Stale | None:
    """What differs between a version on Kaggle and the folder it came from; None for nothing, or without such a folder.

    Raises:
        WorkflowError: the folder can't be read as an upload.
    """
    folder = folder_of(workspace, ref, manifest)
    if folder is None:
        return None
    if isinstance(ref, ModelRef):
        patterns = (*model_files.IGNORED, *manifest.ignore)
        paths = {path: folder / path for path in model_files.paths(folder, patterns)}
    else:
        listed = tree.list_files(folder, workspace.root, own_files=(DATASET_FILE, DATASET_MANIFEST))
        paths = {file.path: file.source for file in listed.files}
    if not paths:
        return None
    hashes = Hashes(workspace.build / "known" / "hashes.json")
    try:
        here = {
            path: FileEntry(path, file.stat().st_size, hashes.sha256(file)) for path, file in paths.items()
        }
    except OSError as error:
        raise WorkflowError(
            f"{folder} can't be compared with {ref} ({error}): is it being written?"
        ) from error
    hashes.save()
    there = {entry.path: entry for entry in manifest.files}
    changed = tuple(path for path in sorted({*here, *there}) if here.get(path) != there.get(path))
    if not changed:
        return None
    shown = folder.relative_to(workspace.root) if folder.is_relative_to(workspace.root) else folder
    return Stale(
        ref, folder, shown.as_posix(), changed, len(here), sum(entry.size for entry in here.values())
    )
