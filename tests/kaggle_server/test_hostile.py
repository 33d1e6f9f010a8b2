"""Whatever comes in, the answer is a clean one: a 4xx with a sentence, never a 500, never silence, nothing outside the folder."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest
import requests

from tests.kaggle_server.actions import NOTEBOOK, create_version, start
from tests.kaggle_server.asgi import ask
from tests.local_kaggle import Behaviour, LocalKaggle, ScriptedRunner
from tests.local_kaggle.errors import ApiError
from tests.local_kaggle.store import files_of
from tests.local_kaggle.unpack import publish
from tests.local_kaggle.wire import methods

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.kaggle_server.conftest import Sdk

GOOD = {
    "ownerSlug": "tester",
    "datasetSlug": "my-data",
    "competitionName": "cup",
    "userName": "tester",
    "kernelSlug": "my-sub",
    "kernelOwner": "tester",
    "modelSlug": "cup-models",
    "slug": "tester/my-sub",
    "text": NOTEBOOK,
    "title": "A title",
}
HOSTILE: list[object] = ["../../etc/passwd", "x" * 3000, "é\x00", "\ud800", -1, 2**70, 1.5, True]
HOSTILE += [[], {"a": 1}, [None], [[{}]]]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[LocalKaggle]:
    """A Kaggle that is filled and does not listen."""
    kaggle = LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner())
    kaggle.add_dataset("tester/my-data", {"a.txt": "1"})
    kaggle.add_competition("cup", metric="accuracy", public={"a.csv": "id"}, solution="id,t\n1,1\n")
    yield kaggle
    kaggle.stop()


def test_no_value_of_any_field_of_any_method_makes_the_server_stumble(closed: LocalKaggle) -> None:
    calls: list[tuple[str, object]] = []
    for service, name in methods():
        path = f"{service}/{name}"
        fields = [field.json_name for field in methods()[service, name].request._fields]
        good = {field: GOOD[field] for field in fields if field in GOOD}
        bodies: tuple[object, ...] = ({}, good, [], "x", None, b"{", b"[" * 100_000, b"\xff\xfe")
        calls += [(path, body) for body in bodies]
        calls += [(path, {**good, field: value}) for field in fields for value in HOSTILE]

    answers = ask(closed, calls)

    assert {answer.status for answer in answers} <= {200, 302, 400, 401, 403, 404, 409, 501}
    refused = [answer for answer in answers if answer.status >= 400]
    assert all(answer["code"] == answer.status and answer["message"] for answer in refused)
    outside = [name for name, _ in files_of(closed.root.parent) if not name.startswith("kaggle/")]
    assert outside == []


def test_a_method_that_is_not_here_says_so_in_a_501(closed: LocalKaggle) -> None:
    (answer,) = ask(closed, [("discussions.DiscussionApiService/ListForums", {})])

    assert answer.status == 501
    assert answer["message"] == "The local Kaggle has no discussions.DiscussionApiService/ListForums"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("pageSize", "many", "Invalid value for pageSize: it has to be an integer"),
        ("pageSize", 2**63, "Invalid value for pageSize: it has to be an integer"),
        ("pageToken", 5, "Invalid value for pageToken: it has to be a string"),
        ("pageToken", "ZnJvbTotNQ==", "Invalid page token"),  # from:-5
        ("search", "\ud800", "Invalid value for search: it has to be a string of valid Unicode without NUL"),
        ("group", "NONSENSE", "The request does not fit ApiListDatasetsRequest: KeyError('NONSENSE')"),
    ],
)
def test_a_refusal_names_the_field(closed: LocalKaggle, field: str, value: object, sentence: str) -> None:
    (answer,) = ask(closed, [("datasets.DatasetApiService/ListDatasets", {field: value})])

    assert (answer.status, answer["message"]) == (400, sentence)


def test_a_number_may_be_written_as_text_and_null_is_absent_as_in_protobuf(closed: LocalKaggle) -> None:
    body: object = {"pageSize": "5", "page": "1", "search": None, "unknownField": {}}
    (answer,) = ask(closed, [("datasets.DatasetApiService/ListDatasets", body)])

    assert answer.status == 200


def test_http_that_is_no_call_is_refused(kaggle: LocalKaggle) -> None:
    call = f"{kaggle.url}/api/v1/datasets.DatasetApiService/ListDatasets"
    signed = {"Authorization": f"Bearer {kaggle.token}"}
    answers = [
        requests.post(call, data={"a": "b"}, headers=signed, timeout=5),
        requests.post(call, json={}, headers={"Authorization": "Basic !!!"}, timeout=5),
        requests.post(call, json={}, headers={"Authorization": "Bearer ü".encode("latin-1")}, timeout=5),
        requests.get(call, headers=signed, timeout=5),
        requests.get(f"{kaggle.url}/_storage/ü/Li4vLi4v/passwd", timeout=5),
        requests.put(f"{kaggle.url}/_upload/..%2F..%2Fusers", data=b"x", timeout=5),
        requests.put(f"{kaggle.url}/_upload/{'a' * 5000}", data=b"x", timeout=5),
    ]

    assert [answer.status_code for answer in answers] == [415, 401, 401, 404, 403, 404, 404]


def test_headers_without_end_are_refused(kaggle: LocalKaggle) -> None:
    with socket.create_connection(("127.0.0.1", kaggle.port), timeout=5) as line:
        line.sendall(b"POST / HTTP/1.1\r\nX-Huge: " + b"x" * 70_000)

        assert line.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("name", ["..", ".", "", "a/..", "é" * 101, "x\x00y"])
def test_a_name_that_no_file_can_have_is_refused(sdk: Sdk, name: str) -> None:
    with pytest.raises(requests.HTTPError, match="Invalid"):
        start(sdk(), name, 1)


def test_a_folder_that_leads_outside_is_refused(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.add_dataset("tester/my-data", {"a.txt": "1"})
    started = start(sdk(), "evil.txt", 1)
    requests.put(started.create_url, data=b"x", timeout=5)
    body = {
        "ownerSlug": "tester",
        "datasetSlug": "my-data",
        "body": {"directories": [{"name": "../..", "files": [{"token": started.token}]}]},
    }

    answer = ask(kaggle, [("datasets.DatasetApiService/CreateDatasetVersion", body)])[0]

    assert (answer.status, answer["message"]) == (400, "Invalid file name '../..'")


def test_versions_that_are_created_at_once_get_each_a_number(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.add_dataset("tester/my-data", {"a.txt": "1"})
    threads = [
        threading.Thread(
            target=create_version, args=(client, "tester/my-data", {f"{n}.txt": str(n).encode()})
        )
        for n, client in enumerate([sdk(), sdk("tester"), sdk("tester"), sdk("tester")])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [v.number for v in kaggle.dataset("tester/my-data").versions] == [1, 2, 3, 4, 5]
    later = [kaggle.dataset_files("tester/my-data", number) for number in (2, 3, 4, 5)]
    assert sorted(name for files in later for name in files) == ["0.txt", "1.txt", "2.txt", "3.txt"]


def packed(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def laid_out(tmp_path: Path, files: Mapping[str, bytes]) -> list[str]:
    uploads = []
    for number, (name, content) in enumerate(files.items()):
        (tmp_path / str(number)).write_bytes(content)
        uploads.append((name, tmp_path / str(number)))
    publish(uploads, tmp_path / "version", Behaviour())
    return [name for name, _ in files_of(tmp_path / "version")]


def test_an_archive_that_cannot_be_read_to_its_end_stays_packed(tmp_path: Path) -> None:
    bad_crc = bytearray(packed({"a.txt": b"hello hello hello", "b.txt": b"2"}))
    bad_crc[bad_crc.index(b"a.txt") + 8] ^= 0xFF
    files = {
        "crc.zip": bytes(bad_crc),
        "half.csv.gz": gzip.compress(b"a,b\n" * 1000)[:-20],
        "no.tar.gz": gzip.compress(b"not a tar at all"),
    }

    assert laid_out(tmp_path, files) == ["crc.zip", "half.csv.gz", "no.tar.gz"]


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    content = b"x"
    for _ in range(15):
        content = packed({"in.zip": content})

    assert laid_out(tmp_path, {"out.zip": content}) == ["/".join(["in"] * 9 + ["in.zip"])]


@pytest.mark.parametrize("files", [{"a": b"1", "a/b": b"2"}, {"a/b": b"1", "a": b"2"}, {"a" * 300: b"1"}])
def test_files_that_no_folder_can_hold_are_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ApiError, match=r"at once|too long"):
        laid_out(tmp_path, files)
