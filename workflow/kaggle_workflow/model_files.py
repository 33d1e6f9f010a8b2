"""Files of a folder of weights that are uploaded as a model."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable
from pathlib import Path

from kaggle_shim.manifest import MODEL_MANIFEST, FileEntry, Manifest
from kaggle_workflow import names, progress
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import UNFINISHED
from kaggle_workflow.stage import archives, stand_ins
from kaggle_workflow.stage.hashes import Hashes

# The first four are kagglehub's (1.0.2); the rest is never part of weights.
IGNORED = (
    UNFINISHED,
    f"*/{UNFINISHED}",
    ".git/",
    "*/.git/",
    ".cache/",
    ".huggingface/",
    "__pycache__/",
    "*/__pycache__/",
    ".ipynb_checkpoints/",
    ".DS_Store",
    "*.tmp",
    "kaggle.json",
    "access_token",
    ".env",
)


def list_files(
    folder: Path, patterns: tuple[str, ...], workspace: str, hashes: Path | None = None
) -> Manifest:
    """The manifest of the files to upload; `hashes` is a file that caches their hashes."""
    if not folder.is_dir():
        raise WorkflowError(f"{folder} is not a folder: name the folder with the weights.")
    known = Hashes(hashes)
    entries = []
    sent = paths(folder, patterns)
    reading = progress.Progress("fingerprint", len(sent))
    for number, path in enumerate(sent, 1):
        reading.at(number)
        entries.append(FileEntry(path, (folder / path).stat().st_size, known.sha256(folder / path)))
    known.save()
    if not entries:
        raise WorkflowError(f"{folder} has no files to upload: train first, or fix the --ignore patterns.")
    return Manifest(workspace, "", tuple(sorted(entries, key=lambda entry: entry.path.encode())))


def told(folder: Path, sent: Iterable[str]) -> tuple[list[str], list[str]]:
    """Sentences about files that stand in for the real ones (such as LFS pointers), and about archives."""
    standing, packed = [], []
    for path in sent:
        about = stand_ins.problem(folder / path, (folder / path).stat().st_size)
        if about is not None:
            standing.append(f"{path}: {about}")
        if archives.is_archive(folder / path):
            packed.append(f"{path}: {archives.warning(path)}")
    return standing, packed


def paths(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    """The files to upload, relative (posix), without our manifest; raises WorkflowError for a link out of the folder."""
    wild = [pattern + "*" if pattern.endswith("/") else pattern for pattern in patterns]
    found = []
    for parent, _, entries in os.walk(folder):
        for name in entries:
            path = Path(parent, name)
            inside = path.relative_to(folder)
            if any(fnmatch.fnmatch(str(inside), pattern) for pattern in wild):
                continue
            if path.is_symlink() and stand_ins.annexed(path):
                raise WorkflowError(
                    f"{path}: git-annex has not fetched its content: run `git annex get {name}`, or exclude the link with --ignore."
                )
            if path.is_file() and inside.as_posix() != MODEL_MANIFEST:
                if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                    raise WorkflowError(
                        f"{path} links to a file outside the folder ({path.resolve().name}): copy that file here, or exclude the link with --ignore."
                    )
                if not names.is_text(inside.as_posix()):
                    raise WorkflowError(f"{str(path)!a}: its name is not valid UTF-8: rename it.")
                found.append(inside.as_posix())
    return sorted(found, key=str.encode)
