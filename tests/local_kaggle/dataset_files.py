"""The files of a dataset's version: listed, shown as a tree, downloaded."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from kagglesdk.datasets.databundles.types.databundle_api_types import (
    ApiDirectory,
    ApiDirectoryContent,
    ApiFile,
)
from kagglesdk.datasets.types.dataset_api_service import (
    ApiDatasetFile,
    ApiListDatasetFilesResponse,
)

from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.datasets import readable
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.paging import page
from tests.local_kaggle.store import files_of
from tests.local_kaggle.wire import Redirect, Reply

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.records import Dataset, Version
    from tests.local_kaggle.world import Caller, Handlers, World


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


DATASET_FILES: Handlers = {
    "ListDatasetFiles": _list_files,
    "ListTreeDatasetFiles": _list_tree,
    "DownloadDataset": _download,
    "DownloadDatasetRaw": _download,
}
