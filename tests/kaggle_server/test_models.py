"""Models, variations and versions, by both clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from kagglesdk.models.types.model_api_service import (
    ApiCreateModelRequest,
    ApiGetModelInstanceRequest,
    ApiGetModelRequest,
    ApiListModelInstanceVersionFilesRequest,
    ApiListModelInstanceVersionsRequest,
)
from kagglesdk.models.types.model_enums import ModelFramework

from tests.kaggle_server.actions import save

if TYPE_CHECKING:
    from pathlib import Path

    from kagglesdk.kaggle_client import KaggleClient

    from tests.kaggle_server.conftest import Script, Sdk
    from tests.local_kaggle import LocalKaggle

UPLOAD = """
    import kagglehub
    for notes in ("first", "second"):
        kagglehub.model_upload("tester/cup-models/pyTorch/exp001", "weights", "MIT", notes)
"""


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "weights" / "fold0").mkdir(parents=True)
    (tmp_path / "weights" / "fold0" / "best.pt").write_bytes(b"w" * 1000)
    (tmp_path / "weights" / "model-manifest.json").write_text("{}")
    return tmp_path / "weights"


def variation(client: KaggleClient, **fields: object) -> ApiGetModelInstanceRequest:
    del client
    request = ApiGetModelInstanceRequest()
    request.owner_slug, request.model_slug, request.instance_slug = "tester", "cup-models", "exp001"
    request.framework = ModelFramework.MODEL_FRAMEWORK_PY_TORCH
    for name, value in fields.items():
        setattr(request, name, value)
    return request


@pytest.mark.usefixtures("weights")
def test_kagglehub_uploads_a_version_after_another_and_downloads_the_newest(
    kaggle: LocalKaggle, script: Script, sdk: Sdk
) -> None:
    kaggle.behave(model_processing_seconds=0.0)
    script(
        UPLOAD
        + """
    import pathlib
    got = pathlib.Path(kagglehub.model_download("tester/cup-models/pyTorch/exp001"))
    assert got.name == "2", got
    assert (got / "fold0" / "best.pt").read_bytes() == b"w" * 1000
    """
    )

    model = kaggle.model("tester/cup-models")
    assert model.is_private
    assert [(v.slug, v.framework, v.license) for v in model.variations] == [
        ("exp001", "MODEL_FRAMEWORK_PY_TORCH", "MIT")
    ]
    assert [v.notes for v in model.variations[0].versions] == ["", "second"]
    client = sdk().models.model_api_client
    assert client.get_model_instance(variation(sdk())).version_number == 2
    listing = ApiListModelInstanceVersionFilesRequest()
    listing.owner_slug, listing.model_slug, listing.instance_slug = "tester", "cup-models", "exp001"
    listing.framework = ModelFramework.MODEL_FRAMEWORK_PY_TORCH
    files = client.list_model_instance_version_files(listing).files
    assert [(f.name, f.size) for f in files] == [("fold0/best.pt", 1000), ("model-manifest.json", 2)]


@pytest.mark.usefixtures("weights")
def test_a_model_version_is_listed_only_after_its_processing(
    kaggle: LocalKaggle, script: Script, sdk: Sdk
) -> None:
    kaggle.behave(model_processing_seconds=None)
    script(UPLOAD)
    client = sdk().models.model_api_client
    versions = ApiListModelInstanceVersionsRequest()
    versions.owner_slug, versions.model_slug, versions.instance_slug = "tester", "cup-models", "exp001"
    versions.framework = ModelFramework.MODEL_FRAMEWORK_PY_TORCH

    assert client.get_model_instance(variation(sdk())).version_number == 0
    assert client.list_model_instance_versions(versions).version_list.versions == []
    kaggle.finish_processing()
    listed = client.list_model_instance_versions(versions).version_list.versions
    assert [v.version_number for v in listed] == [2, 1]


def test_the_official_client_does_everything_with_a_model(
    kaggle: LocalKaggle, script: Script, tmp_path: Path, weights: Path
) -> None:
    kaggle.behave(model_processing_seconds=0.0)
    model = {"ownerSlug": "tester", "slug": "cup-models", "title": "Cup models", "isPrivate": True}
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model-metadata.json").write_text(json.dumps({**model, "description": "d"}))
    instance = {
        "ownerSlug": "tester",
        "modelSlug": "cup-models",
        "instanceSlug": "exp001",
        "framework": "pyTorch",
        "licenseName": "MIT",
        "overview": "o",
    }
    (weights / "model-instance-metadata.json").write_text(json.dumps(instance))

    script("""
        import json, pathlib
        import kaggle
        api = kaggle.api
        ref = "tester/cup-models/pyTorch/exp001"
        assert api.model_create_new("m").id
        again = api.model_create_new("m")
        assert not again.id and "already used" in again.error, again
        assert api.model_instance_create("weights", quiet=True, dir_mode="zip").id
        assert "already exists" in api.model_instance_create("weights", quiet=True).error
        assert api.model_instance_version_create(ref, "weights", "v2", quiet=True, dir_mode="tar").id
        assert api.model_get("tester/cup-models").title == "Cup models"
        assert [m.ref for m in api.model_list(owner="tester")] == ["tester/cup-models"]
        assert api.model_instance_get(ref).version_number == 2
        assert [i.slug for i in api.model_instances_list("tester/cup-models").instances] == ["exp001"]
        versions = api.model_instance_versions_list(ref).version_list.versions
        assert [v.version_number for v in versions] == [2, 1]
        files = [f.name for f in api.model_instance_version_files(ref + "/1").files]
        assert files == ["fold0/best.pt", "model-manifest.json"], files
        api.model_instance_version_download(ref + "/2", path="got", untar=True)
        assert pathlib.Path("got/fold0/best.pt").read_bytes() == b"w" * 1000
        meta = json.loads(pathlib.Path("m/model-metadata.json").read_text())
        pathlib.Path("m/model-metadata.json").write_text(json.dumps({**meta, "title": "New title", "subtitle": "s"}))
        assert not api.model_update("m").error
        assert (api.model_get("tester/cup-models").title, api.model_get("tester/cup-models").subtitle) == ("New title", "s")
        meta = json.loads(pathlib.Path("weights/model-instance-metadata.json").read_text())
        pathlib.Path("weights/model-instance-metadata.json").write_text(json.dumps({**meta, "overview": "better"}))
        assert not api.model_instance_update("weights").error
        assert api.model_instance_get(ref).overview == "better"
        assert not api.model_instance_version_delete(ref + "/1", no_confirm=True).error
        assert [v.version_number for v in api.model_instance_versions_list(ref).version_list.versions] == [2]
        assert not api.model_instance_delete(ref, no_confirm=True).error
        assert not api.model_delete("tester/cup-models", no_confirm=True).error
    """)

    assert kaggle.world.store.models == {}


@pytest.mark.usefixtures("weights")
def test_a_model_source_names_its_version_and_is_checked(
    kaggle: LocalKaggle, script: Script, sdk: Sdk
) -> None:
    kaggle.behave(model_processing_seconds=0.0)
    script(UPLOAD)
    client = sdk()
    sources = [f"tester/cup-models/PyTorch/exp001/{n}" for n in (1, 2, 3)]

    assert save(client, "tester/my-sub", model_data_sources=sources).invalid_model_sources == sources[2:]
    kaggle.behave(only_latest_model_version=True)
    answer = save(client, "tester/my-sub", model_data_sources=sources)
    assert answer.invalid_model_sources == [sources[0], sources[2]]
    kaggle.wait_for_runs(20)
    bindings = kaggle.notebook("tester/my-sub").versions[-1].bindings
    assert [(b.framework, b.variation, b.version) for b in bindings] == [("pytorch", "exp001", 2)]


def test_a_model_of_somebody_else_and_one_that_is_not_there(kaggle: LocalKaggle, sdk: Sdk) -> None:
    request = ApiCreateModelRequest()
    request.owner_slug, request.slug, request.title = "tester", "cup-models", "t"
    assert sdk().models.model_api_client.create_model(request).id
    ask = ApiGetModelRequest()
    ask.owner_slug, ask.model_slug = "tester", "cup-models"

    with pytest.raises(requests.HTTPError, match=r"Permission 'models\.get' was denied"):
        sdk("stranger").models.model_api_client.get_model(ask)
    with pytest.raises(requests.HTTPError, match=r"Permission 'models\.create' was denied"):
        sdk("stranger").models.model_api_client.create_model(request)
    for code in (404, 403):
        kaggle.behave(missing_model=code)
        ask.model_slug = "nothing"
        with pytest.raises(requests.HTTPError) as missing:
            sdk().models.model_api_client.get_model(ask)
        assert missing.value.response.status_code == code
