"""Which datasets a list request wants, and in which order."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kagglesdk.datasets.types.dataset_enums import (
    DatasetFileTypeGroup,
    DatasetLicenseGroup,
    DatasetSortBy,
)

from tests.local_kaggle.store import files_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.records import Dataset
    from tests.local_kaggle.world import Caller, World

ORDERS: Mapping[DatasetSortBy, Callable[[Dataset], float]] = {
    DatasetSortBy.DATASET_SORT_BY_UPDATED: lambda dataset: dataset.versions[-1].created,
    DatasetSortBy.DATASET_SORT_BY_ACTIVE: lambda dataset: dataset.versions[-1].created,
    DatasetSortBy.DATASET_SORT_BY_PUBLISHED: lambda dataset: dataset.created,
}
"""Nobody votes and nobody looks here: the other orders are by age, the newest first."""

_SUFFIXES = {
    DatasetFileTypeGroup.DATASET_FILE_TYPE_GROUP_CSV: (".csv",),
    DatasetFileTypeGroup.DATASET_FILE_TYPE_GROUP_SQLITE: (".sqlite", ".sqlite3", ".db"),
    DatasetFileTypeGroup.DATASET_FILE_TYPE_GROUP_JSON: (".json", ".jsonl"),
    DatasetFileTypeGroup.DATASET_FILE_TYPE_GROUP_PARQUET: (".parquet",),
    DatasetFileTypeGroup.DATASET_FILE_TYPE_GROUP_BIG_QUERY: (),
}
_LICENSES = {"CC": ("CC",), "GPL": ("GPL", "LGPL", "AGPL"), "ODB": ("ODB", "ODC", "DBCL")}


def choice(world: World, caller: Caller, request: KaggleObject) -> Callable[[Dataset], bool]:
    """The filters of a list request: group, kind of files, licence, tags, size.

    Raises:
        ApiError: 401 when somebody who is not signed in asks for his own.
    """
    group = request.group.name.removeprefix("DATASET_SELECTION_GROUP_")
    if group.startswith("MY"):
        caller.required()
    tags = {tag.strip() for tag in (request.tag_ids or "").split(",") if tag.strip()}

    def wanted(dataset: Dataset) -> bool:
        return (
            _in_group(dataset, group, caller.user)
            and tags <= set(dataset.keywords)
            and _has_license(dataset, request.license)
            and _has_files(world, dataset, request)
        )

    return wanted


def _has_files(world: World, dataset: Dataset, request: KaggleObject) -> bool:
    """Whether the current version's files are of the size and kind that is asked for."""
    suffixes = _SUFFIXES.get(request.file_type)
    if suffixes is None and not request.min_size and not request.max_size:
        return True
    current = world.current(dataset.versions)
    files = files_of(world.store.dataset_folder(dataset, current.number)) if current else []
    size = sum(each for _, each in files)
    if size < (request.min_size or 0) or (request.max_size and size > request.max_size):
        return False
    return suffixes is None or any(PurePosixPath(name).suffix.lower() in suffixes for name, _ in files)


def _in_group(dataset: Dataset, group: str, user: str) -> bool:
    mine = bool(user) and dataset.owner == user
    if group.startswith("MY"):
        return mine and group in ("MY", "MY_PRIVATE" if dataset.is_private else "MY_PUBLIC")
    if group in ("COLLABORATION", "USER_SHARED_WITH_ME", "SHARED_WITH_USER"):
        return dataset.is_writer(user) and not mine
    if group in ("UPVOTED", "BOOKMARKED", "FEATURED", "ORGANIZATION"):
        return False
    return not dataset.is_private


def _has_license(dataset: Dataset, group: DatasetLicenseGroup) -> bool:
    wanted: str = group.name.removeprefix("DATASET_LICENSE_GROUP_")
    if wanted == "ALL":
        return True
    name = dataset.license.upper()
    found = next((each for each, starts in _LICENSES.items() if name.startswith(starts)), "OTHER")
    return found == wanted
