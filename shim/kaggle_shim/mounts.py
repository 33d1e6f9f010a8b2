"""Find an attached source, in whichever layout Kaggle mounts it.

`/kaggle/input` is a slow network file system (a recursive glob took 144 s on one competition, as competitors report), so
only the few places that a reference names are checked. An upload of the workspace carries a manifest, so it is also searched
for breadth-first in a few hundred folders, never inside a competition's data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kaggle_shim.errors import MountError
from kaggle_shim.refs import CompetitionRef, ModelRef, NotebookRef, Ref

INPUT_VARIABLE = "KAGGLE_SHIM_INPUT"

# Most folders that one search lists, and most entries of each: a dataset of ten thousand folders must not cost a minute.
_FOLDERS = 400
_ENTRIES = 200
_SHOWN = 8


@dataclass(frozen=True)
class Found:
    """A mounted source: its folder, and a warning when the choice was ambiguous."""

    path: Path
    note: str | None = None


def input_root() -> Path:
    """The folder below which sources are mounted: `KAGGLE_SHIM_INPUT`, or Kaggle's own."""
    return Path(os.environ.get(INPUT_VARIABLE) or "/kaggle/input")


def script_root(root: Path) -> Path:
    """The folder below which utility scripts are mounted, beside the input root: `/kaggle/usr/lib`."""
    return root.parent / "usr" / "lib"


def locate(ref: Ref, root: Path) -> Found:
    """Find a mounted source at the places that its reference names; raises MountError.

    A model reference without a version needs exactly one mounted version.
    """
    places = _distinct(root / place for place in ref.candidates())
    if not places and isinstance(ref, NotebookRef):
        places = _distinct(script_root(root) / place for place in ref.script_candidates())
    if not places:
        raise MountError(_missing(ref, root))
    place, *others = places
    note = None
    if others:
        note = f"{ref} is mounted in several places: using {place}, not {', '.join(map(str, others))}."
    if isinstance(ref, ModelRef) and ref.version is None:
        place = _only_version(ref, place)
    return Found(place, note)


def locate_ours(ref: Ref, root: Path, marker: str, fingerprint: str, others: Iterable[Ref] = ()) -> Found:
    """Find an upload of the workspace: the folder whose manifest (`marker`) has this `fingerprint`.

    Never searches competitions among `others`, the other attached sources. Raises MountError when there is no such manifest,
    or none with this fingerprint (the message names those there are).
    """
    places = _distinct(root / place for place in ref.candidates())
    named = [place for place in places if (place / marker).is_file()]
    right = [place for place in named if _fingerprint(place / marker) == fingerprint]
    if not right:
        named += [place for place in _walk([*places, root], root, marker, others) if place not in named]
        right = [place for place in named if _fingerprint(place / marker) == fingerprint]
    if right:
        note = f"{ref} is mounted {len(right)} times with the same content: using {right[0]}."
        return Found(right[0], note if len(right) > 1 else None)
    if not named and places:
        raise MountError(_without_manifest(ref, places[0], marker))
    if not named:
        raise MountError(_missing(ref, root, marker))
    seen = "; ".join(
        f"{place} has {(_fingerprint(place / marker) or '')[:12] or 'an unreadable manifest'}"
        for place in named
    )
    raise MountError(
        f"{ref} is mounted with different content than was staged: expected fingerprint {fingerprint[:12]}; {seen}. "
        "Kaggle probably attached an older version: push the notebook again now that the new one is ready."
    )


def _distinct(places: Iterable[Path]) -> list[Path]:
    seen: dict[str, Path] = {}
    for place in places:
        if place.is_dir():
            seen.setdefault(os.path.realpath(place), place)
    return list(seen.values())


def _only_version(ref: ModelRef, folder: Path) -> Path:
    versions = sorted((child.name for child in _folders(folder) if child.name.isdecimal()), key=int)
    if len(versions) == 1:
        return folder / versions[0]
    if not versions:
        raise MountError(
            f"{ref} is mounted at {folder}, but that folder has no version: attach the model with its version."
        )
    raise MountError(
        f"Several versions of {ref} are attached ({', '.join(versions)}): name one, as in {ref.name}/{versions[-1]}."
    )


def _fingerprint(path: Path) -> str | None:
    """The fingerprint that a manifest states; the files beside it are compared later."""
    import json

    try:
        value = json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None


def _walk(starts: Iterable[Path], root: Path, marker: str, others: Iterable[Ref]) -> Iterator[Path]:
    """Folders below `starts` that hold `marker`, nearest first, without ever listing a competition's data."""
    seen = {root / place for ref in others if isinstance(ref, CompetitionRef) for place in ref.candidates()}
    seen.add(root / "competitions")
    waiting = [start for start in starts if start not in seen]
    # It grows while it is walked.
    for folder in islice(waiting, _FOLDERS):
        for child in _folders(folder):
            if child not in seen:
                seen.add(child)
                if (child / marker).is_file():
                    yield child
                else:
                    waiting.append(child)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(e.path) for e in islice(entries, _ENTRIES) if e.is_dir())
    except OSError:
        return []


def _without_manifest(ref: Ref, place: Path, marker: str) -> str:
    with os.scandir(place) as entries:
        there = ", ".join(sorted(entry.name for entry in islice(entries, _SHOWN))) or "nothing"
    return (
        f"{ref} is mounted at {place} without {marker} (found: {there}): it was not pushed from a workspace, "
        "or its upload lost the file. Push it again with invoke, then the notebook."
    )


def _missing(ref: Ref, root: Path, marker: str | None = None) -> str:
    wanted = f"with a {marker} " if marker else ""
    if not root.is_dir():
        return f"{ref} can't be found, since {root} does not exist: run this on Kaggle, or `invoke rehearse` here."
    there = "; ".join(f"{folder.name}/{_inside(folder)}" for folder in _folders(root)[:_SHOWN])
    return (
        f"The {ref.kind} {ref} {wanted}is not mounted below {root}. Mounted there: {there or 'nothing'}. Likely reasons, in order: it is not in "
        "the notebook's metadata; Kaggle refused the source when the notebook was saved; it is private to another account; its "
        "first version was still being processed."
    )


def _inside(folder: Path) -> str:
    below = [child.name for child in _folders(folder)]
    return f" ({', '.join(below[:_SHOWN])}{', …' if len(below) > _SHOWN else ''})" if below else ""
