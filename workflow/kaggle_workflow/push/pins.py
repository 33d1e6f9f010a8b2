"""Pinned sources (those that name a version), and pinning the image of the last completed run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_bytes
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.kaggle.values import Notebook
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import PUSHED
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.metadata_reading import SOURCES
from kaggle_workflow.push import looking
from kaggle_workflow.push.session import Push

_IMAGE = "docker_image"
_PINNING = "docker_image_pinning_type"
_MARK = "\ufeff"


def rebound(sent: Mapping[str, Any], there: Notebook) -> list[str]:
    """Sources sent with a version for which Kaggle shows another or none, one phrase each.

    Args:
        sent: the metadata as it was sent.
        there: what Kaggle has.
    """
    found = []
    for key, kind in SOURCES.items():
        bound = {_name(ref): ref.version for ref in _parsed(kind, there.sources.get(kind, ()))}
        for ref in _parsed(kind, sent.get(key) or ()):
            if ref.version is None or _name(ref) not in bound:
                continue
            version = bound[_name(ref)]
            if version is None:
                found.append(
                    f"Kaggle does not say whether it attached version {ref.version} of the {kind} {ref.name}; the run checks that"
                )
            elif version != ref.version:
                found.append(
                    f"Kaggle attached version {version} of the {kind} {ref.name}, but version {ref.version} was requested"
                )
    return found


def _parsed(kind: str, listed: Any) -> list[refs.DatasetRef | refs.NotebookRef | refs.ModelRef]:
    found: list[refs.DatasetRef | refs.NotebookRef | refs.ModelRef] = []
    for text in listed:
        try:
            ref = refs.parse(kind, str(text))
        except RefError:
            continue
        if not isinstance(ref, refs.CompetitionRef):
            found.append(ref)
    return found


def _name(ref: refs.DatasetRef | refs.NotebookRef | refs.ModelRef) -> str:
    return ref.name.lower()


@dataclass(frozen=True)
class Pinned:
    """Result of a pin: the file, the image that it names now ("" for the newest) and the version it came from."""

    file: str
    image: str
    version: int | None


def pin_image(push: Push, name: str, version: int | None) -> Pinned:
    """Write the image of a completed run into the notebook's metadata.

    Args:
        push: the command.
        name: folder of the notebook.
        version: the version whose image to pin, None for the newest completed one in the ledger.

    Raises:
        WorkflowError: no completed run is known, or it did not name its image.
    """
    folder = push.workspace.notebook(name)
    ref = folder.metadata.id
    chosen, image = version, ""
    if version is None:
        chosen, image = _last_good(push, ref.name)
        seen = from_kaggle.known(push.workspace, name)
        if seen is not None and seen.docker_image and seen.version >= (chosen or 0):
            chosen, image = seen.version, seen.docker_image
    if not image:
        target = looking.read_version(push, name, chosen)
        if not target.run.complete:
            raise WorkflowError(
                f"The run of {target.name} did not complete: choose one that did with --version."
            )
        stated = (target.report or {}).get("image")
        image = str(stated.get("docker_image") or "") if isinstance(stated, dict) else ""
        image, chosen = image or target.there.docker_image, target.version
    if not image:
        raise WorkflowError(
            f"The run of {ref.name} version {chosen} does not name its image: choose “Pin to original environment” on its page instead."
        )
    path = folder.folder / KERNEL_FILE
    _edit(path, {_IMAGE: image, **({_PINNING: "original"} if _PINNING in folder.metadata.raw else {})})
    return Pinned(f"{name}/{KERNEL_FILE}", image, chosen)


def unpin_image(push: Push, name: str) -> Pinned:
    """Let the notebook use the newest image again."""
    folder = push.workspace.notebook(name)
    raw = folder.metadata.raw
    changes = {key: value for key, value in ((_IMAGE, ""), (_PINNING, "latest")) if key in raw}
    if changes:
        _edit(folder.folder / KERNEL_FILE, changes)
    return Pinned(f"{name}/{KERNEL_FILE}", "", None)


def _last_good(push: Push, notebook: str) -> tuple[int | None, str]:
    """The newest completed version in the ledger, and its image ("" when it can't be pinned)."""
    pushed = history_fold.pushed(
        event for event in ledger.read(push.workspace.root).events if event.event == PUSHED
    )
    good = [
        (version, facts)
        for (name, version), facts in pushed.items()
        if name == notebook and "save_run_seconds" in facts
    ]
    if not good:
        return None, ""
    version, facts = max(good, key=lambda one: one[0])
    image = str(facts.get("image") or "")
    # A commit also identifies an image, but can't be pinned.
    return version, image if "/" in image else ""


def _edit(path: Path, changes: Mapping[str, object]) -> None:
    text = path.read_bytes().decode("utf-8")
    mark, body = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    for key, value in changes.items():
        body = json_edit.set_value(body, key, value)
    write_bytes(path, (mark + body).encode("utf-8"))
