"""Mounts of a rehearsal, made from local folders: only what the metadata attaches, in the layout asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim import local, refs
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal.sandbox import Mount

RERUN = "rerun"


@dataclass(frozen=True)
class Mounted:
    """What a rehearsal mounts, and sentences about what stands in for what."""

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
    listed = list(sources)
    _check_names(without, listed)
    mounts: list[Mount] = []
    notes: list[str] = []
    missing: list[refs.Ref] = []
    for ref in listed:
        bare = getattr(ref, "name", str(ref))
        target = _target(ref, layout)
        if bare in without or str(ref) in without:
            mounts.append(Mount(empty, target))
            notes.append(f"{ref} is an empty folder in this run.")
            continue
        folder = made.get(bare) or local.counterpart(ref, root)
        if folder is None:
            missing.append(ref)
            continue
        if (
            isinstance(ref, refs.ModelRef)
            and "working" in folder.relative_to(local.data_folder(root)).parts[:1]
        ):
            notes.append(f"{ref} is {folder}, which is not pushed yet.")
        mounts.append(Mount(folder, target))
        if rerun and isinstance(ref, refs.CompetitionRef):
            laid = _laid_over(ref, root, target)
            mounts += laid
            notes.append(
                f"{len(laid)} files of data/rerun are laid over {ref}."
                if laid
                else f"nothing lies in data/rerun for {ref}: its public files are run."
            )
    if missing:
        raise WorkflowError(_missing(missing, root))
    return Mounted(tuple(mounts), tuple(notes))


def _target(ref: refs.Ref, layout: str) -> str:
    if layout not in refs.LAYOUTS:
        raise WorkflowError(f"The layout {layout!r} is not known: write {' or '.join(refs.LAYOUTS)}.")
    return ref.mount(layout)


def _check_names(without: frozenset[str], sources: list[refs.Ref]) -> None:
    known = {str(ref) for ref in sources} | {getattr(ref, "name", str(ref)) for ref in sources}
    for name in sorted(without - known):
        raise WorkflowError(
            f"--without {name}: no such source is attached; attached are {', '.join(sorted(str(ref) for ref in sources))}."
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
            "(or put it there); the example of the template (`-d example=cmi-sleep`) brings data of its own."
        )
    named = "; ".join(f"the {ref.kind} {ref} belongs in {shown}/{ref.mount('namespaced')}" for ref in missing)
    return f"Attached, but not on this machine: {named}. Download with `invoke data` and `invoke data --attached`, or leave one out with --without."
