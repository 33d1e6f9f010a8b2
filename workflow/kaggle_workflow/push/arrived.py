"""Compare an upload on Kaggle with what was sent: names and sizes first, contents where those don't decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim.manifest import FileEntry
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.stage import archives


@dataclass(frozen=True)
class Comparison:
    """The differences between an upload and Kaggle's list of its files.

    Attributes:
        missing: entries that no listed file can be.
        doubtful: entries listed with another size or without one, and the listed file.
        renamed: entries listed under another name, with the same size.
        packed: top-level folders that Kaggle left as a zip.
        lost: files of archives that Kaggle unpacked, and unreadable archives, that are not listed: uploading again would not
            help.
    """

    missing: tuple[FileEntry, ...]
    doubtful: tuple[tuple[FileEntry, RemoteFile], ...]
    renamed: tuple[FileEntry, ...]
    packed: tuple[str, ...]
    lost: tuple[str, ...] = ()


def compare(sent: Iterable[FileEntry], listed: Iterable[RemoteFile], folder: Path) -> Comparison:
    """Compare what was sent from `folder` with what is listed.

    Kaggle may change a name, leave a folder packed, and unpack an archive (reported by competitors).
    """
    by_name = {file.name: file for file in listed}
    entries = list(sent)
    sent_names = {entry.path for entry in entries}
    packed_sizes = {
        f.size for f in by_name.values() if f.name not in sent_names and archives.unpacked_name(f.name)
    }
    kept = {*by_name, *(entry.path for entry in entries if entry.size in packed_sizes)}
    unpacked = archives.unpacked_files(folder, entries, kept)
    members = [member for found in unpacked.values() for member in found]
    entries = [entry for entry in entries if not unpacked.get(entry.path)] + members
    inside = {member.path for member in members}
    expected = {entry.path for entry in entries}
    spare = [file for name, file in by_name.items() if name not in expected]
    missing, doubtful, renamed = [], [], []
    packed = {name.removesuffix(".zip") for name in by_name if name.endswith(".zip") and "/" not in name}
    for entry in entries:
        found = by_name.get(entry.path)
        if found is not None:
            if found.size != entry.size and not (found.size is None and entry.size == 0):
                doubtful.append((entry, found))
        elif entry.path.split("/")[0] in packed and "/" in entry.path:
            continue
        else:
            same = next((file for file in spare if file.size == entry.size), None)
            if same is None:
                missing.append(entry)
            else:
                spare.remove(same)
                if entry.path not in inside:
                    renamed.append(entry)
    tops = {entry.path.split("/")[0] for entry in entries if "/" in entry.path}
    lost = [entry for entry in missing if entry.path in inside or entry.path in unpacked]
    return Comparison(
        tuple(entry for entry in missing if entry not in lost),
        tuple(doubtful),
        tuple(renamed),
        tuple(sorted(packed & tops)),
        tuple(entry.path for entry in lost),
    )


def problems(comparison: Comparison, sha256_of: Callable[[RemoteFile], str]) -> list[str]:
    """What is wrong, one phrase for each file; `sha256_of` downloads a file whose size alone does not decide."""
    found = [f"{entry.path} is missing" for entry in comparison.missing]
    for entry, there in comparison.doubtful:
        if sha256_of(there) != entry.sha256:
            size = "different content" if there.size is None else f"{there.size} of {entry.size} bytes"
            found.append(f"{entry.path} has {size}")
    return found


def notes(comparison: Comparison) -> list[str]:
    """Changes by Kaggle that do no harm."""
    said = []
    if comparison.renamed:
        said.append(
            f"Kaggle renamed {_some([e.path for e in comparison.renamed])}; the notebook restores the names."
        )
    if comparison.packed:
        said.append(
            f"Kaggle left {_some([f'{name}.zip' for name in comparison.packed])} packed; the notebook unpacks it."
        )
    return said


def lost(comparison: Comparison) -> str | None:
    """Missing contents of archives, as the beginning of a sentence; None when nothing is missing."""
    if not comparison.lost:
        return None
    return f"Kaggle unpacked archives, and the dataset or model lacks {_some(list(comparison.lost))}"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"  # noqa: PLR2004 - three names are enough for a line
