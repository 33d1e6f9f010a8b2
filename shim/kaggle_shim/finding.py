"""`find`: paths in user code that work on Kaggle, in rehearsal and in the workspace."""

from __future__ import annotations

import sys
from pathlib import Path

from kaggle_shim import local, mounts, refs
from kaggle_shim.errors import MountError
from kaggle_shim.plan import current


def find(ref: str | None = None) -> Path:
    """The folder of an attached source.

    Args:
        ref: `owner/slug` for a dataset or a notebook's output, the bare slug for a competition,
            `owner/model/framework/variation[/version]` for a model; None for this workspace's own competition.

    Returns:
        An existing folder.

    Raises:
        RefError: the text is not a reference.
        MountError: it is not mounted; in a workspace, it has no local counterpart.
    """
    ref = ref if ref is not None else _own_competition()
    meanings = _meanings(ref)
    root = mounts.input_root()
    workspace = local.workspace_root()
    if workspace is None or root.is_dir():
        return _mounted(meanings, root)
    for meaning in meanings:
        folder = local.counterpart(meaning, workspace)
        if folder is not None:
            return folder
    place = local.data_folder(workspace) / meanings[0].mount("namespaced")
    raise MountError(
        f"{ref} has no local counterpart at {place}: download it with `invoke data`, or put its files there."
    )


def _own_competition() -> str:
    plan = current()
    workspace = local.workspace_root()
    attached = local.competition(workspace) if workspace is not None else None
    slug = plan.competition if plan is not None else attached
    if slug is None:
        raise MountError("No competition is attached to this notebook: name one, as in find('titanic').")
    return slug


def _meanings(text: str) -> tuple[refs.Ref, ...]:
    """What the text can mean, narrowed to what the plan attaches."""
    meanings = refs.guess(text)
    plan = current()
    attached = {(one.ref.kind, one.ref.name) for one in plan.inputs} if plan is not None else set()
    return tuple(meaning for meaning in meanings if (meaning.kind, meaning.name) in attached) or meanings


def _mounted(meanings: tuple[refs.Ref, ...], root: Path) -> Path:
    errors = []
    for meaning in meanings:
        try:
            found = mounts.locate(meaning, root)
        except MountError as error:
            errors.append(error)
            continue
        if found.note:
            print(f"kaggle_shim: warning: {found.note}", file=sys.stderr)
        return found.path
    raise errors[0]
