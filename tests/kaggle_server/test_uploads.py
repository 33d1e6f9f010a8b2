"""Bytes arrive by resumable uploads, whole, in parts, or broken."""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING

import pytest
import requests
from kagglesdk.datasets.types.dataset_api_service import ApiCreateDatasetRequest, ApiDatasetNewFile

from tests.kaggle_server.actions import create, start, wait_until
from tests.local_kaggle import faults
from tests.slow_line import SlowLine, Weather

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kaggle_server.conftest import Script, Sdk
    from tests.local_kaggle import LocalKaggle


def test_an_upload_goes_on_where_it_broke_off(kaggle: LocalKaggle, sdk: Sdk) -> None:
    started = start(sdk(), "data.bin", 10)

    nothing = requests.put(started.create_url, headers={"Content-Range": "bytes */10"}, timeout=5)
    assert (nothing.status_code, nothing.headers.get("Range")) == (308, None)

    half = requests.put(
        started.create_url, data=b"01234", headers={"Content-Range": "bytes 0-4/10"}, timeout=5
    )
    assert (half.status_code, half.headers["Range"]) == (308, "bytes=0-4")
    asked = requests.put(started.create_url, headers={"Content-Range": "bytes */10"}, timeout=5)
    assert (asked.status_code, asked.headers["Range"]) == (308, "bytes=0-4")

    rest = requests.put(
        started.create_url, data=b"56789", headers={"Content-Range": "bytes 5-9/10"}, timeout=5
    )
    assert rest.status_code == 200
    assert kaggle.world.store.blob_path(started.token).read_bytes() == b"0123456789"


def test_a_gap_in_an_upload_and_an_unknown_upload_are_refused(kaggle: LocalKaggle, sdk: Sdk) -> None:
    started = start(sdk(), "data.bin", 10)

    gap = requests.put(started.create_url, data=b"9", headers={"Content-Range": "bytes 9-9/10"}, timeout=5)
    unknown = requests.put(f"{kaggle.url}/_upload/none", data=b"9", timeout=5)

    assert gap.status_code == 400
    assert unknown.status_code == 404


def test_kaggle_and_kagglehub_resume_after_a_reset_connection(
    kaggle: LocalKaggle, script: Script, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "data.bin").write_bytes(content)
    (tmp_path / "up" / "dataset-metadata.json").write_text(
        '{"id": "tester/big-data", "title": "Big data", "licenses": [{"name": "CC0-1.0"}]}'
    )
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "data.bin").write_bytes(content)
    kaggle.fault(faults.reset_upload(100_000, times=1), faults.reset_upload(200_000, skip=1, times=1))

    script("""
        import kaggle, kagglehub
        print(kaggle.api.dataset_create_new("up", quiet=True).status)
        kagglehub.dataset_upload("tester/hub-data", "hub")
    """)

    assert not kaggle.world.faults.unused()
    assert kaggle.dataset_files("tester/big-data") == {"data.bin": content}
    assert kaggle.dataset_files("tester/hub-data") == {"data.bin": content}


def test_an_upload_that_was_truncated_is_published_truncated(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(faults.truncate_upload(3))

    create(sdk(), "tester/short-data", {"data.txt": b"12345"})

    assert kaggle.dataset_files("tester/short-data") == {"data.txt": b"123"}


def test_an_upload_that_was_lost_makes_the_create_call_fail(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(faults.lose_blob())

    with pytest.raises(requests.HTTPError, match="Invalid upload token"):
        create(sdk(), "tester/lost-data", {"data.txt": b"12345"})


def test_kaggle_ends_when_the_storage_refuses_a_file(
    kaggle: LocalKaggle, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "up").mkdir()
    for name in ("one.txt", "two.txt"):
        (tmp_path / "up" / name).write_text(name)
    (tmp_path / "up" / "dataset-metadata.json").write_text(
        '{"id": "tester/less-data", "title": "Less data", "licenses": [{"name": "CC0-1.0"}]}'
    )
    kaggle.fault(faults.status("PUT", 400))

    printed = script("""
        import kaggle
        try:
            kaggle.api.dataset_create_new('up', quiet=True)
        except ValueError as error:
            print(error)
    """)

    assert printed.splitlines()[-1].startswith("Upload unsuccessful: ")
    assert "tester/less-data" not in kaggle.world.store.datasets


@pytest.mark.parametrize("policy", ["published", "refused"])
def test_an_unfinished_upload_is_published_or_refused_as_told(
    kaggle: LocalKaggle, sdk: Sdk, policy: str
) -> None:
    kaggle.behave(incomplete_blobs=policy)
    client = sdk()
    started = start(client, "data.txt", 5)
    requests.put(started.create_url, data=b"12", headers={"Content-Range": "bytes 0-1/5"}, timeout=5)
    request = ApiCreateDatasetRequest()
    request.owner_slug, request.slug, request.title = "tester", "half-data", "half-data"
    request.files = [ApiDatasetNewFile.from_dict({"token": started.token})]

    if policy == "refused":
        with pytest.raises(requests.HTTPError, match="not complete"):
            client.datasets.dataset_api_client.create_dataset(request)
    else:
        client.datasets.dataset_api_client.create_dataset(request)
        assert kaggle.dataset_files("tester/half-data") == {"data.txt": b"12"}


def test_an_upload_of_somebody_else_cannot_be_used(sdk: Sdk) -> None:
    started = start(sdk("stranger"), "data.txt", 1)
    requests.put(started.create_url, data=b"1", timeout=5)
    request = ApiCreateDatasetRequest()
    request.owner_slug, request.slug, request.title = "tester", "stolen-data", "stolen-data"
    request.files = [ApiDatasetNewFile.from_dict({"token": started.token})]

    with pytest.raises(requests.HTTPError, match="Invalid upload token"):
        sdk().datasets.dataset_api_client.create_dataset(request)


def test_of_a_broken_connection_whole_quarters_of_a_mebibyte_are_kept(kaggle: LocalKaggle, sdk: Sdk) -> None:
    content = bytes(range(256)) * 4096
    started = start(sdk(), "data.bin", len(content))
    with SlowLine(kaggle.port, Weather(torn_after=600_000)) as line, pytest.raises(requests.ConnectionError):
        requests.put(
            started.create_url,
            data=io.BytesIO(content),
            headers={"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"},
            proxies={"http": line.url},
            timeout=5,
        )

    asked = requests.put(started.create_url, headers={"Content-Range": f"bytes */{len(content)}"}, timeout=5)

    kept = int(asked.headers["Range"].removeprefix("bytes=0-")) + 1
    assert asked.status_code == 308
    assert kept in (262_144, 524_288, 786_432)


def test_of_half_a_call_nothing_is_done(kaggle: LocalKaggle) -> None:
    head = f"POST /api/v1/kernels.KernelsApiService/ListKernels HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {kaggle.token}\r\n"
    with socket.create_connection(("127.0.0.1", kaggle.port)) as half:
        half.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n".encode())

    wait_until(lambda: bool(kaggle.requests()))
    assert [(one.method, one.status) for one in kaggle.requests()] == [("ListKernels", 0)]
