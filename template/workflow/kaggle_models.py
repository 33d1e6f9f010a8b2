"""Models at Kaggle: the calls behind `kaggle.Kaggle`, and the upload by kagglehub."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kaggle_shim.refs import ModelRef
from workflow.errors import KaggleRefused, WorkflowError
from workflow.kaggle_errors import AnswerLost, one_line, translated
from workflow.kaggle_values import RemoteFile

Read = Callable[[str, Callable[[Any], Any]], Any]
Pages = Callable[[str, Any, Callable[[Any], Any], str], list[Any]]


def framework(name: str) -> Any:
    """Kagglesdk's name for a framework, however it is written (`PyTorch`, `pytorch`); raises WorkflowError for none."""
    from kagglesdk.models.types.model_enums import ModelFramework

    known = {
        member.name.removeprefix("MODEL_FRAMEWORK_").replace("_", "").lower(): member
        for member in ModelFramework
    }
    wanted = name.replace("-", "").replace("_", "").lower()
    if wanted not in known or wanted == "unspecified":
        raise WorkflowError(
            f"{name!r} is no framework of Kaggle's models: write one of {', '.join(sorted(set(known) - {'unspecified'}))}."
        )
    return known[wanted]


def newest(read: Read, ref: ModelRef) -> int | None:
    """The newest version of a variation; raises NotThere or Denied."""
    from kagglesdk.models.types.model_api_service import ApiGetModelInstanceRequest

    request = _filled(ApiGetModelInstanceRequest(), ref)
    answer = read(
        f"reading the model {ref.name}", lambda c: c.models.model_api_client.get_model_instance(request)
    )
    return answer.version_number or None


def files(pages: Pages, ref: ModelRef) -> tuple[RemoteFile, ...]:
    """Files of a version, by `ListModelInstanceVersionFiles`."""
    from kagglesdk.models.types.model_api_service import ApiListModelInstanceVersionFilesRequest

    request = _filled(ApiListModelInstanceVersionFilesRequest(), ref)
    request.version_number = ref.version
    found = pages(
        f"listing the files of {ref}",
        request,
        lambda c: c.models.model_api_client.list_model_instance_version_files(request),
        "files",
    )
    return tuple(RemoteFile(file.name, file.size or None) for file in found)


def download(ref: ModelRef, name: str) -> Callable[[Any], Any]:
    """The call that answers with one file of a version."""
    from kagglesdk.models.types.model_api_service import ApiDownloadModelInstanceVersionRequest

    request = _filled(ApiDownloadModelInstanceVersionRequest(), ref)
    request.version_number, request.path = ref.version, name
    return lambda c: c.models.model_api_client.download_model_instance_version(request)


def send(ref: ModelRef, folder: Path, notes: str, licence: str | None, ignore: tuple[str, ...]) -> None:
    """Upload `folder` as a new version of the variation; model and variation are made when they are not there (private).

    Raises:
        KaggleRefused: Kaggle answered no, or a file did not go up.
        AnswerLost: the connection broke; the version may exist or not.
    """
    import kagglehub
    from kagglehub.exceptions import BackendError
    from kagglehub.gcs_upload import logger as upload_logger

    from workflow.kaggle import timeouts
    from workflow.kaggle_sending import quiet

    upload_logger.setLevel(logging.WARNING)
    logging.getLogger("kagglehub").setLevel(logging.WARNING)
    handle = f"{ref.owner}/{ref.model}/{ref.framework}/{ref.variation}"
    with quiet(), translated(f"uploading the model {ref.name}"), timeouts():
        try:
            kagglehub.model_upload(
                handle, str(folder), license_name=licence, version_notes=notes, ignore_patterns=list(ignore)
            )
        except BackendError as error:
            code = error.error_code
            if code is not None and code >= 500:  # noqa: PLR2004 - HTTP
                raise AnswerLost(
                    f"Kaggle failed while uploading {ref.name} ({one_line(str(error))}): run this again."
                ) from error
            raise KaggleRefused(
                f"Kaggle refused the model {ref.name} ({one_line(str(error))}): correct what it names, then run this again."
            ) from error


def _filled(request: Any, ref: ModelRef) -> Any:
    request.owner_slug, request.model_slug, request.instance_slug = ref.owner, ref.model, ref.variation
    request.framework = framework(ref.framework)
    return request
