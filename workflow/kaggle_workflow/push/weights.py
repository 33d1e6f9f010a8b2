"""Push attached models and datasets whose local folders changed."""

from __future__ import annotations

from kaggle_shim.refs import DatasetRef, ModelRef
from kaggle_workflow.attached import Stale
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.workspace import Notebook


def changed(session: Push, notebook: Notebook) -> list[Stale]:
    """The attached models and datasets whose local folders changed since they were pushed."""
    return push_sub.stale(session, push_sub.attached_manifests(session, notebook))


def push(session: Push, one: Stale, notebook: str) -> Outcome:
    """Push one of them, and attach the new version to the notebook."""
    if isinstance(one.ref, ModelRef):
        return push_model.push_model(
            session,
            exp=one.folder.name,
            path=str(one.folder),
            handle=one.ref.name,
            framework="",
            licence="",
            ignore=(),
            notebook=notebook,
        )
    ref = DatasetRef(one.ref.owner, one.ref.slug)
    return push_dataset.upload_dataset(session, lambda: stage_folder(session, one.folder, ref))
