"""Make a notebook that trains on Kaggle: its folder, its settings in `invoke.yaml`, its entry point in `codes/`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kaggle_shim import local
from kaggle_workflow import experiment_copy, metadata, names, new_exp, platforms
from kaggle_workflow.edit import yaml_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import make_folder, remove_tree, write_bytes, write_text
from kaggle_workflow.findings import Finding, raise_first
from kaggle_workflow.workspace import CODES, DEPS, NOT_NOTEBOOKS, SUB, Workspace

_PACKAGE = Path(__file__).parent
# The notebook of a new workspace (template/sub/sub.ipynb; a test compares), which runs whatever its settings name.
_NOTEBOOK = _PACKAGE / "new-notebook.ipynb"
_SCRIPT = _PACKAGE / "training_script.py"
# It submits nothing, and a light save run of `sub` is no reason to train on a part of the data.
_SETTINGS = {"submission": "", "save_run": "full"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        id: id of the new notebook.
        entry: its entry point, relative to `codes/`.
        settings: name of the settings file that names the entry point.
        written: paths of the new files, relative to the workspace (posix).
        findings: what the user should know about the metadata.
    """

    id: str
    entry: str
    settings: str
    written: tuple[str, ...]
    findings: tuple[Finding, ...]


def make(workspace: Workspace, name: str, accelerator: str, *, internet: bool) -> Made:
    """Make the notebook; overwrite nothing.

    Files that a command left that was cut off, still as they were written, are no obstacle.

    Args:
        workspace: the workspace.
        name: the notebook's folder.
        accelerator: as `machine_shape` names it, "none" for none, "" for that of `sub`.
        internet: whether the notebook may use the network.

    Raises:
        WorkflowError: the name can't be used, or something of that name exists; nothing was changed.
    """
    if not _NAME.fullmatch(name) or name in (DEPS, *NOT_NOTEBOOKS):
        raise WorkflowError(
            f"{name} can't be a notebook's folder: use letters, digits, hyphens and underscores, such as train."
        )
    root, entry = workspace.root, f"{name}.py"
    folder, script = root / name, root / CODES / entry
    about = _metadata(workspace, name, accelerator, internet=internet)
    for other in workspace.notebook_names():
        value, _ = workspace.read_notebook(other)
        if other != name and value is not None and value.id.slug == about["title"]:
            raise WorkflowError(
                f"{other} has the id that {name} would get ({value.id}): choose another name."
            )
    place = make_folder(folder)
    try:
        write_text(
            place / name / metadata.KERNEL_FILE, json.dumps(about, indent=2, ensure_ascii=False) + "\n"
        )
        write_bytes(place / name / about["code_file"], _NOTEBOOK.read_bytes())
        _, findings = metadata.read_kernel(place / name / metadata.KERNEL_FILE, place)
        raise_first(findings)
        # The settings are written first.
        begun = workspace.settings.notebooks.get(name) == {"entry": (entry,), **_SETTINGS}
        for target, copy, shown in (
            (folder, place / name, f"{name}/"),
            (script, _SCRIPT, f"{CODES}/{entry}"),
        ):
            if target.exists() and not (begun and experiment_copy.same(copy, target)):
                raise WorkflowError(f"{shown} exists and is not overwritten: choose another name.")
        settings = new_exp.settings_file(root, "notebooks")
        if not begun:
            _edit_settings(settings, name, entry)
        write_bytes(script, _SCRIPT.read_bytes())
        if not folder.exists():
            platforms.retry_while_locked(lambda: (place / name).rename(folder))
    finally:
        remove_tree(place)
    written = (f"{name}/{metadata.KERNEL_FILE}", f"{name}/{about['code_file']}", f"{CODES}/{entry}")
    return Made(about["id"], entry, settings.name, written, findings)


def _metadata(workspace: Workspace, name: str, accelerator: str, *, internet: bool) -> dict[str, Any]:
    """The `kernel-metadata.json`, with the ids as the workspace's files write them (without `workspace.owner`)."""
    files = replace(workspace, settings=replace(workspace.settings, owner=None))
    codes, there = files.codes.id, files.notebook_names()
    shape = accelerator or (files.notebook(SUB).metadata.machine_shape if SUB in there else "")
    shape = "" if shape == "none" else shape
    competition = local.competition(workspace.root)
    title = f"{codes.slug.removesuffix('-codes')}-{names.slugify(name)}"
    return {
        "id": f"{codes.owner}/{title}",
        "title": title,
        "code_file": f"{name}.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": shape.startswith("Nvidia"),
        "enable_tpu": shape.startswith("Tpu"),
        "enable_internet": internet,
        "machine_shape": shape,
        "dataset_sources": [codes.name],
        "competition_sources": [competition] if competition else [],
        "kernel_sources": [files.notebook(DEPS).metadata.id.name] if DEPS in there else [],
        "model_sources": [],
    }


def _edit_settings(file: Path, name: str, entry: str) -> None:
    """Add the notebook's settings to those of the others."""
    before = file.read_bytes().decode("utf-8") if file.is_file() else ""
    text = before.removeprefix("\ufeff")
    values = {"entry": entry, **{key.replace("_", "-"): value for key, value in _SETTINGS.items()}}
    after = yaml_edit.add_section(text, ("workspace", "notebooks", name), values, file.name)
    write_bytes(file, (before[: len(before) - len(text)] + after).encode("utf-8"))
