"""Models, their variations (the API calls them instances), and the versions of those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.datasets.types.dataset_enums import DatabundleVersionStatus
from kagglesdk.models.types.model_api_service import (
    ApiCreateModelResponse,
    ApiDeleteModelResponse,
    ApiListModelInstancesResponse,
    ApiListModelInstanceVersionFilesResponse,
    ApiListModelInstanceVersionsResponse,
    ApiListModelsResponse,
    ApiModel,
    ApiModelFile,
    ApiModelInstance,
    ApiUpdateModelResponse,
)
from kagglesdk.models.types.model_enums import ModelFramework, ModelInstanceType
from kagglesdk.models.types.model_types import ModelInstance, ModelInstanceVersion, ModelInstanceVersionList

from tests.local_kaggle.blobs import uploads_of
from tests.local_kaggle.clock import as_datetime, as_seconds
from tests.local_kaggle.datasets import new_version, single_file
from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.names import framework_slug, is_slug
from tests.local_kaggle.paging import page
from tests.local_kaggle.records import Model, Variation, Version
from tests.local_kaggle.store import files_of
from tests.local_kaggle.unpack import publish
from tests.local_kaggle.wire import Redirect, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World

_CONFLICT = 409


def readable(world: World, caller: Caller, owner: str, slug: str) -> Model:
    """The model, for somebody who may see it.

    Raises:
        ApiError: 403 for somebody else's private model; Behaviour.missing_model when there is none.
    """
    model = world.store.models.get(f"{owner}/{slug}")
    if model is None:
        if world.behaviour.missing_model == 403:
            raise denied("models.get")
        raise ApiError(404, "Model not found")
    if model.is_private and model.owner != caller.user:
        raise denied("models.get")
    return model


def _writable(world: World, caller: Caller, owner: str, slug: str, permission: str) -> Model:
    model = readable(world, caller, owner, slug)
    if model.owner != caller.required():
        raise denied(permission)
    return model


def _find(model: Model, framework: KaggleObject, slug: str) -> Variation | None:
    wanted = framework_slug(framework.name)
    return next(
        (v for v in model.variations if (framework_slug(v.framework), v.slug) == (wanted, slug)), None
    )


def _variation(model: Model, request: KaggleObject) -> Variation:
    found = _find(model, request.framework, request.instance_slug)
    if found is None:
        raise ApiError(404, "Model variation not found")
    return found


def _failure(sentence: str, code: int | None = None) -> KaggleObject:
    """A refusal as both clients expect one: status 200 with `error`; kagglehub 1.0.2 goes by `errorCode`."""
    answer = ApiCreateModelResponse()
    answer.error = sentence
    answer.error_code = code
    return answer


def _url(model: Model, variation: Variation | None = None) -> str:
    below = f"/{framework_slug(variation.framework)}/{variation.slug}" if variation else ""
    return f"/models/{model.ref}{below}"


def _create(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Creates a model, private unless told otherwise."""
    user = caller.required()
    owner = request.owner_slug or user
    if owner != user:
        raise denied("models.create")
    if not is_slug(request.slug):
        return _failure(f"The model slug {request.slug!r} is not valid.")
    if f"{owner}/{request.slug}" in world.store.models:
        return _failure(f'The slug "{request.slug}" is already in use by a model.', _CONFLICT)
    now = world.clock.now()
    model = Model(
        id=world.store.next_id(),
        owner=owner,
        slug=request.slug,
        title=request.title or request.slug,
        created=now,
        updated=now,
        subtitle=request.subtitle or "",
        description=request.description or "",
        is_private=request.is_private is not False,
        publish_time=as_seconds(request.publish_time) if request.publish_time else None,
        provenance_sources=request.provenance_sources or "",
    )
    world.store.save_model(model)
    return _created(caller, model, model.id)


def _created(caller: Caller, model: Model, number: int, variation: Variation | None = None) -> KaggleObject:
    answer = ApiCreateModelResponse()
    answer.id = number
    answer.ref = model.ref
    answer.url = caller.base + _url(model, variation)
    return answer


def _create_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Creates a variation with its first version; one that exists is a conflict, on which kagglehub makes a version."""
    model = _writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    body = request.body
    if body.framework == ModelFramework.MODEL_FRAMEWORK_UNSPECIFIED or not is_slug(body.instance_slug):
        return _failure("A variation needs a framework and a slug.", 400)
    if _find(model, body.framework, body.instance_slug):
        return _failure(f'The variation "{body.instance_slug}" already exists.', _CONFLICT)
    kind = body.model_instance_type or ModelInstanceType.MODEL_INSTANCE_TYPE_UNSPECIFIED
    variation = Variation(
        id=world.store.next_id(),
        slug=body.instance_slug,
        framework=body.framework.name,
        overview=body.overview or "",
        usage=body.usage or "",
        license=body.license_name or "",
        fine_tunable=bool(body.fine_tunable),
        training_data=list(body.training_data or []),
        instance_type=kind.name,
        base_model_instance=body.base_model_instance or "",
        external_base_model_url=body.external_base_model_url or "",
    )
    return _add_version(world, caller, model, variation, body, "")


def _create_version(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = _writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    variation = _variation(model, request)
    return _add_version(world, caller, model, variation, request.body, request.body.version_notes or "")


def _add_version(
    world: World, caller: Caller, model: Model, variation: Variation, body: KaggleObject, notes: str
) -> Reply:
    uploads = uploads_of(world, caller.user, body.files, body.directories)
    if not uploads:
        return _failure("A model version needs at least one file.", 400)
    number = max((v.number for v in variation.versions), default=0) + 1
    version = new_version(world, caller, number, notes, world.behaviour.model_processing_seconds)
    publish(uploads, world.store.model_folder(model, variation.id, number), world.behaviour)
    variation.versions.append(version)
    if variation not in model.variations:
        model.variations.append(variation)
    model.updated = world.clock.now()
    world.store.save_model(model)
    return _created(caller, model, variation.id if number == 1 else version.id, variation)


def _describe(world: World, caller: Caller, model: Model) -> KaggleObject:
    answer = ApiModel()
    answer.id, answer.ref, answer.slug = model.id, model.ref, model.slug
    answer.title, answer.subtitle, answer.description = model.title, model.subtitle, model.description
    answer.author, answer.is_private = model.owner, model.is_private
    answer.provenance_sources = model.provenance_sources
    answer.url = caller.base + _url(model)
    answer.publish_time = as_datetime(model.publish_time or model.created)
    answer.update_time = as_datetime(model.updated)
    answer.instances = [_describe_variation(world, caller, model, v) for v in model.variations]
    return answer


def _describe_variation(world: World, caller: Caller, model: Model, variation: Variation) -> KaggleObject:
    answer = ApiModelInstance()
    answer.id, answer.slug = variation.id, variation.slug
    answer.framework = ModelFramework[variation.framework]
    answer.overview, answer.usage = variation.overview, variation.usage
    answer.license_name, answer.fine_tunable = variation.license, variation.fine_tunable
    answer.training_data = variation.training_data
    answer.model_instance_type = ModelInstanceType[variation.instance_type]
    answer.external_base_model_url = variation.external_base_model_url
    answer.url = caller.base + _url(model, variation)
    current = world.current(variation.versions)
    if current:
        answer.version_id, answer.version_number = current.id, current.number
        folder = world.store.model_folder(model, variation.id, current.number)
        answer.total_uncompressed_bytes = sum(size for _, size in files_of(folder))
    return answer


def _get(world: World, caller: Caller, request: KaggleObject) -> Reply:
    return _describe(world, caller, readable(world, caller, request.owner_slug, request.model_slug))


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Public models, and the caller's own (that those are listed too is assumed)."""
    every = [m for m in world.store.models.values() if not m.is_private or m.owner == caller.user]
    if request.owner:
        every = [m for m in every if m.owner == request.owner]
    if request.search:
        every = [m for m in every if request.search.lower() in f"{m.title} {m.slug}".lower()]
    answer = ApiListModelsResponse()
    cut, answer.next_page_token = page(sorted(every, key=lambda m: -m.id), request)
    answer.models = [_describe(world, caller, model) for model in cut]
    answer.total_results = len(every)
    return answer


def _changes(request: KaggleObject, names: Iterable[str]) -> list[str]:
    """The fields that an update names in its mask; without a mask nothing is changed, as the client says it."""
    if request.update_mask is None:
        return []
    # FieldMask's JSON form is camelCase and its `paths` are as the client wrote them, snake_case.
    return [name for name in names if name in request.update_mask.paths]


def _update(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = _writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    names = ("title", "subtitle", "is_private", "description", "provenance_sources", "publish_time")
    for name in _changes(request, names):
        value = getattr(request, name)
        if name == "publish_time":
            model.publish_time = as_seconds(value) if value else None
        else:
            setattr(model, name, value if value is not None else "")
    model.updated = world.clock.now()
    world.store.save_model(model)
    answer = ApiUpdateModelResponse()
    answer.id, answer.ref, answer.url = model.id, model.ref, caller.base + _url(model)
    answer.error = ""
    return answer


def _update_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = _writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    variation = _variation(model, request)
    fields = {
        "overview": "overview",
        "usage": "usage",
        "license_name": "license",
        "fine_tunable": "fine_tunable",
        "training_data": "training_data",
        "model_instance_type": "instance_type",
        "base_model_instance": "base_model_instance",
        "external_base_model_url": "external_base_model_url",
    }
    for name in _changes(request, fields):
        value = getattr(request, name)
        if name == "model_instance_type":
            value = value.name if value else "MODEL_INSTANCE_TYPE_UNSPECIFIED"
        setattr(variation, fields[name], value)
    world.store.save_model(model)
    answer = ApiUpdateModelResponse()
    answer.id, answer.ref, answer.url = variation.id, model.ref, caller.base + _url(model, variation)
    answer.error = ""
    return answer


def _get_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = readable(world, caller, request.owner_slug, request.model_slug)
    return _describe_variation(world, caller, model, _variation(model, request))


def _list_variations(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = readable(world, caller, request.owner_slug, request.model_slug)
    answer = ApiListModelInstancesResponse()
    cut, answer.next_page_token = page(model.variations, request)
    answer.instances = []
    for variation in cut:
        item = ModelInstance()
        item.id, item.slug = variation.id, variation.slug
        item.owner_slug, item.model_slug, item.model_id = model.owner, model.slug, model.id
        item.framework = ModelFramework[variation.framework]
        item.overview, item.usage = variation.overview, variation.usage
        item.fine_tunable, item.training_data = variation.fine_tunable, variation.training_data
        current = world.current(variation.versions)
        if current:
            item.version_id, item.version_number, item.version_notes = (
                current.id,
                current.number,
                current.notes,
            )
            item.status = DatabundleVersionStatus.READY
        else:
            item.status = DatabundleVersionStatus.BLOBS_RECEIVED
        answer.instances.append(item)
    return answer


def _list_versions(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = readable(world, caller, request.owner_slug, request.model_slug)
    variation = _variation(model, request)
    listing = world.behaviour.list_processing_versions
    versions = variation.versions if listing else world.ready_versions(variation.versions)
    answer = ApiListModelInstanceVersionsResponse()
    cut, answer.next_page_token = page(list(reversed(versions)), request)
    answer.version_list = ModelInstanceVersionList()
    answer.version_list.versions = []
    for version in cut:
        item = ModelInstanceVersion()
        item.id, item.version_number = version.id, version.number
        item.framework = ModelFramework[variation.framework]
        item.variation_slug, item.model_title = variation.slug, model.title
        item.model_id, item.model_instance_id = model.id, variation.id
        item.owner_slug, item.model_slug = model.owner, model.slug
        item.is_private = model.is_private
        item.url = f"{caller.base}{_url(model, variation)}/{version.number}"
        answer.version_list.versions.append(item)
    return answer


def _chosen(world: World, variation: Variation, number: int | None) -> Version:
    ready = world.ready_versions(variation.versions)
    if number:
        ready = [version for version in ready if version.number == number]
    if not ready:
        raise ApiError(404, "Model version not found")
    return ready[-1]


def _list_files(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = readable(world, caller, request.owner_slug, request.model_slug)
    variation = _variation(model, request)
    version = _chosen(world, variation, request.version_number)
    answer = ApiListModelInstanceVersionFilesResponse()
    listing = files_of(world.store.model_folder(model, variation.id, version.number))
    cut, answer.next_page_token = page(listing, request)
    answer.files = []
    for name, size in cut:
        item = ApiModelFile()
        item.name, item.size, item.creation_date = name, size, as_datetime(version.created)
        answer.files.append(item)
    return answer


def _download(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Sends the client to a tar.gz of everything (kaggle 2.2.4 opens it as such), or to one file."""
    model = readable(world, caller, request.owner_slug, request.model_slug)
    variation = _variation(model, request)
    version = _chosen(world, variation, request.version_number)
    folder = world.store.model_folder(model, variation.id, version.number)
    if request.path:
        return single_file(world, folder, request.path)
    return Redirect(world.downloads.path_of(world.downloads.tar_of(folder), f"{model.slug}.tar.gz"))


def _delete(world: World, caller: Caller, request: KaggleObject) -> Reply:
    world.store.delete_model(
        _writable(world, caller, request.owner_slug, request.model_slug, "models.delete")
    )
    return _deleted()


def _deleted() -> KaggleObject:
    answer = ApiDeleteModelResponse()
    answer.error = ""
    return answer


def _delete_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = _writable(world, caller, request.owner_slug, request.model_slug, "models.delete")
    model.variations.remove(_variation(model, request))
    world.store.save_model(model)
    return _deleted()


def _delete_version(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = _writable(world, caller, request.owner_slug, request.model_slug, "models.delete")
    variation = _variation(model, request)
    variation.versions.remove(_chosen(world, variation, request.version_number))
    world.store.save_model(model)
    return _deleted()


MODELS: Handlers = {
    "CreateModel": _create,
    "CreateModelInstance": _create_variation,
    "CreateModelInstanceVersion": _create_version,
    "GetModel": _get,
    "ListModels": _list,
    "UpdateModel": _update,
    "UpdateModelInstance": _update_variation,
    "GetModelInstance": _get_variation,
    "ListModelInstances": _list_variations,
    "ListModelInstanceVersions": _list_versions,
    "ListModelInstanceVersionFiles": _list_files,
    "DownloadModelInstanceVersion": _download,
    "DeleteModel": _delete,
    "DeleteModelInstance": _delete_variation,
    "DeleteModelInstanceVersion": _delete_version,
}
