"""Whether an upload is on Kaggle as it was sent: names and sizes first, contents where those leave a doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kaggle_shim.manifest import FileEntry
from kaggle_workflow.kaggle.values import RemoteFile


@dataclass(frozen=True)
class Comparison:
    """What a listing says about an upload.

    Attributes:
        missing: entries that nothing in the listing can be.
        doubtful: entries that are listed with another size, or without one, and what they are listed as.
        renamed: entries that are there under another name of the same size.
        packed: top-level folders that Kaggle left as a zip.
    """

    missing: tuple[FileEntry, ...]
    doubtful: tuple[tuple[FileEntry, RemoteFile], ...]
    renamed: tuple[FileEntry, ...]
    packed: tuple[str, ...]


def compare(sent: Iterable[FileEntry], listed: Iterable[RemoteFile]) -> Comparison:
    """Hold what was sent against what is listed; a name may be damaged and a folder stay packed (seen by competitors)."""
    by_name = {file.name: file for file in listed}
    entries = list(sent)
    spare = [file for name, file in by_name.items() if name not in {entry.path for entry in entries}]
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
                renamed.append(entry)
    tops = {entry.path.split("/")[0] for entry in entries if "/" in entry.path}
    return Comparison(tuple(missing), tuple(doubtful), tuple(renamed), tuple(sorted(packed & tops)))


def problems(comparison: Comparison, sha256_of: Callable[[RemoteFile], str]) -> list[str]:
    """What is wrong, one phrase for each file; `sha256_of` fetches a file where the size alone does not decide."""
    found = [f"{entry.path} is missing" for entry in comparison.missing]
    for entry, there in comparison.doubtful:
        if sha256_of(there) != entry.sha256:
            size = "another content" if there.size is None else f"{there.size} of {entry.size} bytes"
            found.append(f"{entry.path} has {size}")
    return found


def notes(comparison: Comparison) -> list[str]:
    """What is worth knowing though nothing is wrong."""
    said = []
    if comparison.renamed:
        said.append(
            f"Kaggle changed the names of {_some([e.path for e in comparison.renamed])}; the notebook puts them back by their content."
        )
    if comparison.packed:
        said.append(
            f"Kaggle left {_some([f'{name}.zip' for name in comparison.packed])} packed; the notebook unpacks it."
        )
    return said


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"  # noqa: PLR2004 - three names are enough for a line
