"""Push the code dataset: `codes/` as staged, under the id in its metadata."""

from __future__ import annotations

from kaggle_shim.manifest import CODES_MANIFEST
from kaggle_workflow import git
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import dataset_payload
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.workspace import SUB


def push_codes(push: Push) -> Outcome:
    """Push the codes when they changed; with `workspace.codes: inline` the notebook contains them instead."""
    workspace = push.workspace
    if workspace.settings.codes == "inline":
        return Outcome("codes", "inline", workspace.codes.id.name, notes=["the notebook contains them"])
    return push_dataset.upload_dataset(push, lambda: _stage(push))


def competition(push: Push) -> str | None:
    """Slug of the competition that the submission notebook attaches, None where there is no such notebook."""
    workspace = push.workspace
    return workspace.notebook(SUB).metadata.competition if SUB in workspace.notebook_names() else None


def _stage(push: Push) -> dataset_payload.Payload:
    workspace = push.workspace
    staged = push.staged_codes = stage_codes.stage(workspace, competition(push))
    return dataset_payload.Payload(
        "codes",
        workspace.codes.id,
        staged.folder,
        staged.manifest,
        CODES_MANIFEST,
        _message(push, staged.commit),
        staged.left_out,
        staged.unsearched,
        staged.findings,
    )


def _message(push: Push, about: git.State | None) -> str:
    """The version's notes: `--message`, or the subject of the commit, marked when the work tree has changes."""
    if push.options.message:
        return push.options.message
    if about is None:
        return "codes"
    return f"{about.subject} (with changes)" if about.dirty else about.subject
