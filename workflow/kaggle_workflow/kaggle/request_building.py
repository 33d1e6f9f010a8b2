"""Build the requests that make something on Kaggle from staged files; nothing is sent here.

They equal those of the official clients (read in kaggle 2.2.5 and kagglehub 1.0.3; tests compare them).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kaggle_shim.refs import ModelRef
from kaggle_workflow.kaggle.models import framework, variation_fields
from kaggle_workflow.metadata import KERNEL_FILE


def new_file(token: str, about: dict[str, Any], name: str) -> Any:
    """An uploaded file, with what the metadata's `resources` say about it."""
    from kagglesdk.datasets.types.dataset_api_service import ApiDatasetColumn, ApiDatasetNewFile

    made = ApiDatasetNewFile()
    made.token = token
    for resource in about.get("resources") or []:
        if resource.get("path") != name:
            continue
        made.description = resource.get("description")
        columns = []
        for order, field in enumerate((resource.get("schema") or {}).get("fields") or []):
            column = ApiDatasetColumn()
            column.order, column.name = order, field.get("name")
            column.description = field.get("description") or field.get("title") or ""
            column.type = column.original_type = field.get("type")
            columns.append(column)
        made.columns = columns
    return made


def dataset_request(about: dict[str, Any], sent: list[Any], notes: str | None, *, public: bool) -> Any:
    """Create a dataset (no notes) or a version of one from uploaded files; `about` is its metadata."""
    from kagglesdk.datasets.types import dataset_api_service as types

    owner, _, slug = str(about["id"]).partition("/")
    if notes is None:
        request = types.ApiCreateDatasetRequest()
        request.owner_slug, request.slug, request.title = owner, slug, about["title"]
        request.license_name, request.is_private = about["licenses"][0]["name"], not public
        body: Any = request
    else:
        request = types.ApiCreateDatasetVersionRequest()
        request.owner_slug, request.dataset_slug = owner, slug
        body = types.ApiCreateDatasetVersionRequestBody()
        body.version_notes = notes
    body.subtitle, body.description = about.get("subtitle"), about.get("description")
    body.category_ids, body.files = about.get("keywords") or [], sent
    if notes is not None:
        # kagglesdk copies the body: set it when it is complete.
        request.body = body
    return request


class Folder:
    """Uploaded files as the tree of a model's version."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.tokens: list[str] = []
        self.folders: dict[str, Folder] = {}

    def add(self, path: str, token: str) -> None:
        """Add the token of the file at that path."""
        first, slash, rest = path.partition("/")
        if slash:
            self.folders.setdefault(first, Folder(first)).add(rest, token)
        else:
            self.tokens.append(token)

    def wire(self) -> tuple[list[Any], list[Any]]:
        """Files and folders as the API takes them."""
        from kagglesdk.datasets.types.dataset_api_service import ApiUploadDirectoryInfo

        files = [new_file(token, {}, "") for token in self.tokens]
        made = []
        for inner in self.folders.values():
            folder = ApiUploadDirectoryInfo()
            folder.name = inner.name
            folder.files, folder.directories = inner.wire()
            made.append(folder)
        return files, made


def notebook_request(folder: Path, accelerator: str) -> Any:
    """Save and run the staged notebook: its metadata, and its cells without outputs, each source as one text."""
    from kagglesdk.kernels.types.kernels_api_service import ApiSaveKernelRequest

    about = json.loads((folder / KERNEL_FILE).read_text(encoding="utf-8"))
    text = (folder / about["code_file"]).read_text(encoding="utf-8")
    if about["kernel_type"] == "notebook":
        notebook = json.loads(text)
        for cell in notebook.get("cells", []):
            if cell.get("cell_type") == "code" and "outputs" in cell:
                cell["outputs"] = []
            if isinstance(cell.get("source"), list):
                cell["source"] = "".join(cell["source"])
        text = json.dumps(notebook)
    request = ApiSaveKernelRequest()
    request.slug, request.new_title, request.text = about["id"], about.get("title"), text
    request.language, request.kernel_type = about["language"], about["kernel_type"]
    request.is_private, request.enable_internet = about["is_private"], about["enable_internet"]
    request.enable_gpu, request.enable_tpu = about["enable_gpu"], about["enable_tpu"]
    request.dataset_data_sources = about.get("dataset_sources") or []
    request.competition_data_sources = about.get("competition_sources") or []
    request.kernel_data_sources = about.get("kernel_sources") or []
    request.model_data_sources = about.get("model_sources") or []
    request.category_ids = about.get("keywords") or []
    request.docker_image = about.get("docker_image")
    request.docker_image_pinning_type = about.get("docker_image_pinning_type")
    request.machine_shape = accelerator or about.get("machine_shape")
    return request


def variation_request(ref: ModelRef, licence: str | None, files: list[Any], folders: list[Any]) -> Any:
    """Create a variation of a model with its first version."""
    from kagglesdk.models.types import model_api_service as types

    request, body = types.ApiCreateModelInstanceRequest(), types.ApiCreateModelInstanceRequestBody()
    request.owner_slug, request.model_slug = ref.owner, ref.model
    body.instance_slug, body.framework = ref.variation, framework(ref.framework)
    body.files, body.directories = files, folders
    if licence is not None:
        body.license_name = licence
    request.body = body
    return request


def version_request(ref: ModelRef, notes: str, files: list[Any], folders: list[Any]) -> Any:
    """Create another version of a variation."""
    from kagglesdk.models.types import model_api_service as types

    request = types.ApiCreateModelInstanceVersionRequest()
    for name, value in variation_fields(ref).items():
        setattr(request, name, value)
    body = types.ApiCreateModelInstanceVersionRequestBody()
    body.version_notes, body.files, body.directories = notes, files, folders
    request.body = body
    return request
