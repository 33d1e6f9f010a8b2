"""The one place that talks to Kaggle, through kagglesdk.

It is imported late (0.4 s), its answers go out as frozen values
(`kaggle_workflow.kaggle.values`), their failures as our errors (`kaggle_workflow.kaggle.errors`). Nothing here prints or logs a token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from kaggle_shim.refs import DatasetRef, ModelRef
from kaggle_workflow.kaggle.competitions import CompetitionCalls
from kaggle_workflow.kaggle.datasets import DatasetCalls
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.notebooks import NotebookCalls
from kaggle_workflow.kaggle.uploading import Uploads
from kaggle_workflow.kaggle.values import (
    ModelVersion,
    RemoteFile,
    Saved,
)


class Kaggle(DatasetCalls, NotebookCalls, CompetitionCalls):
    """Kaggle, as one account sees it.

    Every method raises WorkflowError (no credentials), KaggleRefused or Unreachable, in the classes of `kaggle_workflow.kaggle.errors`.
    """

    def model_version(self, ref: ModelRef) -> int | None:
        """The newest version of a variation, None when there is none; like `dataset`."""
        from kaggle_workflow.kaggle import models as kaggle_models

        return self._if_there(ref.owner, lambda: kaggle_models.newest(self._read, ref))

    def model_files(self, ref: ModelRef) -> tuple[RemoteFile, ...]:
        """Names and sizes of the files of a version; raises NotThere while it is being processed."""
        from kaggle_workflow.kaggle import models as kaggle_models

        return kaggle_models.files(self._pages, ref)

    def fetch_dataset_file(
        self, ref: DatasetRef, version: int | None, file: RemoteFile, target: Path
    ) -> None:
        """Fetch one file of a dataset into `target`, unpacked when Kaggle packed it."""
        from kaggle_workflow.kaggle import fetching

        fetching.fetch(
            fetching.Item(
                file.name,
                target,
                file.size,
                lambda to: self.download_dataset_file(ref, version, file.name, to),
            )
        )

    def fetch_model_file(self, ref: ModelRef, file: RemoteFile, target: Path) -> None:
        """Fetch one file of a model's version into `target`, unpacked when Kaggle packed it."""
        from kaggle_workflow.kaggle import fetching

        fetching.fetch(
            fetching.Item(
                file.name, target, file.size, lambda to: self.download_model_file(ref, file.name, to)
            )
        )

    def download_model_file(self, ref: ModelRef, name: str, target: Path) -> None:
        """Fetch one file of a model's version as Kaggle sends it."""
        from kaggle_workflow.kaggle import models as kaggle_models

        self._download(f"fetching {name} of {ref}", kaggle_models.download(ref, name), target)

    def models(self, owner: str) -> tuple[str, ...]:
        """Every model of an account, as `owner/model`."""
        from kaggle_workflow.kaggle import models as kaggle_models

        return kaggle_models.names(self._pages, owner)

    def model_variations(self, owner: str, model: str) -> tuple[ModelRef, ...]:
        """The variations of a model, each with its newest version; like `dataset`, none for a model that is not there."""
        from kaggle_workflow.kaggle import models as kaggle_models

        try:
            return kaggle_models.variations(self._read, owner, model)
        except NotThere:
            return ()
        except Denied:
            if owner.lower() == self.account.lower():
                return ()
            raise

    def model_version_numbers(self, ref: ModelRef) -> tuple[int, ...]:
        """Every version of a variation, oldest first."""
        from kaggle_workflow.kaggle import models as kaggle_models

        return kaggle_models.version_numbers(self._read, ref)

    def model_version_facts(self, ref: ModelRef) -> ModelVersion:
        """Size and date of one version, from its list of files; raises NotThere while it is being processed."""
        from kaggle_workflow.kaggle import models as kaggle_models

        return kaggle_models.facts(self._pages, ref)

    def model_exists(self, owner: str, model: str) -> bool:
        """Whether the model is there; raises Denied for one of another account that this one may not see."""
        from kaggle_workflow.kaggle import models as kaggle_models

        try:
            kaggle_models.variations(self._read, owner, model)
        except NotThere:
            return False
        except Denied:
            if owner.lower() == self.account.lower():
                return False
            raise
        return True

    def uploads(self, kind: Any) -> Uploads:
        """Uploads for one version; `kind` is kagglesdk's `ApiBlobType`."""
        import platformdirs
        from kagglesdk.blobs.types.blob_api_service import ApiStartBlobUploadRequest

        def start(name: str, size: int, changed: int) -> Any:
            request = ApiStartBlobUploadRequest()
            request.type, request.name = kind, name
            request.content_length, request.last_modified_epoch_seconds = size, changed
            what = f"starting the upload of {name}"
            return self._read(what, lambda c: c.blobs.blob_api_client.start_blob_upload(request))

        # One folder for each account of each Kaggle: an address belongs to both.
        place = sha256(f"{self.page('')} {self.account} {kind}".encode()).hexdigest()[:16]
        return Uploads(start, platformdirs.user_cache_path("kaggle-workspace") / "uploads" / place)

    def send_dataset(
        self, folder: Path, notes: str | None, before: Callable[[], None], *, public: bool = False
    ) -> str:
        """Upload a folder with its `dataset-metadata.json`; see `sending.send_dataset`."""
        from kaggle_workflow.kaggle import sending as kaggle_sending

        return kaggle_sending.send_dataset(self, folder, notes, before, public=public)

    def save_notebook(self, folder: Path, accelerator: str = "") -> Saved:
        """Save (and run) a notebook's folder; see `sending.save_notebook`."""
        from kaggle_workflow.kaggle import sending as kaggle_sending

        return kaggle_sending.save_notebook(self, folder, accelerator)

    def send_model(
        self, ref: ModelRef, folder: Path, paths: Sequence[str], notes: str, licence: str | None
    ) -> None:
        """Upload files as a new version of a variation; see `sending.send_model`."""
        from kaggle_workflow.kaggle import sending as kaggle_sending

        kaggle_sending.send_model(self, ref, folder, paths, notes, licence)
