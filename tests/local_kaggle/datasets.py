"""Datasets: created, versioned, processed for a while, listed, downloaded, deleted."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kagglesdk.datasets.databundles.types.databundle_api_types import (
    ApiDirectory,
    ApiDirectoryContent,
    ApiFile,
)
from kagglesdk.datasets.types.dataset_api_service import (
    ApiCategory,
    ApiCreateDatasetResponse,
    ApiDataset,
    ApiDatasetFile,
    ApiDatasetVersion,
    ApiDeleteDatasetResponse,
    ApiGetDatasetMetadataResponse,
    ApiGetDatasetStatusResponse,
    ApiListDatasetFilesResponse,
    ApiListDatasetsResponse,
    ApiUpdateDatasetMetadataResponse,
)
from kagglesdk.datasets.types.dataset_enums import DatabundleVersionStatus, DatasetSelectionGroup
from kagglesdk.datasets.types.dataset_types import (
    DatasetCollaborator,
    DatasetInfo,
    DatasetSettingsFile,
    SettingsLicense,
)

from tests.local_kaggle.blobs import uploads_of
from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.errors import ApiError, denied
from tests.local_kaggle.names import is_slug, slugify
from tests.local_kaggle.paging import page
from tests.local_kaggle.records import Dataset, Version
from tests.local_kaggle.store import files_of
from tests.local_kaggle.unpack import publish
from tests.local_kaggle.wire import Redirect, Reply

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.world import Caller, Handlers, World


def readable(world: World, caller: Caller, owner: str, slug: str) -> Dataset:
    """The dataset, for somebody who may see it.

    Raises:
        ApiError: 403 for somebody else's private dataset; Behaviour.missing_dataset when there is none.
    """
    dataset = world.store.datasets.get(f"{owner}/{slug}")
    if dataset is None:
        if world.behaviour.missing_dataset == 403:
            raise denied("datasets.get")
        raise ApiError(404, "Dataset not found")
    if dataset.is_private and not may_write(dataset, caller.user):
        raise denied("datasets.get")
    return dataset


def may_write(dataset: Dataset, user: str) -> bool:
    """Whether a user owns the dataset or works on it."""
    return bool(user) and (
        user == dataset.owner or any(c.get("username") == user for c in dataset.collaborators)
    )


def _writable(world: World, caller: Caller, owner: str, slug: str, permission: str) -> Dataset:
    caller.required()
    dataset = world.store.datasets.get(f"{owner}/{slug}")
    if dataset is None or not may_write(dataset, caller.user):
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
    if not is_slug(slug):
        return _failure(f"The dataset slug {slug!r} is not valid.")
    if f"{owner}/{slug}" in world.store.datasets:
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
    dataset = _writable(world, caller, request.owner_slug, request.dataset_slug, "datasets.update")
    return _add_version(world, caller, dataset, request.body, request.body.version_notes or "")


def _create_version_by_id(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = next((d for d in world.store.datasets.values() if d.id == request.id), None)
    if dataset is None or not may_write(dataset, caller.required()):
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
        notes=notes,
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
    answer.status = _version_status(world, told)
    return answer


def _version_status(world: World, version: Version) -> KaggleObject:
    if version.failed:
        return DatabundleVersionStatus.FAILED
    return (
        DatabundleVersionStatus.READY if world.is_ready(version) else DatabundleVersionStatus.BLOBS_RECEIVED
    )


def _describe(world: World, caller: Caller, dataset: Dataset, *, versions: bool) -> KaggleObject:
    current = world.current(dataset.versions)
    answer = ApiDataset()
    answer.id = dataset.id
    answer.ref = dataset.ref
    answer.title = dataset.title
    answer.subtitle = dataset.subtitle
    answer.description = dataset.description
    answer.license_name = dataset.license
    answer.is_private = dataset.is_private
    answer.creator_name = answer.owner_name = answer.owner_ref = dataset.owner
    answer.url = f"{caller.base}/datasets/{dataset.ref}"
    answer.last_updated = as_datetime(current.created if current else dataset.created)
    answer.tags = [_tag(name) for name in dataset.keywords]
    if current:
        answer.current_version_number = current.number
        answer.total_bytes = sum(
            size for _, size in files_of(world.store.dataset_folder(dataset, current.number))
        )
    if versions:
        listed = (
            dataset.versions
            if world.behaviour.list_processing_versions
            else world.ready_versions(dataset.versions)
        )
        answer.versions = [_describe_version(world, version) for version in reversed(listed)]
    return answer


def _tag(name: str) -> KaggleObject:
    tag = ApiCategory()
    tag.ref = tag.name = name
    return tag


def _describe_version(world: World, version: Version) -> KaggleObject:
    answer = ApiDatasetVersion()
    answer.version_number = version.number
    answer.creation_date = as_datetime(version.created)
    answer.creator_name = answer.creator_ref = version.creator
    answer.version_notes = version.notes
    answer.status = _version_status(world, version).name.title().replace("_", "")
    return answer


def _get(world: World, caller: Caller, request: KaggleObject) -> Reply:
    return _describe(
        world, caller, readable(world, caller, request.owner_slug, request.dataset_slug), versions=True
    )


def _list(world: World, caller: Caller, request: KaggleObject) -> Reply:
    mine = (
        DatasetSelectionGroup.DATASET_SELECTION_GROUP_MY,
        DatasetSelectionGroup.DATASET_SELECTION_GROUP_MY_PRIVATE,
        DatasetSelectionGroup.DATASET_SELECTION_GROUP_MY_PUBLIC,
    )
    if request.group in mine:
        caller.required()
        every = [d for d in world.store.datasets.values() if d.owner == caller.user]
    else:
        every = [d for d in world.store.datasets.values() if not d.is_private]
    if request.user:
        every = [d for d in every if d.owner == request.user]
    if request.search:
        every = [d for d in every if request.search.lower() in f"{d.title} {d.slug}".lower()]
    answer = ApiListDatasetsResponse()
    cut, answer.next_page_token = page(sorted(every, key=lambda d: -d.id), request)
    answer.datasets = [_describe(world, caller, dataset, versions=False) for dataset in cut]
    return answer


def chosen_version(world: World, dataset: Dataset, number: int | None) -> Version:
    """The version that is asked for, or the current one.

    Raises:
        ApiError: 404 when it is not there (yet).
    """
    ready = world.ready_versions(dataset.versions)
    if number:
        ready = [version for version in ready if version.number == number]
    if not ready:
        raise ApiError(404, "Dataset version not found")
    return ready[-1]


def _list_files(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = readable(world, caller, request.owner_slug, request.dataset_slug)
    version = chosen_version(world, dataset, request.dataset_version_number)
    answer = ApiListDatasetFilesResponse()
    cut, answer.next_page_token = page(files_of(world.store.dataset_folder(dataset, version.number)), request)
    answer.dataset_files = [_describe_file(dataset, version, name, size) for name, size in cut]
    return answer


def _describe_file(dataset: Dataset, version: Version, name: str, size: int) -> KaggleObject:
    answer = ApiDatasetFile()
    answer.ref = answer.name = name
    answer.dataset_ref = dataset.ref
    answer.owner_ref = dataset.owner
    answer.creation_date = as_datetime(version.created)
    answer.file_type = PurePosixPath(name).suffix
    answer.total_bytes = size
    return answer


def _list_tree(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = readable(world, caller, request.owner_slug, request.dataset_slug)
    version = chosen_version(world, dataset, request.dataset_version_number)
    listing = files_of(world.store.dataset_folder(dataset, version.number))
    return tree(listing, request, version.created)


def tree(listing: list[tuple[str, int]], request: KaggleObject, created: float) -> KaggleObject:
    """One folder of a listing, as the tree calls answer it: its folders, then a page of its files."""
    prefix = f"{request.path.strip('/')}/" if request.path else ""
    inside = [(name.removeprefix(prefix), size) for name, size in listing if name.startswith(prefix)]
    folders = sorted({name.split("/")[0] for name, _ in inside if "/" in name})
    files = [(name, size) for name, size in inside if "/" not in name]
    answer = ApiDirectoryContent()
    cut, answer.next_page_token = page(files, request)
    answer.directories = []
    for name in folders:
        directory = ApiDirectory()
        directory.name = name
        directory.relative_url = prefix + name
        answer.directories.append(directory)
    answer.files = []
    for name, size in cut:
        file = ApiFile()
        file.name = name
        file.relative_url = prefix + name
        file.total_bytes = size
        file.creation_date = as_datetime(created)
        answer.files.append(file)
    answer.total_directories, answer.total_files = len(folders), len(files)
    answer.total_children = len(folders) + len(files)
    return answer


def _get_metadata(world: World, caller: Caller, request: KaggleObject) -> Reply:
    dataset = readable(world, caller, request.owner_slug, request.dataset_slug)
    info = DatasetInfo()
    info.dataset_id = dataset.id
    info.dataset_slug = dataset.slug
    info.owner_user = dataset.owner
    info.title = dataset.title
    info.subtitle = dataset.subtitle
    info.description = dataset.description
    info.is_private = dataset.is_private
    info.keywords = dataset.keywords
    info.licenses = [SettingsLicense.from_dict({"name": dataset.license})] if dataset.license else []
    info.collaborators = [DatasetCollaborator.from_dict(c) for c in dataset.collaborators]
    info.data = [DatasetSettingsFile.from_dict(f) for f in dataset.file_settings]
    info.expected_update_frequency = dataset.update_frequency
    info.user_specified_sources = dataset.sources_text
    answer = ApiGetDatasetMetadataResponse()
    answer.info = info
    return answer


def _update_metadata(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Replaces the settings; like the client, it sends everything, so what is absent becomes empty."""
    dataset = _writable(world, caller, request.owner_slug, request.dataset_slug, "datasets.update")
    settings = request.settings
    answer = ApiUpdateDatasetMetadataResponse()
    if not 6 <= len(settings.title or "") <= 50:
        answer.errors = ["The dataset title must be between 6 and 50 characters."]
        return answer
    dataset.title = settings.title
    dataset.subtitle = settings.subtitle or ""
    dataset.description = settings.description or ""
    dataset.is_private = settings.is_private
    dataset.keywords = list(settings.keywords or [])
    dataset.license = settings.licenses[0].name if settings.licenses else dataset.license
    dataset.collaborators = [c.to_dict() for c in settings.collaborators or []]
    dataset.file_settings = [f.to_dict() for f in settings.data or []]
    dataset.update_frequency = settings.expected_update_frequency or ""
    dataset.sources_text = settings.user_specified_sources or ""
    world.store.save_dataset(dataset)
    return answer


def _download(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """Sends the client to a zip of everything, or to one file."""
    dataset = readable(world, caller, request.owner_slug, request.dataset_slug)
    version = chosen_version(world, dataset, request.dataset_version_number)
    folder = world.store.dataset_folder(dataset, version.number)
    if not request.file_name:
        return Redirect(world.downloads.path_of(world.downloads.zip_of(folder), f"{dataset.slug}.zip"))
    raw = getattr(request, "raw", True)
    return single_file(
        world, folder, request.file_name, zipped=world.behaviour.single_file_zipped and not raw
    )


def single_file(world: World, folder: Path, name: str, *, zipped: bool = False) -> Redirect:
    """Sends the client to one file of a folder.

    Raises:
        ApiError: 404 when the folder has no such file.
    """
    if name not in dict(files_of(folder)):
        raise ApiError(404, "File not found")
    if zipped:
        base = PurePosixPath(name).name
        return Redirect(world.downloads.path_of(world.downloads.zip_of(folder, name), f"{base}.zip"))
    return Redirect(world.downloads.path_of(folder / name))


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
    "ListDatasetFiles": _list_files,
    "ListTreeDatasetFiles": _list_tree,
    "GetDatasetMetadata": _get_metadata,
    "UpdateDatasetMetadata": _update_metadata,
    "DownloadDataset": _download,
    "DownloadDatasetRaw": _download,
    "DeleteDataset": _delete,
}
