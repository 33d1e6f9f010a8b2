"""Calls about datasets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.kaggle.connection import Connection
from kaggle_workflow.kaggle.errors import translated
from kaggle_workflow.kaggle.values import Dataset, RemoteFile

_CLIENT = "datasets.dataset_api_client"


class DatasetCalls(Connection):
    """Read datasets, their versions and files."""

    def dataset(self, ref: DatasetRef) -> Dataset | None:
        """The dataset, None when there is none.

        Kaggle answers 404 for a dataset that does not exist or, as users' logs show, 403; in the caller's own account a 403
        therefore means that there is none. In another account it raises Denied.
        """
        answer = self._if_there(
            ref.owner,
            lambda: self._ask(f"reading the dataset {ref.name}", f"{_CLIENT}.get_dataset", **_named(ref)),
        )
        if answer is None:
            return None
        with translated(f"reading Kaggle's answer about {ref}"):
            return Dataset.from_answer(answer, ref.name)

    def dataset_status(self, ref: DatasetRef) -> str:
        """`ready`, `failed`, or a step in between; the call takes no version, so it may be about the current or the newest one."""
        what = f"asking for the status of {ref.name}"
        answer = self._ask(what, f"{_CLIENT}.get_dataset_status", **_named(ref))
        return str(answer.status.name).replace("_", "").lower()

    def dataset_files(self, ref: DatasetRef, version: int | None = None) -> tuple[RemoteFile, ...]:
        """Every file of a version (the current one by default), with its size."""
        files = self._pages(
            f"listing the files of {ref}",
            "dataset_files",
            f"{_CLIENT}.list_dataset_files",
            **_named(ref),
            dataset_version_number=version,
        )
        return tuple(RemoteFile(file.name, file.total_bytes or None) for file in files)

    def fetch_dataset_file(
        self, ref: DatasetRef, version: int | None, file: RemoteFile, target: Path
    ) -> None:
        """Download one file of a dataset, unpacked when Kaggle packed it."""
        from kaggle_workflow.kaggle import fetching

        fetch = partial(self.download_dataset_file, ref, version, file.name)
        fetching.fetch(fetching.Item(file.name, target, file.size, fetch))

    def download_dataset_file(self, ref: DatasetRef, version: int | None, name: str, target: Path) -> None:
        """Download one file of a dataset as Kaggle sends it."""
        method, request = self._filled(
            f"{_CLIENT}.download_dataset", **_named(ref), file_name=name, dataset_version_number=version
        )
        self._download(f"downloading {name} of {ref.name}", lambda _: method(request), target)


def _named(ref: DatasetRef) -> dict[str, str]:
    return {"owner_slug": ref.owner, "dataset_slug": ref.slug}
