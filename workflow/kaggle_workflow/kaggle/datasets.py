"""Datasets, as Kaggle answers for them."""

from __future__ import annotations

from pathlib import Path

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.kaggle.connection import Connection
from kaggle_workflow.kaggle.errors import translated
from kaggle_workflow.kaggle.values import (
    Dataset,
    RemoteFile,
)


class DatasetCalls(Connection):
    """Questions about datasets."""

    def dataset(self, ref: DatasetRef) -> Dataset | None:
        """The dataset by name, None when there is none.

        Kaggle answers a dataset that does not exist with 404 or, as users' logs show, with 403; under the caller's own
        account a 403 therefore means that there is none. Under another account it raises Denied.
        """
        from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

        request = ApiGetDatasetRequest()
        request.owner_slug, request.dataset_slug = ref.owner, ref.slug
        what = f"reading the dataset {ref.name}"
        answer = self._if_there(
            ref.owner,
            lambda: self._read(what, lambda c: c.datasets.dataset_api_client.get_dataset(request)),
        )
        if answer is None:
            return None
        with translated(f"reading Kaggle's answer about {ref}"):
            return Dataset.of(answer, ref.name)

    def dataset_status(self, ref: DatasetRef) -> str:
        """`ready`, `failed`, or a step on the way; the call takes no version, so it may speak of the current one or of the newest."""
        from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetStatusRequest

        request = ApiGetDatasetStatusRequest()
        request.owner_slug, request.dataset_slug = ref.owner, ref.slug
        answer = self._read(
            f"asking for the status of {ref.name}",
            lambda c: c.datasets.dataset_api_client.get_dataset_status(request),
        )
        return str(answer.status.name).replace("_", "").lower()

    def dataset_files(self, ref: DatasetRef, version: int | None = None) -> tuple[RemoteFile, ...]:
        """Every file of a version (the current one by default), with its size."""
        from kagglesdk.datasets.types.dataset_api_service import ApiListDatasetFilesRequest

        request = ApiListDatasetFilesRequest()
        request.owner_slug, request.dataset_slug = ref.owner, ref.slug
        if version is not None:
            request.dataset_version_number = version
        files = self._pages(
            f"listing the files of {ref}",
            request,
            lambda c: c.datasets.dataset_api_client.list_dataset_files(request),
            "dataset_files",
        )
        return tuple(RemoteFile(file.name, file.total_bytes or None) for file in files)

    def download_dataset_file(self, ref: DatasetRef, version: int | None, name: str, target: Path) -> None:
        """Fetch one file of a dataset into `target` as Kaggle sends it."""
        from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

        request = ApiDownloadDatasetRequest()
        request.owner_slug, request.dataset_slug, request.file_name = ref.owner, ref.slug, name
        if version is not None:
            request.dataset_version_number = version
        self._download(
            f"fetching {name} of {ref.name}",
            lambda c: c.datasets.dataset_api_client.download_dataset(request),
            target,
        )
