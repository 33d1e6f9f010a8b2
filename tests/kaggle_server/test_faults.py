"""Faults hit the call they are scripted for, and the clients see what they would see of Kaggle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests

from tests.kaggle_server.actions import create, dataset_status, run_status, save
from tests.local_kaggle import Fault, faults
from tests.local_kaggle.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kaggle_server.conftest import Script, Sdk
    from tests.local_kaggle import LocalKaggle

REF = "tester/my-sub"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 429, 500, 503])
def test_a_call_ends_with_a_status_and_is_not_done(kaggle: LocalKaggle, sdk: Sdk, code: int) -> None:
    kaggle.fault(faults.status("SaveKernel", code, "scripted", {"Retry-After": "7"}))
    client = sdk()

    with pytest.raises(requests.HTTPError, match="scripted") as failed:
        save(client, REF)
    assert failed.value.response.status_code == code
    assert failed.value.response.headers["Retry-After"] == "7"
    assert REF not in kaggle.world.store.notebooks
    assert save(client, REF).version_number == 1


def test_a_connection_breaks_before_or_after_the_server_acts(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(faults.drop_before("SaveKernel"), faults.drop_after("SaveKernel"))
    client = sdk()

    with pytest.raises(requests.ConnectionError):
        save(client, REF)
    assert REF not in kaggle.world.store.notebooks
    with pytest.raises(requests.ConnectionError):
        save(client, REF)
    assert len(kaggle.notebook(REF).versions) == 1
    assert [r.status for r in kaggle.requests(method="SaveKernel")] == [0, 0]


def test_an_answer_is_made_up_or_changed(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(
        faults.answer("SaveKernel", {"error": "Nope"}),
        faults.change(
            "SaveKernel", {"ref": "/code/tester/else", "versionNumber": None, "invalidModelSources": ["x"]}
        ),
    )
    client = sdk()

    assert save(client, REF).error == "Nope"
    changed = save(client, REF)
    assert (changed.ref, changed.version_number, changed.invalid_model_sources) == (
        "/code/tester/else",
        0,
        ["x"],
    )
    assert len(kaggle.notebook(REF).versions) == 1


def test_a_fault_waits_for_its_call(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(
        faults.status("SaveKernel", 500, skip=1, times=2, match={"slug": REF}),
        faults.status("GetKernelSessionStatus", 503, times=None, when=lambda r: r["kernelSlug"] == "my-deps"),
    )
    client = sdk()

    save(client, "tester/my-deps")
    save(client, REF)
    for _ in range(2):
        with pytest.raises(requests.HTTPError):
            save(client, REF)
        with pytest.raises(requests.HTTPError):
            run_status(client, "tester/my-deps")
    assert save(client, REF).version_number == 2
    assert run_status(client, REF)
    kaggle.world.faults.clear()
    assert run_status(client, "tester/my-deps")


def test_of_several_faults_each_call_meets_one(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(
        faults.answer("SaveKernel", {"error": "first"}),
        faults.answer("SaveKernel", {"error": "second"}),
        faults.answer("SaveKernel", {"error": "fourth"}, skip=3),
    )
    client = sdk()

    assert [save(client, REF).error for _ in range(5)] == ["first", "second", "", "fourth", ""]
    assert kaggle.world.faults.unused() == []


def test_the_official_client_waits_as_retry_after_says_and_tries_again(
    kaggle: LocalKaggle, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "a.txt").write_text("1")
    (tmp_path / "up" / "dataset-metadata.json").write_text(
        '{"id": "tester/my-data", "title": "My data", "licenses": [{"name": "CC0-1.0"}]}'
    )
    kaggle.fault(faults.status("CreateDataset", 429, headers={"Retry-After": "1"}))
    begun = time.monotonic()

    script("import kaggle; print(kaggle.api.dataset_create_new('up', quiet=True).status)")

    assert time.monotonic() - begun > 1
    assert [r.status for r in kaggle.requests(method="CreateDataset")] == [429, 200]


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_an_error_has_the_form_that_is_set(kaggle: LocalKaggle, sdk: Sdk, form: str) -> None:
    kaggle.behave(error_form=form)

    with pytest.raises(requests.HTTPError) as failed:
        dataset_status(sdk(), "tester/nothing")
    body = failed.value.response.json()
    if form == "nested":
        assert body["error"]["status"] == "PERMISSION_DENIED"
        assert "datasets.get" not in str(failed.value)  # why users of 2.2.4 see no reason
    else:
        assert body == {"code": 403, "message": "Permission 'datasets.get' was denied"}


def test_the_request_log_tells_calls_from_bytes(kaggle: LocalKaggle, sdk: Sdk) -> None:
    create(sdk(), "tester/my-data", {"a.txt": b"12345"})

    assert [(r.service.rpartition(".")[2], r.method, r.status) for r in kaggle.requests()] == [
        ("BlobApiService", "StartBlobUpload", 200),
        ("storage", "PUT", 200),
        ("DatasetApiService", "CreateDataset", 200),
    ]
    assert [r.method for r in kaggle.requests(method="PUT")] == ["PUT"]
    put = kaggle.requests("storage")[0]
    assert (put.request_bytes, put.response_bytes) == (5, 0)
    assert kaggle.requests("DatasetApiService")[0].user == "tester"
    kaggle.forget_requests()
    assert kaggle.requests() == []


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "explode", "method": "SaveKernel"},
        {"kind": "run", "method": "Save", "outcome": "wins"},
        {"kind": "status"},
        {"kind": "status", "method": "X", "nonsense": 1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(SetupError):
        Fault.parse(data)


def test_a_method_that_nobody_knows_is_404_and_one_that_is_missing_here_501(kaggle: LocalKaggle) -> None:
    headers = {"Authorization": f"Bearer {kaggle.token}"}

    def post(path: str) -> tuple[int, int]:
        answer = requests.post(f"{kaggle.url}{path}", json={}, headers=headers, timeout=5)
        return answer.status_code, answer.json()["code"]

    assert post("/api/v1/kernels.KernelsApiService/Nonsense") == (404, 404)
    assert post("/api/v1/kernels.KernelsApiService/CreateKernelSession") == (501, 501)
    assert post("/api/v2/anything") == (404, 404)
