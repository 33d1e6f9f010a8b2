"""Datasets: created, versioned, processed for a while, listed, downloaded, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.datasets.types.dataset_api_service import (
    ApiCreateDatasetResponse,
    ApiDeleteDatasetResponse,
    ApiGetDatasetStatusResponse,
    ApiListDatasetsResponse,
)

from tests.local_kaggle import listing
from tests.local_kaggle.blobs import uploads_of
from tests.local_kaggle.dataset_choice import ORDERS, choice
from tests.local_kaggle.dataset_views import describe, version_status
from tests.local_kaggle.errors import denied
from tests.local_kaggle.listing import in_use
from tests.local_kaggle.names import is_new_slug, slugify
from tests.local_kaggle.records import Dataset, Version
from tests.local_kaggle.unpack import publish

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World


def readable(world: World, caller: Caller, owner: str, slug: str) -> Dataset:
    """The dataset, for somebody who may see it; raises ApiError as `listing.readable` says."""
    found = world.store.datasets.get(f"{owner}/{slug}")
    return listing.readable(found, caller, "datasets", world.behaviour.missing_dataset)


def writable(world: World, caller: Caller, owner: str, slug: str, permission: str) -> Dataset:
    caller.required()
    dataset = world.store.datasets.get(f"{owner}/{slug}")
    if dataset is None or not dataset.is_writer(caller.user):
        raise denied(permission)
    return dataset


def _failure(sentence: str) -> KaggleObject:
    """A refusal as kaggle 2.2.4 and kagglehub 1.0.2 expect one: status 200 with `error`."""
    answer = ApiCreateDatasetResponse()
    answer.status = "error"
    answer.error = sentence
    return answer


def _create(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Creates a dataset, private unless told otherwise.

    The sentence about a title in use is the one that kaggle 2.2.4 itself writes; that about the owner is Kaggle's
    (kaggle-cli issue 25); those about lengths and counts are ours.
    """
    user = caller.required()
    owner = request.owner_slug or user
    slug = request.slug or slugify(request.title or "")
    if owner != user:
        return _failure("You are not allowed to create a dataset as this owner.")
    if not 6 <= len(request.title or "") <= 50:
        return _failure("The dataset title must be between 6 and 50 characters.")
    if not is_new_slug(slug):
        return _failure("The dataset slug can only contain alphanumeric or -.")
    if f"{owner}/{slug}" in world.store.datasets or in_use(
        world.store.datasets.values(), owner, request.title
    ):
        return _failure(
            f'The requested title "{request.title}" is already in use by a dataset. Please choose another title.'
        )
    dataset = Dataset(
        id=world.store.next_id(),
        owner=owner,
        slug=slug,
        title=request.title,
        created=world.clock.now(),
        subtitle=request.subtitle or "",
        description=request.description or "",
        license=request.license_name or "",
        is_private=request.is_private,
    )
    return _add_version(world, caller, dataset, request, notes="Initial release")


def _create_version(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = writable(world, caller, request.owner_slug, request.dataset_slug, "datasets.update")
    return _add_version(world, caller, dataset, request.body, request.body.version_notes or "")


def _create_version_by_id(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = next((d for d in world.store.datasets.values() if d.id == request.id), None)
    if dataset is None or not dataset.is_writer(caller.required()):
        raise denied("datasets.update")
    return _add_version(world, caller, dataset, request.body, request.body.version_notes or "")


def _add_version(world: World, caller: Caller, dataset: Dataset, request: KaggleObject, notes: str) -> Reply:
    """Takes the files; they are current only after the processing time.

    The answer's form (`ref` without a prefix, "Ok", an empty `error`) is the one seen in published logs of users.
    """
    uploads = uploads_of(world, caller.user, request.files, request.directories)
    if not uploads:
        return _failure("A dataset version needs at least one file.")
    top_level = len(request.files or []) + len(request.directories or [])
    if top_level > world.behaviour.top_level_files:
        return _failure(f"A dataset can have at most {world.behaviour.top_level_files} top-level files.")
    number = max((v.number for v in dataset.versions), default=0) + 1
    version = new_version(world, caller, number, notes, world.behaviour.processing_seconds)
    version.replaces_older = bool(getattr(request, "delete_old_versions", False))
    known = world.behaviour.known_tags
    invalid = [t for t in request.category_ids or [] if known is not None and t not in known]
    dataset.keywords = [t for t in request.category_ids or [] if t not in invalid] or dataset.keywords
    dataset.subtitle = request.subtitle or dataset.subtitle
    dataset.description = request.description or dataset.description
    publish(uploads, world.store.dataset_folder(dataset, number), world.behaviour)
    dataset.versions.append(version)
    world.store.save_dataset(dataset)
    answer = ApiCreateDatasetResponse()
    answer.ref = dataset.ref
    answer.status = "Ok"
    answer.error = ""
    answer.url = f"{caller.base}/datasets/{dataset.ref}"
    answer.invalid_tags = invalid
    return answer


def new_version(world: World, caller: Caller, number: int, notes: str, seconds: float | None) -> Version:
    """A version that has just arrived; a `processing` fault decides what becomes of it."""
    outcome = caller.fault.outcome if caller.fault and caller.fault.kind == "processing" else ""
    now = world.clock.now()
    return Version(
        number=number,
        id=world.store.next_id(),
        notes=notes[: world.behaviour.longest_notes],
        created=now,
        creator=caller.user,
        ready_at=None if outcome or seconds is None else now + seconds,
        failed=outcome == "failed",
    )


def _status(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = readable(world, caller, request.owner_slug, request.dataset_slug)
    answer = ApiGetDatasetStatusResponse()
    newest = dataset.versions[-1]
    current = world.current(dataset.versions)
    told = newest if newest.failed or current is None or world.behaviour.status_of == "newest" else current
    answer.status = version_status(world, told)
    return answer


def _get(world: World, caller: Caller, request: KaggleObject) -> Reply:
    return describe(
        world, caller, readable(world, caller, request.owner_slug, request.dataset_slug), versions=True
    )


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    answer = ApiListDatasetsResponse()
    cut, answer.next_page_token, _ = listing.listed(
        world.store.datasets.values(),
        request,
        owner=request.user,
        keep=choice(world, caller, request),
        order=ORDERS.get(request.sort_by),
    )
    answer.datasets = [describe(world, caller, dataset, versions=False) for dataset in cut]
    return answer


def _delete(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = readable(world, caller, request.owner_slug, request.dataset_slug)
    if dataset.owner != caller.required():
        raise denied("datasets.delete")
    world.store.delete_dataset(dataset)
    return ApiDeleteDatasetResponse()


DATASETS: Handlers = {
    "CreateDataset": _create,
    "CreateDatasetVersion": _create_version,
    "CreateDatasetVersionById": _create_version_by_id,
    "GetDatasetStatus": _status,
    "GetDataset": _get,
    "ListDatasets": _list,
    "DeleteDataset": _delete,
}
