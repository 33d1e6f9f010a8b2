"""What jobs left: attached to a notebook on Kaggle, or laid together on this machine as one folder of weights."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kaggle_shim import local
from kaggle_shim.manifest import MODEL_MANIFEST
from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import REPORT_NAME
from kaggle_workflow import platforms
from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import remove_tree
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
        WorkflowError: the folder holds something that is no job of the sweep, or an output is not here.
    """
    data = local.data_folder(workspace.root)
    folder = data / "working" / "models" / sweep.name
    # Every output of a run has its report; nothing else is removed.
    before = [folder / job.name for job in sweep.jobs if (folder / job.name / REPORT_NAME).is_file()]
    others = [path.name for path in folder.glob("*") if path not in (*before, folder / MODEL_MANIFEST)]
    if others:
        raise WorkflowError(
            f"{folder} holds {min(others)}, which is no output of {sweep.name}: move it away, then run this again."
        )
    for path in before:
        remove_tree(path)
    for job in jobs:
        output = data / job.notebook.mount("namespaced")
        if not output.is_dir():
            raise WorkflowError(f"The output of {job.key} is not in {output}: run the job again.")
        shutil.copytree(output, folder / job.name, copy_function=platforms.hard_link)
    return folder
