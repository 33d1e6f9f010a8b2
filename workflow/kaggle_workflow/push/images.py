"""Read the list of packages that a run left, and say when Kaggle's image changed."""

from __future__ import annotations

from collections.abc import Iterable

from kaggle_shim.image import IMAGE_LIST
from kaggle_shim.refs import NotebookRef
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, scratch
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push.session import Push


def record(push: Push, ref: NotebookRef, version: int, files: Iterable[RemoteFile]) -> list[str]:
    """Keep the image that the run of a version found.

    Args:
        push: the command.
        ref: the notebook.
        version: the version that ran.
        files: what the run left.

    Returns:
        A note when the image is not the one of the run before.
    """
    found = next((file for file in files if file.name == IMAGE_LIST), None)
    if found is None:
        return []
    with scratch(push.workspace.build) as folder:
        try:
            push.kaggle.download_url(IMAGE_LIST, found.url, folder / IMAGE_LIST)
        except WorkflowError as error:
            push.warn(f"The packages of Kaggle's image could not be read ({error}).")
            return []
        seen = from_kaggle.Seen.of(read_object(folder / IMAGE_LIST), ref.name, version)
    before = from_kaggle.keep(push.workspace, seen) if seen is not None else None
    if seen is None or before is None:
        return []
    sentence = from_kaggle.moved(before, seen, from_kaggle.used_by(push.workspace.build / "codes"))
    if sentence is None:
        return []
    push.warn(f"{sentence}.")
    return [sentence]
