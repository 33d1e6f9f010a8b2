"""Models at Kaggle: the calls behind `client.Kaggle`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle.values import ModelVersion, RemoteFile

_PAGE = 200

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


def instance_request(ref: ModelRef, licence: str | None, files: list[Any], folders: list[Any]) -> Any:
    """What makes a variation with its first version."""
    from kagglesdk.models.types import model_api_service as types

    request, body = types.ApiCreateModelInstanceRequest(), types.ApiCreateModelInstanceRequestBody()
    request.owner_slug, request.model_slug = ref.owner, ref.model
    body.instance_slug, body.framework = ref.variation, framework(ref.framework)
    body.files, body.directories = files, folders
    if licence is not None:
        body.license_name = licence
    request.body = body
    return request


def version_request(ref: ModelRef, notes: str, files: list[Any], folders: list[Any]) -> Any:
    """What makes a further version of a variation."""
    from kagglesdk.models.types import model_api_service as types

    request = _filled(types.ApiCreateModelInstanceVersionRequest(), ref)
    body = types.ApiCreateModelInstanceVersionRequestBody()
    body.version_notes, body.files, body.directories = notes, files, folders
    request.body = body
    return request


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
