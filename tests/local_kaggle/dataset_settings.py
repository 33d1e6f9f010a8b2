"""A dataset's metadata: read, and replaced as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kagglesdk.datasets.types.dataset_api_service import (
    ApiGetDatasetMetadataResponse,
    ApiUpdateDatasetMetadataResponse,
)
from kagglesdk.datasets.types.dataset_types import (
    DatasetCollaborator,
    DatasetInfo,
    DatasetSettingsFile,
    SettingsLicense,
)

from tests.local_kaggle.datasets import readable, writable

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World


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
    dataset = writable(world, caller, request.owner_slug, request.dataset_slug, "datasets.update")
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


DATASET_SETTINGS: Handlers = {"GetDatasetMetadata": _get_metadata, "UpdateDatasetMetadata": _update_metadata}
