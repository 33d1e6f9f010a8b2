"""What tests do over and over with kagglesdk: upload, create, save, ask."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import requests
from kagglesdk.blobs.types.blob_api_service import ApiBlobType, ApiStartBlobUploadRequest
from kagglesdk.datasets.types.dataset_api_service import (
    ApiCreateDatasetRequest,
    ApiCreateDatasetVersionRequest,
    ApiCreateDatasetVersionRequestBody,
    ApiDatasetNewFile,
    ApiGetDatasetRequest,
    ApiGetDatasetStatusRequest,
)
from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelSessionStatusRequest, ApiSaveKernelRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kagglesdk.kaggle_client import KaggleClient
    from kagglesdk.kaggle_object import KaggleObject

NOTEBOOK = json.dumps(
    {
        "cells": [],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
)


def start(client: KaggleClient, name: str, size: int) -> KaggleObject:
    request = ApiStartBlobUploadRequest()
    request.type = ApiBlobType.DATASET
    request.name = name
    request.content_length = size
    return client.blobs.blob_api_client.start_blob_upload(request)


def upload(client: KaggleClient, files: Mapping[str, bytes]) -> list[KaggleObject]:
    """Uploads files and returns what a create call names them by."""
    named = []
    for name, content in files.items():
        started = start(client, name, len(content))
        requests.put(started.create_url, data=content, timeout=10).raise_for_status()
        file = ApiDatasetNewFile()
        file.token = started.token
        named.append(file)
    return named


def create(client: KaggleClient, ref: str, files: Mapping[str, bytes], **fields: object) -> KaggleObject:
    request = ApiCreateDatasetRequest()
    request.owner_slug, request.slug = ref.split("/")
    request.title = request.slug
    request.license_name = "CC0-1.0"
    request.is_private = True
    request.files = upload(client, files)
    for name, value in fields.items():
        setattr(request, name, value)
    return client.datasets.dataset_api_client.create_dataset(request)


def create_version(
    client: KaggleClient, ref: str, files: Mapping[str, bytes], **fields: object
) -> KaggleObject:
    request = ApiCreateDatasetVersionRequest()
    request.owner_slug, request.dataset_slug = ref.split("/")
    request.body = ApiCreateDatasetVersionRequestBody()
    request.body.files = upload(client, files)
    for name, value in fields.items():
        setattr(request.body, name, value)
    return client.datasets.dataset_api_client.create_dataset_version(request)


def dataset(client: KaggleClient, ref: str) -> KaggleObject:
    request = ApiGetDatasetRequest()
    request.owner_slug, request.dataset_slug = ref.split("/")
    return client.datasets.dataset_api_client.get_dataset(request)


def dataset_status(client: KaggleClient, ref: str) -> str:
    request = ApiGetDatasetStatusRequest()
    request.owner_slug, request.dataset_slug = ref.split("/")
    status: str = client.datasets.dataset_api_client.get_dataset_status(request).status.name
    return status


def save(client: KaggleClient, ref: str, **fields: object) -> KaggleObject:
    request = ApiSaveKernelRequest()
    request.slug = ref
    request.text = NOTEBOOK
    request.language = "python"
    request.kernel_type = "notebook"
    request.enable_internet = False
    for name, value in fields.items():
        setattr(request, name, value)
    return client.kernels.kernels_api_client.save_kernel(request)


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Asks again and again; fails when the condition does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)


def run_status(client: KaggleClient, ref: str, version: int | None = None) -> str:
    return str(run_state(client, ref, version).status.name)


def run_state(client: KaggleClient, ref: str, version: int | None = None) -> KaggleObject:
    request = ApiGetKernelSessionStatusRequest()
    request.user_name, request.kernel_slug = ref.split("/")
    if version:
        request.version_label = f"v{version}"
    return client.kernels.kernels_api_client.get_kernel_session_status(request)
