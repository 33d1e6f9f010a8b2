"""`invoke push-dataset`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_json
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.names import DATASET_TITLE
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import in_order as push
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, path: str, id_: str, notebook: str, json: bool, **options: Any) -> None:
    """Push any folder as a dataset, attach it to a notebook when one is named, and print what became of it."""
    if not path:
        raise WorkflowError("Which folder? Add --path FOLDER.")
    folder = Path(path).expanduser()
    folder = folder if folder.is_absolute() else workspace.root / folder
    if not folder.is_dir():
        raise WorkflowError(f"{path} is no folder: name the one to upload.")
    session = Push(workspace, Options.parse(json=json, **options))
    ref = _ref(workspace, folder, id_)
    if notebook:
        # A wrong name is said before anything is sent.
        notebook = push_sub.runnable(workspace, notebook).name
    outcome = push_dataset.upload_dataset(session, lambda: stage_folder(session, folder, ref))
    if notebook and not session.options.dry_run:
        push_dataset.attach(session, notebook, ref, outcome)
    push.print_outcomes([outcome], session.took, json=json)


def _ref(workspace: Workspace, folder: Path, given: str) -> DatasetRef:
    """The dataset: as given, as the folder's own metadata says, or `<owner>/<prefix>-<folder>`."""
    if given:
        ref = DatasetRef.parse(given)
    elif (folder / DATASET_FILE).is_file():
        ref = DatasetRef.parse(str(read_json(folder / DATASET_FILE).get("id")))
    else:
        codes = workspace.codes.id
        name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
        ref = DatasetRef(codes.owner, f"{codes.slug.removesuffix('-codes')}-{name}")
    ref = workspace.owned(ref)
    if len(ref.slug) not in DATASET_TITLE:
        raise WorkflowError(
            f"The slug {ref.slug} has {len(ref.slug)} characters, Kaggle's client takes 6 to 50: name another with --id OWNER/SLUG."
        )
    return ref
