"""Local counterparts of attached sources in the workspace.

`find` uses it when an entry point runs from the editor, rehearsal uses it to build its mounts.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from kaggle_shim.manifest import MODEL_MANIFEST
from kaggle_shim.refs import DatasetRef, ModelRef, NotebookRef, Ref

DATA_VARIABLE = "INVOKE_WORKSPACE_DATA"
DEPS_OUTPUT = "build/rehearsal/deps"

_DATA_LINE = re.compile(r"^\s+data:\s*(?P<value>[^#\n]+?)\s*(#.*)?$", re.MULTILINE)


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
    own = _own(ref, root, data)
    if own is not None:
        return own
    place = data / ref.mount("namespaced")
    if isinstance(ref, ModelRef) and ref.version is None and place.is_dir():
        versions = sorted(
            (p for p in place.iterdir() if p.name.isdecimal() and p.is_dir()), key=lambda p: int(p.name)
        )
        return versions[-1] if versions else None
    return place if place.is_dir() else None


def is_utility_script(ref: Ref, folder: Path) -> bool:
    """Whether a notebook's local folder holds a utility script: the module that Kaggle names after the notebook."""
    return isinstance(ref, NotebookRef) and (folder / f"{ref.module}.py").is_file()


def competition(root: Path) -> str | None:
    """Slug of the competition that the submission notebook attaches, None when it attaches none."""
    value = _read(root / "sub" / "kernel-metadata.json").get("competition_sources")
    return str(value[0]) if isinstance(value, list) and value else None


def _own(ref: Ref, root: Path, data: Path) -> Path | None:
    downloaded = (data / ref.mount("namespaced")).is_dir()
    if isinstance(ref, DatasetRef) and _is_id(
        ref, root / "codes" / "dataset-metadata.json", elsewhere=downloaded
    ):
        return root / "codes"
    if isinstance(ref, NotebookRef) and _is_id(
        ref, root / "deps" / "kernel-metadata.json", elsewhere=downloaded
    ):
        wheels = root / DEPS_OUTPUT
        return wheels if wheels.is_dir() else None
    if isinstance(ref, ModelRef):
        weights = weights_of(ref, data)
        if weights is not None and not (ref.version is not None and downloaded):
            return weights
    return None


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
