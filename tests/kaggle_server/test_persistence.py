"""Everything survives the end of the server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from tests.kaggle_server.actions import NOTEBOOK
from tests.local_kaggle import Behaviour, LocalKaggle, RunOrder, ScriptedRunner
from tests.local_kaggle.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def call(kaggle: LocalKaggle, path: str, body: object) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {kaggle.token}"}
    response = requests.post(f"{kaggle.url}/api/v1/{path}", json=body, headers=headers, timeout=10)
    answer: dict[str, object] = response.json()
    return answer


def save(kaggle: LocalKaggle) -> None:
    body = {"slug": "tester/my-sub", "text": NOTEBOOK, "language": "python", "kernelType": "notebook"}
    call(kaggle, "kernels.KernelsApiService/SaveKernel", body)


def test_a_restart_keeps_what_there_was(tmp_path: Path) -> None:
    with LocalKaggle(tmp_path, runner=ScriptedRunner()) as kaggle:
        kaggle.add_dataset("tester/my-codes", {"a.txt": "1"}, notes="first")
        kaggle.add_competition("cup", metric="accuracy", public={"a.csv": ""})
        kaggle.set_rules("cup", accepted=False)
        kaggle.advance(5000)
        save(kaggle)
        kaggle.wait_for_runs(20)
        folder = kaggle.notebook_output("tester/my-sub")
        address = kaggle.world.downloads.path_of(folder / "submission.csv")
        before = call(
            kaggle,
            "datasets.DatasetApiService/GetDataset",
            {"ownerSlug": "tester", "datasetSlug": "my-codes"},
        )
        now = kaggle.world.clock.now()

    with LocalKaggle(tmp_path) as kaggle:
        after = call(
            kaggle,
            "datasets.DatasetApiService/GetDataset",
            {"ownerSlug": "tester", "datasetSlug": "my-codes"},
        )
        assert before["currentVersionNumber"] == 1
        assert {**after, "url": ""} == {**before, "url": ""}
        assert kaggle.notebook("tester/my-sub").versions[0].status == "COMPLETE"
        assert requests.get(kaggle.url + address, timeout=5).text == "id,target\n1,1\n"
        assert kaggle.world.store.entry("cup").rules_refused == ["tester"]
        assert kaggle.world.clock.now() >= now


def test_an_interrupted_run_is_started_again(tmp_path: Path) -> None:
    started, never = threading.Event(), threading.Event()

    def hang(order: RunOrder) -> list[str]:
        del order
        started.set()
        never.wait(30)
        return []

    with LocalKaggle(tmp_path, runner=ScriptedRunner(hang)) as kaggle:
        save(kaggle)
        assert started.wait(20)
        assert kaggle.notebook("tester/my-sub").versions[0].status == "RUNNING"

    with LocalKaggle(tmp_path, runner=ScriptedRunner()) as kaggle:
        kaggle.wait_for_runs(20)
        assert kaggle.notebook("tester/my-sub").versions[0].status == "COMPLETE"
    never.set()


def test_processing_goes_on_over_a_restart(tmp_path: Path) -> None:
    with LocalKaggle(tmp_path, behaviour=Behaviour(processing_seconds=100.0)) as kaggle:
        started = call(kaggle, "blobs.BlobApiService/StartBlobUpload", {"name": "a.txt", "contentLength": 1})
        requests.put(f"{kaggle.url}/_upload/{started['token']}", data=b"1", timeout=5)
        files = [{"token": started["token"]}]
        body = {"ownerSlug": "tester", "slug": "my-codes", "title": "My codes", "files": files}
        call(kaggle, "datasets.DatasetApiService/CreateDataset", body)

    with LocalKaggle(tmp_path) as kaggle:
        ask = {"ownerSlug": "tester", "datasetSlug": "my-codes"}
        assert "currentVersionNumber" not in call(kaggle, "datasets.DatasetApiService/GetDataset", ask)
        kaggle.advance(101)
        assert call(kaggle, "datasets.DatasetApiService/GetDataset", ask)["currentVersionNumber"] == 1


def test_the_command_serves_is_controlled_over_http_and_ends(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tests.local_kaggle", "--root", str(tmp_path), "--port", "0"]
    line += ["--layout", "classic", "--set", "processing_seconds=null"]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port, token = (process.stdout.readline().split()[1] for _ in range(2))
            url = f"http://127.0.0.1:{port}"
            headers = {"Authorization": f"Bearer {token}"}

            def control(name: str, body: object) -> int:
                return requests.post(f"{url}/_local/{name}", json=body, timeout=5).status_code

            fault = {"kind": "status", "method": "GetDatasetStatus", "code": 418, "message": "tea"}
            assert control("faults", {"faults": [fault]}) == 200
            assert control("faults", {"faults": [{"kind": "nonsense", "method": "x"}]}) == 400
            assert control("behaviour", {"missing_dataset": 404}) == 200
            assert control("behaviour", {"layout": "baroque"}) == 400
            assert control("advance", {"seconds": 5}) == 200
            assert control("finish-processing", {}) == 200
            status = f"{url}/api/v1/datasets.DatasetApiService/GetDatasetStatus"
            codes = [
                requests.post(
                    status, json={"ownerSlug": "a", "datasetSlug": "b"}, headers=headers, timeout=5
                ).status_code
                for _ in range(2)
            ]
            assert codes == [418, 404]
            log = requests.get(f"{url}/_local/requests?method=GetDatasetStatus", timeout=5).json()
            assert [entry["status"] for entry in log] == [418, 404]
            assert requests.get(f"{url}/_local/state", timeout=5).json()["datasets"] == {}
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--set", "nonsense=1"], "There is no switch called nonsense"),
        (["--set", "cpu_sessions=many"], "what follows the = has to be JSON"),
        (["--set", 'cpu_sessions="many"'], "Behaviour cpu_sessions is 'many'; it has to be an integer."),
        (["--set", "processing_seconds=true"], "processing_seconds is True; it has to be a number or null."),
        (["--set", "known_tags=[1]"], "it has to be a list of names or null."),
        (["--set", "missing_dataset=500"], "use one of 403, 404."),
        (["--port", "99999"], "port must be 0-65535"),
    ],
)
def test_the_command_refuses_a_wrong_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    assert main(["--root", str(tmp_path), "--port", "0", *options]) == 2
    assert sentence in capsys.readouterr().err


def test_a_port_or_a_folder_that_is_taken_and_a_python_that_is_not_there_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalKaggle(tmp_path / "one") as kaggle:
        assert main(["--root", str(tmp_path / "two"), "--port", str(kaggle.port)]) == 2
        assert main(["--root", str(tmp_path / "one"), "--port", "0"]) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["--root", str(tmp_path / "one"), "--python", "nowhere"])

    told = capsys.readouterr().err
    assert "in use" in told
    assert f"Another local Kaggle serves {tmp_path / 'one'}" in told
    assert "there is no file nowhere" in told


def test_the_state_is_never_half_written(tmp_path: Path) -> None:
    with LocalKaggle(tmp_path, runner=ScriptedRunner()) as kaggle:
        save(kaggle)
        kaggle.wait_for_runs(20)
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text())
    assert not list(tmp_path.rglob(".*.json.*"))
