"""Models: created, shown, listed, updated, deleted; their variations are next door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.models.types.model_api_service import (
    ApiCreateModelResponse,
    ApiDeleteModelResponse,
    ApiListModelsResponse,
    ApiModel,
    ApiModelInstance,
    ApiUpdateModelResponse,
)
from kagglesdk.models.types.model_enums import ListModelsOrderBy, ModelFramework, ModelInstanceType

from tests.local_kaggle import listing
from tests.local_kaggle.clock import as_datetime, as_seconds
from tests.local_kaggle.errors import denied
from tests.local_kaggle.names import framework_slug, is_new_slug
from tests.local_kaggle.records import Model, Variation
from tests.local_kaggle.store import files_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World

CONFLICT = 409


def readable(world: World, caller: Caller, owner: str, slug: str) -> Model:
    """The model, for somebody who may see it; raises ApiError as `listing.readable` says."""
    found = world.store.models.get(f"{owner}/{slug}")
    return listing.readable(found, caller, "models", world.behaviour.missing_model)


def writable(world: World, caller: Caller, owner: str, slug: str, permission: str) -> Model:
    model = readable(world, caller, owner, slug)
    if model.owner != caller.required():
        raise denied(permission)
    return model


def failure(sentence: str, code: int | None = None) -> KaggleObject:
    """A refusal as both clients expect one: status 200 with `error`; kagglehub 1.0.2 goes by `errorCode`."""
    answer = ApiCreateModelResponse()
    answer.error = sentence
    answer.error_code = code
    return answer


def url_of(model: Model, variation: Variation | None = None) -> str:
    below = f"/{framework_slug(variation.framework)}/{variation.slug}" if variation else ""
    return f"/models/{model.ref}{below}"


def _create(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Creates a model, private unless told otherwise."""
    user = caller.required()
    owner = request.owner_slug or user
    if owner != user:
        raise denied("models.create")
    if not is_new_slug(request.slug):
        return failure(f"The model slug {request.slug!r} is not valid.")
    if f"{owner}/{request.slug}" in world.store.models:
        return failure(f'The slug "{request.slug}" is already used by another model.', CONFLICT)
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
        is_private="is_private" not in request or request.is_private,
        publish_time=as_seconds(request.publish_time) if request.publish_time else None,
        provenance_sources=request.provenance_sources or "",
    )
    world.store.save_model(model)
    return created(caller, model, model.id)


def created(caller: Caller, model: Model, number: int, variation: Variation | None = None) -> KaggleObject:
    answer = ApiCreateModelResponse()
    answer.id = number
    answer.ref = model.ref
    answer.url = caller.base + url_of(model, variation)
    return answer


def _describe(world: World, caller: Caller, model: Model) -> KaggleObject:
    answer = ApiModel()
    answer.id, answer.ref, answer.slug = model.id, model.ref, model.slug
    answer.title, answer.subtitle, answer.description = model.title, model.subtitle, model.description
    answer.author, answer.is_private = model.owner, model.is_private
    answer.provenance_sources = model.provenance_sources
    answer.url = caller.base + url_of(model)
    answer.publish_time = as_datetime(model.publish_time or model.created)
    answer.update_time = as_datetime(model.updated)
    answer.instances = [describe_variation(world, caller, model, v) for v in model.variations]
    return answer


def describe_variation(world: World, caller: Caller, model: Model, variation: Variation) -> KaggleObject:
    answer = ApiModelInstance()
    answer.id, answer.slug = variation.id, variation.slug
    answer.framework = ModelFramework[variation.framework]
    answer.overview, answer.usage = variation.overview, variation.usage
    answer.license_name, answer.fine_tunable = variation.license, variation.fine_tunable
    answer.training_data = variation.training_data
    answer.model_instance_type = ModelInstanceType[variation.instance_type]
    answer.external_base_model_url = variation.external_base_model_url
    answer.url = caller.base + url_of(model, variation)
    current = world.current(variation.versions)
    if current:
        answer.version_id, answer.version_number = current.id, current.number
        folder = world.store.model_folder(model, variation.id, current.number)
        answer.total_uncompressed_bytes = sum(size for _, size in files_of(folder))
    return answer


def _get(world: World, caller: Caller, request: KaggleObject) -> Reply:
    return _describe(world, caller, readable(world, caller, request.owner_slug, request.model_slug))


_ORDERS: Mapping[ListModelsOrderBy, Callable[[Model], float]] = {
    ListModelsOrderBy.LIST_MODELS_ORDER_BY_CREATE_TIME: lambda model: model.created,
    ListModelsOrderBy.LIST_MODELS_ORDER_BY_UPDATE_TIME: lambda model: model.updated,
    ListModelsOrderBy.LIST_MODELS_ORDER_BY_PUBLISH_TIME: lambda model: model.publish_time or model.created,
}


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Public models, and the caller's own (that those are listed too is assumed)."""
    answer = ApiListModelsResponse()
    cut, answer.next_page_token, answer.total_results = listing.listed(
        world.store.models.values(),
        request,
        owner=request.owner,
        keep=lambda model: listing.visible(model, caller.user),
        order=_ORDERS.get(request.sort_by),
    )
    answer.models = [_describe(world, caller, model) for model in cut]
    return answer


def changes(request: KaggleObject, names: Iterable[str]) -> list[str]:
    """The fields that an update names in its mask; without a mask nothing is changed, as the client says it."""
    if request.update_mask is None:
        return []
    # FieldMask's JSON form is camelCase and its `paths` are as the client wrote them, snake_case.
    return [name for name in names if name in request.update_mask.paths]


def _update(world: World, caller: Caller, request: KaggleObject) -> Reply:
    model = writable(world, caller, request.owner_slug, request.model_slug, "models.update")
    names = ("title", "subtitle", "is_private", "description", "provenance_sources", "publish_time")
    for name in changes(request, names):
        value = getattr(request, name)
        if name == "publish_time":
            model.publish_time = as_seconds(value) if value else None
        else:
            setattr(model, name, value if value is not None else "")
    model.updated = world.clock.now()
    world.store.save_model(model)
    answer = ApiUpdateModelResponse()
    answer.id, answer.ref, answer.url = model.id, model.ref, caller.base + url_of(model)
    answer.error = ""
    return answer


def _delete(world: World, caller: Caller, request: KaggleObject) -> Reply:
    world.store.delete_model(writable(world, caller, request.owner_slug, request.model_slug, "models.delete"))
    return deleted()


def deleted() -> KaggleObject:
    answer = ApiDeleteModelResponse()
    answer.error = ""
    return answer


MODELS: Handlers = {
    "CreateModel": _create,
    "GetModel": _get,
    "ListModels": _list,
    "UpdateModel": _update,
    "DeleteModel": _delete,
}
