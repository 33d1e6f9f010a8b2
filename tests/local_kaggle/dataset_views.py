"""How a dataset and its versions are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.datasets.types.dataset_api_service import (
    ApiCategory,
    ApiDataset,
    ApiDatasetVersion,
)
from kagglesdk.datasets.types.dataset_enums import DatabundleVersionStatus

from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.store import files_of

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.records import Dataset, Version
    from tests.local_kaggle.world import Caller, World


def version_status(world: World, version: Version) -> KaggleObject:
    if version.failed:
        return DatabundleVersionStatus.FAILED
    return (
        DatabundleVersionStatus.READY if world.is_ready(version) else DatabundleVersionStatus.BLOBS_RECEIVED
    )


def describe(world: World, caller: Caller, dataset: Dataset, *, versions: bool) -> KaggleObject:
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
    answer.status = version_status(world, version).name.title().replace("_", "")
    return answer
