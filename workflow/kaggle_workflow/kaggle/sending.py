"""Everything that makes something on Kaggle: dataset versions, model versions, saved notebooks. Each such call is made once."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle import request_building
from kaggle_workflow.kaggle.errors import AnswerLost, Conflict, one_line, translated
from kaggle_workflow.kaggle.rate_limit import within_rate_limit
from kaggle_workflow.kaggle.uploading import Uploads
from kaggle_workflow.kaggle.values import Saved
from kaggle_workflow.metadata import DATASET_FILE

if TYPE_CHECKING:
    from kaggle_workflow.kaggle.client import Kaggle

# More files of a model than this travel as one archive, which Kaggle unpacks (kagglehub 1.0.3).
_MOST_MODEL_FILES = 50
_CONFLICT = 409
_SERVER_FAULT = 500


def send_dataset(
    kaggle: Kaggle, folder: Path, notes: str | None, before: Callable[[], None], *, public: bool
) -> str:
    """Upload a staged dataset.

    Args:
        kaggle: whose credentials to use.
        folder: the files, with `dataset-metadata.json`; top-level folders travel as zips, which Kaggle unpacks.
        notes: notes of a new version; None creates the dataset.
        before: called when every file is up, just before the one call that makes the version.
        public: whether a created dataset is public.

    Returns:
        The address of the dataset as Kaggle answers it.

    Raises:
        KaggleRefused: Kaggle answered no, or a file did not go up; nothing was made.
        AnswerLost: the version may have been made or not.
    """
    from kagglesdk.blobs.types.blob_api_service import ApiBlobType

    about = json.loads((folder / DATASET_FILE).read_text(encoding="utf-8"))
    uploads = kaggle.uploads(ApiBlobType.DATASET)
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

    answer = _made_once(kaggle, uploads, make, f"uploading {folder.name}")
    if answer is None or not (answer.error or answer.status or answer.url):
        # An empty answer says neither that there is a version nor that there is none.
        raise AnswerLost(
            f"Kaggle gave no answer to the upload of {folder.name}: nothing is assumed, run this again."
        )
    uploads.forget()
    if answer.error or str(answer.status or "").lower() not in ("ok", ""):
        said = one_line(answer.error or str(answer.status))
        raise KaggleRefused(
            f"Kaggle refused the upload of {folder.name} ({said}): correct what it names, then run this again."
        )
    return str(answer.url or "")


def send_model(
    kaggle: Kaggle, ref: ModelRef, folder: Path, paths: Sequence[str], notes: str, licence: str | None
) -> None:
    """Upload files as a new version of a variation; model and variation are made when they are not there (private).

    Args:
        kaggle: whose credentials to use.
        ref: the variation.
        folder: where the files lie.
        paths: the files, relative (posix).
        notes: version notes.
        licence: licence of a new variation.

    Raises:
        KaggleRefused: Kaggle answered no, or a file did not go up.
        AnswerLost: the version may have been made or not.
    """
    from kagglesdk.blobs.types.blob_api_service import ApiBlobType

    from kaggle_workflow.kaggle import models

    what = f"uploading the model {ref.name}"
    _create_model(kaggle, ref, what)
    uploads = kaggle.uploads(ApiBlobType.MODEL)
    tree = request_building.Folder()
    with tempfile.TemporaryDirectory() as scratch:
        if len(paths) > _MOST_MODEL_FILES:
            archive = _zipped(Path(scratch, "archive.zip"), folder, paths)
            tree.add(
                "archive.zip", uploads.send(archive, archive.name, f"the model {ref.name} (archive.zip)")
            )
        else:
            for path in paths:
                token = uploads.send(folder / path, Path(path).name, f"the model {ref.name} ({path})")
                tree.add(path, token)
    request = models.instance_request(ref, licence, *tree.wire())
    try:
        _checked(
            _made_once(
                kaggle, uploads, lambda c: c.models.model_api_client.create_model_instance(request), what
            ),
            f"the model {ref.name}",
        )
    except Conflict:
        version = models.version_request(ref, notes, *tree.wire())
        answer = _made_once(
            kaggle, uploads, lambda c: c.models.model_api_client.create_model_instance_version(version), what
        )
        _checked(answer, f"the model {ref.name}")
    uploads.forget()


def save_notebook(kaggle: Kaggle, folder: Path, accelerator: str) -> Saved:
    """Save the notebook in `folder` and let it run.

    Raises:
        KaggleRefused: an HTTP refusal. A refusal inside a 200 answer comes back as `Saved.error`.
        AnswerLost: the version may have been made or not.
    """
    request = request_building.notebook_request(folder, accelerator)
    what = f"saving the notebook {folder.name}"
    answer = _call_once(kaggle, lambda c: c.kernels.kernels_api_client.save_kernel(request), what)
    if answer is None:
        raise AnswerLost(
            f"Kaggle gave no answer to the notebook {folder.name}: nothing is assumed, run this again."
        )
    with translated(f"reading Kaggle's answer to the notebook {folder.name}"):
        return Saved.of(answer)


def _call_once(kaggle: Kaggle, call: Callable[[Any], Any], what: str) -> Any:
    """A call that must not be repeated, unless Kaggle says that it did nothing (429)."""
    with kaggle.once(what) as client:
        return within_rate_limit(lambda: call(client), what)


def _made_once(kaggle: Kaggle, uploads: Uploads, call: Callable[[Any], Any], what: str) -> Any:
    """The call that makes a version; after a refusal the uploads are of no use any more."""
    try:
        return _call_once(kaggle, call, what)
    except Conflict:
        raise
    except KaggleRefused:
        uploads.forget()
        raise


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


def _create_model(kaggle: Kaggle, ref: ModelRef, what: str) -> None:
    """Create the model, private, unless it is there."""
    from kagglesdk.models.types.model_api_service import ApiCreateModelRequest

    if kaggle.model_exists(ref.owner, ref.model):
        return
    request = ApiCreateModelRequest()
    request.owner_slug, request.slug, request.title = ref.owner, ref.model, ref.model
    request.is_private = True
    answer = _call_once(kaggle, lambda c: c.models.model_api_client.create_model(request), what)
    try:
        _checked(answer, f"the model {ref.owner}/{ref.model}")
    except Conflict:
        # It was made in between.
        return


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
    raise KaggleRefused(f"Kaggle refused {name} ({error}): correct what it names, then run this again.")
