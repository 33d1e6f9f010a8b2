"""What jobs left: attached to a notebook on Kaggle, or laid together on this machine as one folder of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kaggle_shim import local
from kaggle_shim.manifest import MODEL_MANIFEST
from kaggle_shim.refs import NotebookRef
from kaggle_workflow import platforms
from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import keep_copy, remove_tree
from kaggle_workflow.ledger.jobs import Job, Sweep
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.workspace import Workspace

_SOURCES = "kernel_sources"


def attach(workspace: Workspace, name: str, jobs: Sequence[Job]) -> str:
    """Add the outputs of complete jobs to a notebook's metadata, each with its version, in place of another version.

    Returns:
        What was done, and how the code finds them, in one line.

    Raises:
        WorkflowError: there is no such notebook, or a job did not run on Kaggle; nothing was changed.
    """
    notebook = push_sub.runnable(workspace, name)
    elsewhere = [job.key for job in jobs if not job.on_kaggle]
    if elsewhere:
        raise WorkflowError(
            f"{', '.join(elsewhere)} ran outside Kaggle, so there is no output to attach: "
            f"`invoke push-model --from-sweep {jobs[0].sweep}` makes a model of it."
        )
    file = f"{notebook.name}/{KERNEL_FILE}"
    listed = [str(text) for text in notebook.metadata.raw.get(_SOURCES) or []]
    changed = 0
    for job in jobs:
        old = next((text for text in listed if NotebookRef.parse(text).name == job.ref), None)
        new = str(source(job))
        if old != new:
            json_edit.edit_file(notebook.folder / KERNEL_FILE, _SOURCES, old, new)
            changed += 1
    keys = ", ".join(job.key for job in jobs)
    return (
        f"{file} attaches {keys} ({changed} new of {len(jobs)}). "
        f'The code finds each by its name, such as kaggle_shim.find("{jobs[0].key}").'
    )


def source(job: Job) -> NotebookRef:
    """What a notebook attaches: the output of the version that was the job."""
    return replace(job.notebook, version=job.version)


def gather(workspace: Workspace, sweep: Sweep, jobs: Sequence[Job]) -> Path:
    """Lay the outputs of jobs together in `data/working/models/<sweep>`, a folder for each job.

    Kaggle can't make a version of a model from a notebook's output: its API takes uploaded files only (kagglesdk 0.1.38,
    `ApiCreateModelInstanceVersionRequestBody`). So the outputs have to be on this machine.

    Raises:
        WorkflowError: the folder holds a file that is in no job's output, or an output is not here.
    """
    data = local.data_folder(workspace.root)
    folder = data / "working" / "models" / sweep.name
    by_name = {job.name: data / job.notebook.mount("namespaced") for job in sweep.jobs}
    for path in folder.rglob("*") if folder.is_dir() else ():
        name, *inside = path.relative_to(folder).parts
        kept = path == folder / MODEL_MANIFEST or (
            name in by_name and by_name[name].joinpath(*inside).exists()
        )
        if not kept:
            raise WorkflowError(f"{path} is no output of {sweep.name}: move it away, then run this again.")
    missing = [job for job in jobs if not by_name[job.name].is_dir()]
    if missing:
        raise WorkflowError(
            f"The output of {missing[0].key} is not in {by_name[missing[0].name]}: run the job again."
        )
    for name in by_name:
        remove_tree(folder / name)
    for job in jobs:
        keep_copy(by_name[job.name], folder / job.name, platforms.hard_link)
    return folder
