"""What is rarely meant to be in a code dataset: huge files, data, checkpoints. Named and asked about before the first byte."""

from __future__ import annotations

from collections.abc import Iterable

from kaggle_shim.manifest import FileEntry
from kaggle_workflow import console
from kaggle_workflow.stage.stand_ins import WEIGHTS

LARGE = 100_000_000
# A table or a checkpoint below this is a fixture or a vocabulary, and nobody's accident.
_SMALL = 1_000_000
_DATA = (
    ".csv",
    ".tsv",
    ".parquet",
    ".feather",
    ".arrow",
    ".npy",
    ".npz",
    ".h5",
    ".hdf5",
    ".jsonl",
    ".tfrecord",
)
_NAMED = 5


def of(entries: Iterable[FileEntry], known: Iterable[FileEntry]) -> str | None:
    """What deserves a question, as the beginning of a sentence; None for nothing.

    Args:
        entries: what would be sent.
        known: what the current version on Kaggle holds: that was asked about when it was sent first.
    """
    there = {(entry.path, entry.sha256) for entry in known}
    found = [(entry, _kind(entry)) for entry in entries if (entry.path, entry.sha256) not in there]
    told = [f"{entry.path} ({kind}, {console.size(entry.size)})" for entry, kind in found if kind]
    if not told:
        return None
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f"{', '.join(told[:_NAMED])}{more}"


def _kind(entry: FileEntry) -> str:
    suffix = "." + entry.path.rsplit(".", 1)[-1].lower()
    if entry.size > _SMALL and suffix in _DATA:
        return "data"
    if entry.size > _SMALL and suffix in WEIGHTS:
        return "weights"
    return "large" if entry.size > LARGE else ""
