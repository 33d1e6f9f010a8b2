"""Variations of a model (the API calls them instances), their versions and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.datasets.types.dataset_enums import DatabundleVersionStatus
from kagglesdk.models.types.model_api_service import (
    ApiListModelInstancesResponse,
    ApiListModelInstanceVersionFilesResponse,
    ApiListModelInstanceVersionsResponse,
    ApiModelFile,
    ApiUpdateModelResponse,
)
from kagglesdk.models.types.model_enums import ModelFramework, ModelInstanceType
from kagglesdk.models.types.model_types import ModelInstance, ModelInstanceVersion, ModelInstanceVersionList

from tests.local_kaggle.blobs import uploads_of
from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.dataset_files import single_file
from tests.local_kaggle.datasets import new_version
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.models import (
    CONFLICT,
    changes,
    created,
    deleted,
    describe_variation,
    failure,
    readable,
    url_of,
    writable,
)
from tests.local_kaggle.names import framework_slug, is_slug
from tests.local_kaggle.paging import page
from tests.local_kaggle.records import Model, Variation, Version
from tests.local_kaggle.store import files_of
from tests.local_kaggle.unpack import publish
from tests.local_kaggle.wire import Redirect, Reply

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World


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


def _create_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Creates a variation with its first version; one that exists is a conflict, on which kagglehub makes a version."""
    model = writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    body = request.body
    if body.framework == ModelFramework.MODEL_FRAMEWORK_UNSPECIFIED or not is_slug(body.instance_slug):
        return failure("A variation needs a framework and a slug.", 400)
    if _find(model, body.framework, body.instance_slug):
        return failure(f'The variation "{body.instance_slug}" already exists.', CONFLICT)
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
    model = writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    variation = _variation(model, request)
    return _add_version(world, caller, model, variation, request.body, request.body.version_notes or "")


def _add_version(
    world: World, caller: Caller, model: Model, variation: Variation, body: KaggleObject, notes: str
) -> Reply:
    uploads = uploads_of(world, caller.user, body.files, body.directories)
    if not uploads:
        return failure("A model version needs at least one file.", 400)
    number = max((v.number for v in variation.versions), default=0) + 1
    version = new_version(world, caller, number, notes, world.behaviour.model_processing_seconds)
    publish(uploads, world.store.model_folder(model, variation.id, number), world.behaviour)
    variation.versions.append(version)
    if variation not in model.variations:
        model.variations.append(variation)
    model.updated = world.clock.now()
    world.store.save_model(model)
    return created(caller, model, variation.id if number == 1 else version.id, variation)


def _update_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = writable(world, caller, request.owner_slug, request.model_slug, "models.update")
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
    for name in changes(request, fields):
        value = getattr(request, name)
        if name == "model_instance_type":
            value = value.name if value else "MODEL_INSTANCE_TYPE_UNSPECIFIED"
        setattr(variation, fields[name], value)
    world.store.save_model(model)
    answer = ApiUpdateModelResponse()
    answer.id, answer.ref, answer.url = variation.id, model.ref, caller.base + url_of(model, variation)
    answer.error = ""
    return answer


def _get_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = readable(world, caller, request.owner_slug, request.model_slug)
    return describe_variation(world, caller, model, _variation(model, request))


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
        item.url = f"{caller.base}{url_of(model, variation)}/{version.number}"
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
        return single_file(world, folder, request.path, zipped=world.behaviour.single_file_zipped)
    return Redirect(world.downloads.path_of(world.downloads.tar_of(folder), f"{model.slug}.tar.gz"))


def _delete_variation(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = writable(world, caller, request.owner_slug, request.model_slug, "models.delete")
    model.variations.remove(_variation(model, request))
    world.store.save_model(model)
    return deleted()


def _delete_version(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = writable(world, caller, request.owner_slug, request.model_slug, "models.delete")
    variation = _variation(model, request)
    variation.versions.remove(_chosen(world, variation, request.version_number))
    world.store.save_model(model)
    return deleted()


VARIATIONS: Handlers = {
    "CreateModelInstance": _create_variation,
    "CreateModelInstanceVersion": _create_version,
    "UpdateModelInstance": _update_variation,
    "GetModelInstance": _get_variation,
    "ListModelInstances": _list_variations,
    "ListModelInstanceVersions": _list_versions,
    "ListModelInstanceVersionFiles": _list_files,
    "DownloadModelInstanceVersion": _download,
    "DeleteModelInstance": _delete_variation,
    "DeleteModelInstanceVersion": _delete_version,
}
