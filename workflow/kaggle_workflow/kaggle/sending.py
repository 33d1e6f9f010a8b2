"""Make things on Kaggle: dataset versions, model versions, saved notebooks."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle import request_building
from kaggle_workflow.kaggle.errors import AnswerLost, Conflict, one_line, translated
from kaggle_workflow.kaggle.models import ModelCalls
from kaggle_workflow.kaggle.uploading import Uploads
from kaggle_workflow.kaggle.values import Saved
from kaggle_workflow.metadata import DATASET_FILE

# More files of a model than this are sent as one archive, which Kaggle unpacks (kagglehub 1.0.3).
_MOST_MODEL_FILES = 50
_CONFLICT = 409
_SERVER_FAULT = 500


class SendingCalls(ModelCalls):
    """The calls that make something on Kaggle; none is repeated."""

    def send_dataset(
        self, folder: Path, notes: str | None, before: Callable[[], None], *, public: bool = False
    ) -> str:
        """Upload a staged dataset.

        Args:
            folder: the files, with `dataset-metadata.json`; top-level folders are sent as zips, which Kaggle unpacks.
            notes: notes of a new version; None creates the dataset.
            before: called when every file is uploaded, right before the call that makes the version.
            public: whether a created dataset is public.

        Returns:
            The dataset's address as Kaggle answers it.

        Raises:
            KaggleRefused: Kaggle refused, or a file could not be uploaded; nothing was made.
            AnswerLost: the version may exist or not.
        """
        from kagglesdk.blobs.types.blob_api_service import ApiBlobType

        about = json.loads((folder / DATASET_FILE).read_text(encoding="utf-8"))
        uploads = self._uploads(ApiBlobType.DATASET)
        with tempfile.TemporaryDirectory() as scratch:
            sent = [
                request_building.new_file(uploads.send(path, path.name, path.name), about, path.name)
                for path in _top_level(folder, Path(scratch))
            ]
        request = request_building.dataset_request(about, sent, notes, public=public)
        before()

        def make(client: Any) -> Any:
            api = client.datasets.dataset_api_client
            return api.create_dataset(request) if notes is None else api.create_dataset_version(request)

        answer = self._make(uploads, make, f"uploading {folder.name}")
        if answer is None or not (answer.error or answer.status or answer.url):
            # After an empty answer the version may or may not exist.
            raise AnswerLost(f"Kaggle gave no answer to the upload of {folder.name}: run this again.")
        uploads.forget()
        if answer.error or str(answer.status or "").lower() not in ("ok", ""):
            said = one_line(answer.error or str(answer.status))
            raise KaggleRefused(
                f"Kaggle refused the upload of {folder.name} ({said}): fix what it names, then run this again."
            )
        return str(answer.url or "")

    def send_model(
        self, ref: ModelRef, folder: Path, paths: Sequence[str], notes: str, licence: str | None
    ) -> None:
        """Upload files as a new version of a variation; creates the model and the variation (private) when they don't exist.

        Args:
            ref: the variation.
            folder: where the files are.
            paths: the files, relative (posix).
            notes: version notes.
            licence: licence of a new variation.

        Raises:
            KaggleRefused: Kaggle refused, or a file could not be uploaded.
            AnswerLost: the version may exist or not.
        """
        from kagglesdk.blobs.types.blob_api_service import ApiBlobType

        what, name = f"uploading the model {ref.name}", f"the model {ref.name}"
        self._create_model(ref, what)
        uploads = self._uploads(ApiBlobType.MODEL)
        tree = request_building.Folder()
        with tempfile.TemporaryDirectory() as scratch:
            if len(paths) > _MOST_MODEL_FILES:
                archive = _zipped(Path(scratch, "archive.zip"), folder, paths)
                tree.add("archive.zip", uploads.send(archive, archive.name, f"{name} (archive.zip)"))
            else:
                for path in paths:
                    tree.add(path, uploads.send(folder / path, Path(path).name, f"{name} ({path})"))
        first = request_building.variation_request(ref, licence, *tree.wire())
        try:
            _checked(
                self._make(uploads, lambda c: c.models.model_api_client.create_model_instance(first), what),
                name,
            )
        except Conflict:
            further = request_building.version_request(ref, notes, *tree.wire())
            answer = self._make(
                uploads, lambda c: c.models.model_api_client.create_model_instance_version(further), what
            )
            _checked(answer, name)
        uploads.forget()

    def save_notebook(self, folder: Path, accelerator: str = "") -> Saved:
        """Save the notebook in `folder`, which runs it.

        Raises:
            KaggleRefused: an HTTP refusal. A refusal inside a 200 answer comes back as `Saved.error`.
            AnswerLost: the version may exist or not.
        """
        request = request_building.notebook_request(folder, accelerator)
        what = f"saving the notebook {folder.name}"
        answer = self._once(what, lambda c: c.kernels.kernels_api_client.save_kernel(request))
        if answer is None:
            raise AnswerLost(f"Kaggle gave no answer to the notebook {folder.name}: run this again.")
        with translated(f"reading Kaggle's answer to the notebook {folder.name}"):
            return Saved.from_answer(answer)

    def _uploads(self, kind: Any) -> Uploads:
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

    def _make(self, uploads: Uploads, call: Callable[[Any], Any], what: str) -> Any:
        """Make the call that makes a version; after a refusal the uploads can't be used again."""
        try:
            return self._once(what, call)
        except Conflict:
            raise
        except KaggleRefused:
            uploads.forget()
            raise

    def _create_model(self, ref: ModelRef, what: str) -> None:
        """Create the model, private, unless it exists."""
        from kagglesdk.models.types.model_api_service import ApiCreateModelRequest

        if self.model_exists(ref.owner, ref.model):
            return
        request = ApiCreateModelRequest()
        request.owner_slug, request.slug, request.title = ref.owner, ref.model, ref.model
        request.is_private = True
        answer = self._once(what, lambda c: c.models.model_api_client.create_model(request))
        # A conflict: it was made in between.
        with suppress(Conflict):
            _checked(answer, f"the model {ref.owner}/{ref.model}")


def _top_level(folder: Path, scratch: Path) -> Iterable[Path]:
    """The files to upload: each folder in `folder` as a zip, which Kaggle unpacks to that folder."""
    for path in sorted(folder.iterdir()):
        if path.name == DATASET_FILE:
            continue
        if path.is_dir():
            inside = [file.relative_to(path).as_posix() for file in sorted(path.rglob("*")) if file.is_file()]
            yield _zipped(scratch / f"{path.name}.zip", path, inside)
        else:
            yield path


def _zipped(archive: Path, folder: Path, paths: Iterable[str]) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as made:
        for path in paths:
            made.write(folder / path, path)
    return archive


def _checked(answer: Any, name: str) -> None:
    """Raise for an answer about a model that holds an error: Kaggle puts them into a 200 (kagglehub 1.0.3, `handle_mutate_call`)."""
    error = one_line(answer.error or "")
    if not error:
        return
    code = answer.error_code or 0
    # The clients' own tests, which run against the live site, know "already used" and "already exists".
    if code == _CONFLICT or "already" in error:
        raise Conflict(f"Kaggle has {name} already ({error}).")
    if code >= _SERVER_FAULT:
        raise AnswerLost(f"Kaggle failed while uploading {name} ({error}): run this again.")
    raise KaggleRefused(f"Kaggle refused {name} ({error}): fix what it names, then run this again.")
