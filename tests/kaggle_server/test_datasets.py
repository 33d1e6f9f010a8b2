"""Datasets: created, versioned, processed, listed, downloaded, deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from kagglesdk.datasets.types.dataset_api_service import (
    ApiDeleteDatasetRequest,
    ApiListDatasetFilesRequest,
    ApiListDatasetsRequest,
    ApiListTreeDatasetFilesRequest,
)
from kagglesdk.datasets.types.dataset_enums import DatasetSelectionGroup

from tests.kaggle_server.actions import create, create_version, dataset, dataset_status
from tests.local_kaggle import faults

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kaggle_server.conftest import Script, Sdk
    from tests.local_kaggle import LocalKaggle

REF = "tester/my-codes"


def write_dataset(folder: Path) -> None:
    (folder / "pkg" / "deep").mkdir(parents=True)
    (folder / "pkg" / "a.py").write_text("print(1)")
    (folder / "pkg" / "deep" / "b+c.py").write_text("print(2)")
    (folder / "top.csv").write_text("a,b")
    metadata = {"id": REF, "title": "My codes", "licenses": [{"name": "CC0-1.0"}]}
    (folder / "dataset-metadata.json").write_text(json.dumps(metadata))


def test_the_official_client_creates_versions_and_downloads_a_dataset(
    kaggle: LocalKaggle, script: Script, tmp_path: Path
) -> None:
    write_dataset(tmp_path / "up")

    printed = script("""
        import json, pathlib, time
        import kaggle
        api = kaggle.api
        made = api.dataset_create_new("up", dir_mode="zip", quiet=True)
        assert (made.status, made.ref, made.error) == ("Ok", "tester/my-codes", ""), made
        again = api.dataset_create_new("up", dir_mode="zip", quiet=True)
        assert again.error.endswith("Please choose another slug."), again
        def wait(number):
            end = time.time() + 20
            while json.loads(api.dataset_status("tester/my-codes", format="json")) != {
                "status": "ready", "current_version_number": number
            }:
                assert time.time() < end
                time.sleep(0.05)
        wait(1)
        pathlib.Path("up/top.csv").write_text("a,b\\n1,2")
        api.dataset_create_version("up", "second", dir_mode="zip", quiet=True)
        wait(2)
        files = api.dataset_list_files("tester/my-codes").dataset_files
        assert [f.name for f in files] == ["pkg/a.py", "pkg/deep/bc.py", "top.csv"], files
        api.dataset_download_files("tester/my-codes", path="whole", unzip=True)
        api.dataset_download_file("tester/my-codes", "pkg/deep/bc.py", path="one")
        api.dataset_download_file("tester/my-codes/1", "top.csv", path="old")
        api.dataset_metadata("tester/my-codes", "meta")
        print([d.ref for d in api.dataset_list(mine=True)])
    """)

    assert printed.splitlines()[-1] == f"['{REF}']"
    whole = tmp_path / "whole"
    assert {p.relative_to(whole).as_posix() for p in whole.rglob("*") if p.is_file()} == {
        "pkg/a.py",
        "pkg/deep/bc.py",
        "top.csv",
    }
    assert (tmp_path / "one" / "pkg" / "deep" / "bc.py").read_text() == "print(2)"
    assert (tmp_path / "old" / "top.csv").read_text() == "a,b"
    info = json.loads((tmp_path / "meta" / "dataset-metadata.json").read_text())["info"]
    assert (info["title"], info["isPrivate"], info["licenses"]) == ("My codes", True, [{"name": "CC0-1.0"}])
    assert [v.notes for v in kaggle.dataset(REF).versions] == ["Initial release", "second"]


def test_kagglehub_makes_a_version_of_a_dataset_that_exists_and_downloads_it(
    kaggle: LocalKaggle, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "up" / "sub").mkdir(parents=True)
    (tmp_path / "up" / "sub" / "a.txt").write_text("1")
    (tmp_path / "up" / "b.txt").write_text("2")
    (tmp_path / "many").mkdir()
    for number in range(60):
        (tmp_path / "many" / f"{number}.txt").write_text(str(number))
    kaggle.behave(processing_seconds=0.0)

    script("""
        import kagglehub, pathlib
        assert kagglehub.whoami() == {"username": "tester"}
        kagglehub.dataset_upload("tester/hub-data", "up")
        kagglehub.dataset_upload("tester/hub-data", "up", version_notes="again")
        kagglehub.dataset_upload("tester/many-data", "many")
        got = pathlib.Path(kagglehub.dataset_download("tester/hub-data"))
        assert got.name == "2", got
        assert (got / "sub" / "a.txt").read_text() == "1"
        one = pathlib.Path(kagglehub.dataset_download("tester/hub-data/versions/1", path="sub/a.txt"))
        assert one.read_text() == "1"
    """)

    assert [v.notes for v in kaggle.dataset("tester/hub-data").versions] == ["Initial release", "again"]
    assert kaggle.dataset("tester/hub-data").is_private
    assert len(kaggle.dataset_files("tester/many-data")) == 60


def test_a_new_version_is_current_only_after_its_processing(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.behave(processing_seconds=None)
    client = sdk()
    create(client, REF, {"a.txt": b"1"})
    assert dataset_status(client, REF) == "BLOBS_RECEIVED"
    assert not dataset(client, REF).current_version_number
    kaggle.finish_processing()
    create_version(client, REF, {"a.txt": b"2"}, version_notes="second [codes:ab12]")

    assert dataset_status(client, REF) == "READY"  # of version 1: why "ready" alone proves nothing
    assert dataset(client, REF).current_version_number == 1

    kaggle.finish_processing()
    seen = dataset(client, REF)
    assert seen.current_version_number == 2
    assert [(v.version_number, v.version_notes, v.status) for v in seen.versions] == [
        (2, "second [codes:ab12]", "Ready"),
        (1, "Initial release", "Ready"),
    ]


def test_processing_takes_the_time_that_was_set(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.behave(processing_seconds=600.0)
    client = sdk()
    create(client, REF, {"a.txt": b"1"})

    assert dataset_status(client, REF) == "BLOBS_RECEIVED"
    kaggle.advance(601)
    assert dataset_status(client, REF) == "READY"


@pytest.mark.parametrize(("switch", "listed"), [(False, [1]), (True, [2, 1])])
def test_versions_lists_one_in_processing_as_told(
    kaggle: LocalKaggle,
    sdk: Sdk,
    switch: bool,
    listed: list[int],  # pytest gives it by name
) -> None:
    kaggle.add_dataset(REF, {"a.txt": "1"})
    kaggle.behave(processing_seconds=None, list_processing_versions=switch, status_of="newest")
    client = sdk()
    create_version(client, REF, {"a.txt": b"2"})

    assert [v.version_number for v in dataset(client, REF).versions] == listed
    assert dataset_status(client, REF) == "BLOBS_RECEIVED"


@pytest.mark.parametrize(("outcome", "status"), [("failed", "FAILED"), ("stuck", "BLOBS_RECEIVED")])
def test_processing_fails_or_never_ends_as_scripted(
    kaggle: LocalKaggle, sdk: Sdk, outcome: str, status: str
) -> None:
    kaggle.fault(faults.Fault("processing", "CreateDataset", outcome=outcome))
    client = sdk()
    create(client, REF, {"a.txt": b"1"})
    kaggle.advance(3600)

    assert dataset_status(client, REF) == status
    create_version(client, REF, {"a.txt": b"2"})
    kaggle.advance(3600)
    assert dataset(client, REF).current_version_number == 2


def test_old_versions_are_gone_once_the_new_one_that_replaces_them_is_ready(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    kaggle.add_dataset(REF, {"a.txt": "1"})
    client = sdk()
    create_version(client, REF, {"a.txt": b"2"}, delete_old_versions=True)
    kaggle.finish_processing()

    assert [v.version_number for v in dataset(client, REF).versions] == [2]


def test_lists_come_in_pages(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.add_dataset(REF, {f"{n:03}.txt": "1" for n in range(45)})
    for number in range(23):
        kaggle.add_dataset(f"tester/data-{number:02}", {"a.txt": "1"})
    client = sdk().datasets.dataset_api_client
    names: list[str] = []
    request = ApiListDatasetFilesRequest()
    request.owner_slug, request.dataset_slug = REF.split("/")
    sizes = []
    while True:
        answer = client.list_dataset_files(request)
        sizes.append(len(answer.dataset_files))
        names += [f.name for f in answer.dataset_files]
        request.page_token = answer.next_page_token
        if not request.page_token:
            break
    assert (sizes, names) == ([20, 20, 5], sorted(names))

    mine = ApiListDatasetsRequest()
    mine.group, mine.page = DatasetSelectionGroup.DATASET_SELECTION_GROUP_MY, 1
    assert len(client.list_datasets(mine).datasets) == 20
    mine.page = 2
    assert len(client.list_datasets(mine).datasets) == 4
    mine.page_token = "nonsense"
    with pytest.raises(requests.HTTPError, match="Invalid page token"):
        client.list_datasets(mine)
    with pytest.raises(requests.HTTPError, match="page has to be positive"):
        client.list_datasets(ApiListDatasetsRequest())


def test_a_folder_of_a_dataset_is_listed(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.add_dataset(REF, {"a/b/c.txt": "1", "a/d.txt": "12", "e.txt": ""})
    request = ApiListTreeDatasetFilesRequest()
    request.owner_slug, request.dataset_slug = REF.split("/")
    request.path = "a"
    answer = sdk().datasets.dataset_api_client.list_tree_dataset_files(request)

    assert [d.name for d in answer.directories] == ["b"]
    assert [(f.name, f.total_bytes) for f in answer.files] == [("d.txt", 2)]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"title": "short"}, "between 6 and 50"),
        ({"owner_slug": "somebody"}, "not allowed to create a dataset as this owner"),
        ({"slug": "../evil"}, "alphanumeric"),
    ],
)
def test_a_create_call_is_refused_in_a_200(sdk: Sdk, fields: dict[str, object], sentence: str) -> None:
    answer = create(sdk(), REF, {"a.txt": b"1"}, **fields)

    assert answer.status == "error"
    assert sentence in answer.error


def test_a_dataset_without_a_file_is_refused(sdk: Sdk) -> None:
    assert "at least one file" in create(sdk(), REF, {}).error


def test_more_top_level_files_than_allowed_are_refused(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.behave(top_level_files=2)

    assert "at most 2" in create(sdk(), REF, {"a": b"1", "b": b"2", "c": b"3"}).error
    assert create(sdk(), REF, {"a": b"1", "b": b"2"}).status == "Ok"


def test_a_private_dataset_is_not_for_strangers(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.add_dataset(REF, {"a.txt": "1"})
    kaggle.add_dataset("tester/for-all", {"a.txt": "1"}, private=False)
    stranger = sdk("stranger")

    assert dataset(stranger, "tester/for-all").title == "for-all"
    with pytest.raises(requests.HTTPError, match=r"Permission 'datasets\.get' was denied") as refused:
        dataset(stranger, REF)
    assert refused.value.response.status_code == 403
    with pytest.raises(requests.HTTPError, match=r"Permission 'datasets\.update' was denied"):
        create_version(stranger, "tester/for-all", {"a": b"1"})


@pytest.mark.parametrize("code", [403, 404])
def test_a_dataset_that_is_not_there_answers_as_told(kaggle: LocalKaggle, sdk: Sdk, code: int) -> None:
    kaggle.behave(missing_dataset=code)

    with pytest.raises(requests.HTTPError) as missing:
        dataset_status(sdk(), "tester/nothing")
    assert missing.value.response.status_code == code
    delete = ApiDeleteDatasetRequest()
    delete.owner_slug, delete.dataset_slug = "tester", "nothing"
    with pytest.raises(requests.HTTPError):
        sdk().datasets.dataset_api_client.delete_dataset(delete)


def test_tags_that_do_not_exist_come_back(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.behave(known_tags=["tabular"])

    answer = create(sdk(), REF, {"a": b"1"}, category_ids=["tabular", "nonsense"])

    assert answer.invalid_tags == ["nonsense"]
    assert kaggle.dataset(REF).keywords == ["tabular"]


def test_a_single_file_comes_zipped_when_told_and_kagglehub_unpacks_it(
    kaggle: LocalKaggle, script: Script
) -> None:
    kaggle.add_dataset(REF, {"big.csv": "a,b\n" * 100})
    kaggle.behave(single_file_zipped=True)

    script("""
        import kagglehub, pathlib
        text = pathlib.Path(kagglehub.dataset_download("tester/my-codes", path="big.csv")).read_text()
        assert text == "a,b\\n" * 100, text[:50]
    """)
    assert kaggle.requests("storage")[-1].path.endswith("big.csv.zip")
