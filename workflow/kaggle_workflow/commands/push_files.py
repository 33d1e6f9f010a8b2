"""`invoke push-model` and `invoke push-dataset`."""

from __future__ import annotations

import re
from pathlib import Path

from kaggle_shim.refs import DatasetRef
from kaggle_workflow import command_list
from kaggle_workflow.commands.push import open_session
from kaggle_workflow.commands.sweep import pull_jobs
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_json
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.names import DATASET_TITLE
from kaggle_workflow.push import dataset, in_order, model, sub
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Push
from kaggle_workflow.sweep import board, choosing, outputs
from kaggle_workflow.workspace import Workspace


def push_model(workspace: Workspace, command: command_list.PushModel) -> None:
    """Push one model and print the result."""
    session = open_session(workspace, command)
    sweep, _, jobs = command.from_sweep.partition("/")
    outcome = model.push_model(
        session,
        exp=command.exp or sweep,
        path=_of_sweep(session, command, sweep, jobs) if sweep else command.path,
        handle=command.handle,
        framework=command.framework,
        licence=command.licence,
        ignore=tuple(command.ignore),
        notebook=command.notebook,
    )
    in_order.print_outcomes([outcome], session.took, json=command.json)


def _of_sweep(session: Push, command: command_list.PushModel, name: str, jobs: str) -> str:
    """The folder with the outputs of a sweep's jobs, downloaded first where they are on Kaggle; raises WorkflowError."""
    if command.path:
        raise WorkflowError("--path and --from-sweep each say what the model is made of: use one of them.")
    (sweep,) = board.chosen(session, [name])
    chosen = choosing.choose(session.workspace, sweep, [jobs or choosing.ALL])
    session.say(pull_jobs(session, chosen))
    return str(outputs.gather(session.workspace, sweep, chosen))


def push_dataset(workspace: Workspace, command: command_list.PushDataset) -> None:
    """Push any folder as a dataset, attach it to a notebook if one is named, and print the result."""
    if not command.path:
        raise WorkflowError(
            "--path is required: name the folder to upload, such as --path data/working/features."
        )
    # An absolute path replaces the root.
    folder = workspace.root / Path(command.path).expanduser()
    if not folder.is_dir():
        raise WorkflowError(f"--path {command.path} is not a folder: name the folder to upload.")
    session = open_session(workspace, command)
    ref = _dataset_of(workspace, folder, command.id_)
    # Checked before anything is sent.
    notebook = sub.runnable(workspace, command.notebook).name if command.notebook else ""
    outcome = dataset.upload_dataset(session, lambda: stage_folder(session, folder, ref))
    if notebook and not command.dry_run:
        sub.attach(session, notebook, ref, outcome)
    in_order.print_outcomes([outcome], session.took, json=command.json)


def _dataset_of(workspace: Workspace, folder: Path, given: str) -> DatasetRef:
    """Name the dataset: as given, as the folder's own metadata says, or `<owner>/<prefix>-<folder>`."""
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
            f"The slug {ref.slug} has {len(ref.slug)} characters, and Kaggle's client takes 6 to 50: choose another with --id OWNER/SLUG."
        )
    return ref
