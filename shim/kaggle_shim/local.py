"""`find`, and the local counterparts of attached sources in the workspace.

`find` gives paths in user code that work on Kaggle, in rehearsal and in the editor. Rehearsal builds its mounts from the
local counterparts.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from kaggle_shim import mounts, refs
from kaggle_shim.errors import MountError
from kaggle_shim.manifest import MODEL_MANIFEST
from kaggle_shim.plan import current
from kaggle_shim.refs import DatasetRef, ModelRef, NotebookRef, Ref

DATA_VARIABLE = "INVOKE_WORKSPACE_DATA"
DEPS_OUTPUT = "build/rehearsal/deps"
_OF_JOB = " (the output of a sweep's job with `invoke sweep --pull`)"

_DATA_LINE = re.compile(r"^\s+data:\s*(?P<value>[^#\n]+?)\s*(#.*)?$", re.MULTILINE)


def find(ref: str | None = None) -> Path:
    """The folder of an attached source.

    Args:
        ref: `owner/slug` for a dataset or a notebook's output, `sweep/job` for the output of a job, the bare slug for a
            competition, `owner/model/framework/variation[/version]` for a model; None for this workspace's own competition.
            A job is the attached notebook (in a workspace, the one in `data/notebooks`) whose slug ends in `-sweep-job`.

    Returns:
        An existing folder.

    Raises:
        RefError: the text is not a reference.
        MountError: it is not mounted; in a workspace, it has no local counterpart; two notebooks can be the job.
    """
    plan, workspace, root = current(), workspace_root(), mounts.input_root()
    if ref is None:
        own = competition(workspace) if workspace is not None else None
        ref = plan.competition if plan is not None else own
    if ref is None:
        raise MountError("No competition is attached to this notebook: name one, as in find('titanic').")
    meanings = refs.guess(ref)
    attached = [one.ref for one in plan.inputs] if plan is not None else []
    exact = tuple(_in_version(one, same) for one in meanings if (same := _same(one, attached)))
    meanings = exact or _job(ref, attached) or meanings
    if workspace is None or root.is_dir():
        return _mounted(meanings, root, attached)
    outputs = (data_folder(workspace) / "notebooks").glob("*/*")
    here = [NotebookRef(path.parent.name, path.name) for path in sorted(outputs)]
    for meaning in (*meanings, *_job(ref, here)):
        folder = counterpart(meaning, workspace)
        if folder is not None:
            return folder
    place = data_folder(workspace) / meanings[0].mount("namespaced")
    raise MountError(
        f"{ref} has no local counterpart at {place}: download it with `invoke data`{_OF_JOB if len(meanings) > 1 else ''}, or put its files there."
    )


def _job(text: str, there: Iterable[Ref]) -> tuple[Ref, ...]:
    """The notebook that ran the job `sweep/job`, by the end of its slug; raises MountError when there are two."""
    end = f"-{text.replace('/', '-')}"
    found = [one for one in there if isinstance(one, NotebookRef) and one.slug.endswith(end)]
    if text.count("/") != 1 or not found:
        return ()
    if len(found) > 1:
        raise MountError(f"{text} can be {' or '.join(one.name for one in found)}: name one of them.")
    return (found[0],)


def _same(ref: Ref, there: Iterable[Ref]) -> list[Ref]:
    """Those that are `ref` in any version."""
    return [one for one in there if (one.kind, one.name) == (ref.kind, ref.name)]


def _in_version(ref: Ref, attached: list[Ref]) -> Ref:
    """The reference, in the attached version if it names none: a blend mounts those of its other members beside it."""
    return attached[0] if getattr(ref, "version", None) is None and len(attached) == 1 else ref


def _mounted(meanings: tuple[Ref, ...], root: Path, attached: Iterable[Ref]) -> Path:
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
    outputs = [one.name for one in attached if isinstance(one, NotebookRef)]
    if len(meanings) > 1 and outputs:
        # A job of another sweep may be attached.
        raise MountError(f"{errors[0]} Attached notebooks: {', '.join(outputs)}.")
    raise errors[0]


def workspace_root() -> Path | None:
    """The workspace of the running script, of the current folder or of this environment, in that order; None outside one."""
    script = getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0]
    for place in (Path(script).parent, Path.cwd(), Path(sys.prefix)):
        for folder in (place.absolute(), *place.absolute().parents):
            if (folder / "invoke.yaml").is_file() and (folder / "codes").is_dir():
                return folder
    return None


def data_folder(root: Path) -> Path:
    """Where the local counterparts of Kaggle's mounts lie: `workspace.data`, or `data` in the workspace.

    The environment wins over `invoke.yaml`; of that file only the one line `data:` is read, since the shim has no YAML
    parser (`invoke check` says when that line is written in a way that can't be read here).
    """
    text = os.environ.get(DATA_VARIABLE) or _configured(root / "invoke.yaml") or "data"
    return root / Path(text).expanduser()


def counterpart(ref: Ref, root: Path) -> Path | None:
    """The local folder that stands for `ref`, None when there is none.

    Args:
        ref: what a notebook attaches.
        root: the workspace.

    Returns:
        Our own code tree, the wheels of the last rehearsal, weights in the making, or what was downloaded, in that order.
    """
    data = data_folder(root)
    place = data / ref.mount("namespaced")
    downloaded = place.is_dir()
    if isinstance(ref, DatasetRef) and _is_id(
        ref, root / "codes/dataset-metadata.json", elsewhere=downloaded
    ):
        return root / "codes"
    if isinstance(ref, NotebookRef) and _is_id(ref, root / "deps/kernel-metadata.json", elsewhere=downloaded):
        wheels = root / DEPS_OUTPUT
        if wheels.is_dir():
            return wheels
    if isinstance(ref, ModelRef) and (ref.version is None or not downloaded):
        weights = weights_of(ref, data)
        if weights is not None:
            return weights
    if isinstance(ref, ModelRef) and ref.version is None and downloaded:
        versions = (path for path in place.iterdir() if path.name.isdecimal() and path.is_dir())
        return max(versions, key=lambda path: int(path.name), default=None)
    return place if downloaded else None


def is_utility_script(ref: Ref, folder: Path) -> bool:
    """Whether a notebook's local folder holds a utility script: the module that Kaggle names after the notebook."""
    return isinstance(ref, NotebookRef) and (folder / f"{ref.module}.py").is_file()


def competition(root: Path) -> str | None:
    """Slug of the competition that the submission notebook attaches, None when it attaches none."""
    value = _read(root / "sub" / "kernel-metadata.json").get("competition_sources")
    return str(value[0]) if isinstance(value, list) and value else None


def weights_of(ref: ModelRef, data: Path) -> Path | None:
    """The folder that a model was pushed from, or that has the name of its variation; None for neither.

    Args:
        ref: the model, with or without a version.
        data: where the local counterparts lie.
    """
    models = data / "working" / "models"
    named = models / ref.variation
    handle = str(_read(named / MODEL_MANIFEST).get("handle") or ref.name)
    if named.is_dir() and handle.lower() == ref.name.lower():
        return named
    for manifest in sorted(models.glob(f"*/{MODEL_MANIFEST}")):
        if str(_read(manifest).get("handle")).lower() == ref.name.lower():
            return manifest.parent
    return named if named.is_dir() else None


def _is_id(ref: DatasetRef | NotebookRef, metadata: Path, *, elsewhere: bool) -> bool:
    """Whether a metadata file is that of `ref`; a team-mate's copy has the slug and another owner."""
    owner, _, slug = str(_read(metadata).get("id")).partition("/")
    return slug == ref.slug and (owner == ref.owner or not elsewhere)


def _read(metadata: Path) -> dict[str, object]:
    try:
        value = json.loads(metadata.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _configured(path: Path) -> str | None:
    try:
        match = _DATA_LINE.search(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    return match["value"].strip("'\"") if match else None
