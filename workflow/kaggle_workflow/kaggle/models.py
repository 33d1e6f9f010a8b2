"""Models at Kaggle: the calls behind `client.Kaggle`, and the upload by kagglehub."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import KaggleRefused, Unreachable, WorkflowError
from kaggle_workflow.kaggle.errors import AnswerLost, one_line, translated
from kaggle_workflow.kaggle.values import ModelVersion, RemoteFile

_PAGE = 200
# How kagglehub 1.0.2 says that storage answered an upload with a fault of its own.
_STORAGE_FAILED = re.compile(r"Upload failed with status code (?:5\d\d|429)")

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
    return tuple(RemoteFile(file.name, file.size or None) for file in _listed(pages, ref))


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

    from kaggle_workflow.kaggle.careful_hub import careful
    from kaggle_workflow.kaggle.http import CONNECT_SECONDS, READ_SECONDS, timeouts
    from kaggle_workflow.kaggle.sending import quiet

    upload_logger.setLevel(logging.WARNING)
    logging.getLogger("kagglehub").setLevel(logging.WARNING)
    handle = f"{ref.owner}/{ref.model}/{ref.framework}/{ref.variation}"
    patience = (CONNECT_SECONDS, READ_SECONDS)
    with quiet(), translated(f"uploading the model {ref.name}"), timeouts(), careful(ref.name, patience):
        try:
            kagglehub.model_upload(
                handle, str(folder), license_name=licence, version_notes=notes, ignore_patterns=list(ignore)
            )
        except BackendError as error:
            if _STORAGE_FAILED.match(str(error)):
                raise Unreachable(
                    f"The upload of the model {ref.name} did not succeed and nothing was made of it: Kaggle's storage failed "
                    f"({one_line(str(error))[:80]}). Run this again in a few minutes."
                ) from error
            code = error.error_code
            if code is not None and code >= 500:  # noqa: PLR2004 - HTTP
                raise AnswerLost(
                    f"Kaggle failed while uploading {ref.name} ({one_line(str(error))}): run this again."
                ) from error
            raise KaggleRefused(
                f"Kaggle refused the model {ref.name} ({one_line(str(error))}): correct what it names, then run this again."
            ) from error


def names(pages: Pages, owner: str) -> tuple[str, ...]:
    """Models of an account, by `ListModels`."""
    from kagglesdk.models.types.model_api_service import ApiListModelsRequest

    request = ApiListModelsRequest()
    request.owner = owner
    what = f"listing the models of {owner}"
    found = pages(what, request, lambda c: c.models.model_api_client.list_models(request), "models")
    return tuple(model.ref for model in found)


def variations(read: Read, owner: str, model: str) -> tuple[ModelRef, ...]:
    """Variations of a model with their newest versions; raises NotThere or Denied."""
    from kagglesdk.models.types.model_api_service import ApiGetModelRequest

    request = ApiGetModelRequest()
    request.owner_slug, request.model_slug = owner, model
    answer = read(
        f"reading the model {owner}/{model}", lambda c: c.models.model_api_client.get_model(request)
    )
    return tuple(
        ModelRef(owner, model, framework_name(one.framework), one.slug, one.version_number or None)
        for one in answer.instances or []
    )


def framework_name(member: Any) -> str:
    """How a handle writes kagglesdk's framework: `pytorch` for `MODEL_FRAMEWORK_PY_TORCH`, as in a mount."""
    return str(member.name).removeprefix("MODEL_FRAMEWORK_").replace("_", "").lower()


def version_numbers(read: Read, ref: ModelRef) -> tuple[int, ...]:
    """Versions of a variation, by `ListModelInstanceVersions`, which nests its list."""
    from kagglesdk.models.types.model_api_service import ApiListModelInstanceVersionsRequest

    request = _filled(ApiListModelInstanceVersionsRequest(), ref)
    request.page_size = _PAGE
    found: list[int] = []
    while True:
        answer = read(
            f"listing the versions of {ref.name}",
            lambda c: c.models.model_api_client.list_model_instance_versions(request),
        )
        listed = answer.version_list.versions if answer.version_list else []
        found += [int(one.version_number) for one in listed or []]
        if not answer.next_page_token:
            return tuple(sorted(found))
        request.page_token = answer.next_page_token


def facts(pages: Pages, ref: ModelRef) -> ModelVersion:
    """Size and date of a version: Kaggle states neither, its files do."""
    listed = _listed(pages, ref)
    dates = [file.creation_date.isoformat() for file in listed if file.creation_date]
    return ModelVersion(len(listed), sum(file.size or 0 for file in listed), max(dates, default=""))


def _listed(pages: Pages, ref: ModelRef) -> list[Any]:
    from kagglesdk.models.types.model_api_service import ApiListModelInstanceVersionFilesRequest

    request = _filled(ApiListModelInstanceVersionFilesRequest(), ref)
    request.version_number = ref.version
    return pages(
        f"listing the files of {ref}",
        request,
        lambda c: c.models.model_api_client.list_model_instance_version_files(request),
        "files",
    )


def _filled(request: Any, ref: ModelRef) -> Any:
    request.owner_slug, request.model_slug, request.instance_slug = ref.owner, ref.model, ref.variation
    request.framework = framework(ref.framework)
    return request
