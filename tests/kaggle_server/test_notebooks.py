"""Notebooks: saved, run, listed, read back, per version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from kagglesdk.kernels.types.kernels_api_service import (
    ApiCancelKernelSessionRequest,
    ApiGetAcceleratorQuotaStatisticsRequest,
    ApiGetKernelRequest,
    ApiListKernelFilesRequest,
    ApiListKernelSessionOutputRequest,
    ApiListKernelsRequest,
)
from kagglesdk.kernels.types.kernels_enums import KernelExecutionType, KernelsListViewType

from tests.kaggle_server.actions import (
    NOTEBOOK,
    create,
    create_version,
    run_state,
    run_status,
    save,
    wait_until,
)
from tests.local_kaggle import LocalKaggle, RunOrder, ScriptedRunner, faults
from tests.local_kaggle.runner import SandboxRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kagglesdk.kaggle_object import KaggleObject

    from tests.kaggle_server.conftest import Script, Sdk

REF = "tester/my-sub"


def play(order: RunOrder) -> list[str]:
    """Leaves what it sees as its output, so that a test sees it too."""
    (order.working / "deep").mkdir()
    (order.working / "deep" / "seen.json").write_text(json.dumps([m.target for m in order.mounts]))
    for mount in order.mounts:
        for path in sorted(mount.source.rglob("*.txt")):
            (order.working / f"{mount.target.replace('/', '-')}-{path.name}").write_text(path.read_text())
    return ["first line", f"internet {order.internet}"]


@pytest.fixture
def kaggle(tmp_path: Path) -> Iterator[LocalKaggle]:
    with LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner(play)) as server:
        yield server


def seen(kaggle: LocalKaggle, ref: str = REF, version: int | None = None) -> list[str]:
    kaggle.wait_for_runs(20)
    found: list[str] = json.loads((kaggle.notebook_output(ref, version) / "deep" / "seen.json").read_text())
    return found


def test_the_official_client_pushes_a_notebook_and_reads_everything_back(
    kaggle: LocalKaggle, script: Script, tmp_path: Path
) -> None:
    kaggle.add_dataset("tester/my-codes", {"a.txt": "1"})
    kaggle.add_competition("cup", metric="accuracy", public={"train.csv": "id\n"})
    (tmp_path / "nb").mkdir()
    (tmp_path / "nb" / "n.ipynb").write_text(NOTEBOOK)
    metadata = {
        "id": REF,
        "title": "My sub",
        "code_file": "n.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "enable_internet": False,
        "dataset_sources": ["tester/my-codes", "tester/gone"],
        "competition_sources": ["cup", "gone"],
        "kernel_sources": ["tester/gone-notebook"],
        "model_sources": ["tester/m/PyTorch/v/1"],
        "machine_shape": "NonsenseShape",
    }
    (tmp_path / "nb" / "kernel-metadata.json").write_text(json.dumps(metadata))

    printed = script("""
        import json, pathlib, time
        import kaggle
        api = kaggle.api
        pushed = api.kernels_push("nb")
        assert (pushed.ref, pushed.version_number, pushed.error) == ("/code/tester/my-sub", 1, ""), pushed
        assert pushed.invalid_dataset_sources == ["tester/gone"]
        assert pushed.invalid_competition_sources == ["gone"]
        assert pushed.invalid_kernel_sources == ["tester/gone-notebook"]
        assert pushed.invalid_model_sources == ["tester/m/PyTorch/v/1"]
        end = time.time() + 20
        while api.kernels_status("tester/my-sub").status.name != "COMPLETE":
            assert time.time() < end
            time.sleep(0.05)
        files, token = api.kernels_output("tester/my-sub", path="out")
        assert sorted(pathlib.Path(f).name for f in files) == [
            "datasets-tester-my-codes-a.txt", "my-sub.log", "seen.json"
        ], files
        log = json.loads(pathlib.Path("out/my-sub.log").read_text())
        assert [e["data"] for e in log] == ["first line\\n", "internet False\\n"], log
        assert [e["data"] for e in api.kernels_logs_stream("tester/my-sub")] == ["first line\\n", "internet False\\n"]
        assert json.loads(api.kernels_logs("tester/my-sub")) == log
        api.kernels_pull("tester/my-sub", path="pulled", metadata=True)
        api.kernels_pull("tester/my-sub/1", path="pulled1")
        pulled = json.loads(pathlib.Path("pulled/kernel-metadata.json").read_text())
        assert pulled["id"] == "tester/my-sub" and pulled["dataset_sources"] == ["tester/my-codes"], pulled
        assert pulled["is_private"] and not pulled["enable_internet"] and pulled["machine_shape"] == "", pulled
        assert pulled["competition_sources"] == ["cup"]
        assert [f.name for f in api.kernels_list_files("tester/my-sub").files][1] == "deep/seen.json"
        print([k.ref for k in api.kernels_list(mine=True)], api.quota_view().gpu_quota.total_time_allowed)
        import kagglehub
        got = pathlib.Path(kagglehub.notebook_output_download("tester/my-sub"))
        assert (got / "deep" / "seen.json").exists()
        kagglehub.notebook_output_download("tester/my-sub", path="deep/seen.json")
        api.kernels_delete("tester/my-sub", no_confirm=True)
    """)

    assert "['tester/my-sub'] 1 day, 6:00:00" in printed
    assert (tmp_path / "pulled" / "my-sub.ipynb").read_text() == NOTEBOOK
    assert (tmp_path / "pulled1" / "my-sub.ipynb").read_text() == NOTEBOOK
    assert REF not in kaggle.world.store.notebooks


def test_a_notebook_saved_during_processing_binds_to_the_old_version(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.behave(processing_seconds=None)
    client = sdk()
    create(client, "tester/my-codes", {"a.txt": b"old"})

    with pytest.raises(requests.HTTPError) as conflict:
        save(client, REF, dataset_data_sources=["tester/my-codes"])
    assert conflict.value.response.status_code == 409

    kaggle.finish_processing()
    create_version(client, "tester/my-codes", {"a.txt": b"new"})
    assert save(client, REF, dataset_data_sources=["tester/my-codes"]).invalid_dataset_sources == []
    kaggle.wait_for_runs(20)
    assert (kaggle.notebook_output(REF) / "datasets-tester-my-codes-a.txt").read_text() == "old"

    kaggle.finish_processing()
    save(client, REF, dataset_data_sources=["tester/my-codes"])
    kaggle.wait_for_runs(20)
    assert (kaggle.notebook_output(REF) / "datasets-tester-my-codes-a.txt").read_text() == "new"


@pytest.mark.parametrize(("pin", "bound"), [(False, "two"), (True, "one")])
def test_a_version_in_a_dataset_source_pins_or_is_ignored_as_told(
    kaggle: LocalKaggle,
    sdk: Sdk,
    pin: bool,
    bound: str,  # pytest gives it by name
) -> None:
    kaggle.behave(pin_dataset_versions=pin)
    kaggle.add_dataset("tester/my-codes", {"a.txt": "one"})
    kaggle.add_dataset("tester/my-codes", {"a.txt": "two"})

    save(sdk(), REF, dataset_data_sources=["tester/my-codes/1"])

    kaggle.wait_for_runs(20)
    assert (kaggle.notebook_output(REF) / "datasets-tester-my-codes-a.txt").read_text() == bound
    missing = save(sdk(), REF, dataset_data_sources=["tester/my-codes/9"])
    assert missing.invalid_dataset_sources == (["tester/my-codes/9"] if pin else [])


def test_a_notebook_sees_the_output_of_the_last_complete_version_of_another(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    client = sdk()
    save(client, "tester/my-deps")
    kaggle.wait_for_runs(20)
    kaggle.fault(faults.run("fail", match={"slug": "my-deps"}))
    save(client, "tester/my-deps")
    kaggle.wait_for_runs(20)
    assert run_status(client, "tester/my-deps") == "ERROR"

    save(client, REF, kernel_data_sources=["tester/my-deps"])

    assert seen(kaggle) == ["notebooks/tester/my-deps"]
    binding = kaggle.notebook(REF).versions[-1].bindings[0]
    assert binding.version == 1


def test_inputs_are_mounted_in_the_layout_that_is_set(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.add_dataset("tester/my-codes", {"a.txt": "1"})
    kaggle.add_dataset("other/my-codes", {"a.txt": "2"}, private=False)
    kaggle.add_dataset("tester/cup", {"a.txt": "3"})
    kaggle.add_competition("cup", metric="accuracy", public={"x.csv": ""})
    sources = {
        "dataset_data_sources": ["tester/my-codes", "other/my-codes", "tester/cup"],
        "competition_data_sources": ["cup"],
    }
    client = sdk()

    save(client, REF, **sources)
    assert sorted(seen(kaggle)) == [
        "competitions/cup",
        "datasets/other/my-codes",
        "datasets/tester/cup",
        "datasets/tester/my-codes",
    ]
    kaggle.behave(layout="classic")
    save(client, REF, **sources)
    assert sorted(seen(kaggle)) == ["cup", "d/other/my-codes", "d/tester/cup", "my-codes"]


def test_a_utility_script_is_mounted_beside_the_input_root(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    script = {"text": "ANSWER = 42\n", "kernel_type": "script", "category_ids": ["utility script"]}
    save(client, "tester/my-utils", **script)
    kaggle.wait_for_runs(20)
    assert (kaggle.notebook_output("tester/my-utils") / "my_utils.py").read_text() == "ANSWER = 42\n"

    save(client, REF, kernel_data_sources=["tester/my-utils"])
    assert seen(kaggle) == ["../usr/lib/notebooks/tester/my-utils"]
    kaggle.behave(layout="classic")
    save(client, REF, kernel_data_sources=["tester/my-utils"])
    assert seen(kaggle) == ["../usr/lib/my_utils"]


def test_the_session_limit_comes_back_as_error_and_nothing_is_saved(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    kaggle.hold_runs()
    for number in (1, 2):
        assert save(client, f"tester/gpu-run-{number}", enable_gpu=True).version_number == 1
    refused = save(client, "tester/gpu-run-3", machine_shape="NvidiaTeslaT4")
    assert refused.error == "Maximum batch GPU session count of 2 reached."
    assert not refused.version_number
    assert "tester/gpu-run-3" not in kaggle.world.store.notebooks
    for number in range(5):
        assert save(client, f"tester/cpu-run-{number}").error == ""
    assert save(client, "tester/cpu-run-6").error == "Maximum batch CPU session count of 5 reached."
    assert run_status(client, "tester/cpu-run-1") == "QUEUED"

    kaggle.release_runs()
    kaggle.wait_for_runs(20)
    assert save(client, "tester/gpu-run-3", enable_gpu=True).error == ""


@pytest.mark.parametrize(
    ("switches", "image"),
    [
        ({}, "plain"),
        ({"enable_gpu": True}, "other"),
        ({"machine_shape": "TpuV5E8", "enable_tpu": True}, "other"),
    ],
)
def test_an_accelerator_may_bring_another_image(
    kaggle: LocalKaggle, sdk: Sdk, switches: dict[str, object], image: str
) -> None:
    orders: list[RunOrder] = []

    def play(order: RunOrder) -> list[str]:
        orders.append(order)
        return []

    kaggle.world.sessions.runner = ScriptedRunner(play)
    save(sdk(), REF, **switches)
    kaggle.wait_for_runs(20)
    assert SandboxRunner(Path("plain"), Path("other")).python_of(orders[0]) == Path(image)
    assert SandboxRunner(Path("plain")).python_of(orders[0]) == Path("plain")


def test_the_title_decides_the_slug(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()

    assert save(client, REF, new_title="Another Name").ref == "/code/tester/another-name"
    renamed = save(client, "tester/another-name", new_title="A Third Name")
    assert (renamed.ref, renamed.version_number) == ("/code/tester/a-third-name", 2)
    assert run_status(client, "tester/another-name", 2)  # the former slug still leads there
    kaggle.behave(title_decides_slug=False)
    assert save(client, "tester/kept-name", new_title="Whatever It Is").ref == "/code/tester/kept-name"


def test_a_title_that_is_in_use_is_a_conflict(sdk: Sdk) -> None:
    client = sdk()
    save(client, REF, new_title="My sub")

    with pytest.raises(requests.HTTPError, match="already in use by a notebook") as conflict:
        save(client, "tester/other-id", new_title="My sub")
    assert conflict.value.response.status_code == 409


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"new_title": "abc"}, "between 5 and 50"),
        ({"id": 77}, "Notebook not found"),
        ({"text": ""}, "empty"),
    ],
)
def test_a_save_is_refused_in_a_200(sdk: Sdk, fields: dict[str, object], sentence: str) -> None:
    answer = save(sdk(), REF, **fields)

    assert sentence in answer.error
    assert not answer.version_number


def test_a_source_over_the_limit_is_an_opaque_400(sdk: Sdk) -> None:
    save(sdk(), REF, text=NOTEBOOK + " " * (1_048_576 - len(NOTEBOOK)))

    with pytest.raises(requests.HTTPError, match="Bad Request") as refused:
        save(sdk(), REF, text=NOTEBOOK + " " * (1_048_577 - len(NOTEBOOK)))
    assert refused.value.response.status_code == 400


def test_a_notebook_of_somebody_else_is_neither_read_nor_written(kaggle: LocalKaggle, sdk: Sdk) -> None:
    save(sdk(), REF)
    stranger = sdk("stranger")

    with pytest.raises(requests.HTTPError, match=r"Permission 'kernels\.update' was denied"):
        save(stranger, REF)
    with pytest.raises(requests.HTTPError, match=r"Permission 'kernels\.get' was denied"):
        run_state(stranger, REF)
    kaggle.behave(missing_notebook=404)
    with pytest.raises(requests.HTTPError) as missing:
        run_state(stranger, "tester/nothing")
    assert missing.value.response.status_code == 404


def test_a_notebook_is_private_unless_said_and_a_quick_save_does_not_run(
    kaggle: LocalKaggle, sdk: Sdk
) -> None:
    client = sdk()
    save(client, REF, kernel_execution_type=KernelExecutionType.QUICK_SAVE)
    assert kaggle.notebook(REF).is_private
    assert run_status(client, REF) == "NEW_SCRIPT"
    save(client, REF, is_private=False)
    assert not kaggle.notebook(REF).is_private
    kaggle.wait_for_runs(20)
    assert run_status(sdk("stranger"), REF) == "COMPLETE"


def output(client: KaggleObject, version: int) -> KaggleObject:
    request = ApiListKernelSessionOutputRequest()
    request.user_name, request.kernel_slug, request.version_label = "tester", "my-sub", f"v{version}"
    return client.kernels.kernels_api_client.list_kernel_session_output(request)


def test_each_version_keeps_its_source_status_output_and_log(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    kaggle.add_dataset("tester/my-codes", {"a.txt": "1"})
    save(client, REF, dataset_data_sources=["tester/my-codes"])
    kaggle.wait_for_runs(20)
    kaggle.fault(faults.Fault("run", "Save", outcome="fail", message="it broke"))
    save(client, REF, text=NOTEBOOK + "\n")
    kaggle.wait_for_runs(20)

    assert (run_status(client, REF, 1), run_status(client, REF, 2), run_status(client, REF)) == (
        "COMPLETE",
        "ERROR",
        "ERROR",
    )
    assert len(output(client, 1).files) == 2
    assert "it broke" in output(client, 2).log
    request = ApiGetKernelRequest()
    request.user_name, request.kernel_slug, request.version_label = "tester", "my-sub", "v1"
    old = client.kernels.kernels_api_client.get_kernel(request)
    assert (old.blob.source, old.metadata.dataset_data_sources) == (NOTEBOOK, ["tester/my-codes"])
    assert old.metadata.current_version_number == 2
    request.version_label = "v7"
    with pytest.raises(requests.HTTPError, match="Version 7"):
        client.kernels.kernels_api_client.get_kernel(request)


def test_outputs_and_lists_come_in_pages(kaggle: LocalKaggle, sdk: Sdk) -> None:
    client = sdk()
    kaggle.add_dataset("tester/my-codes", {f"{n:02}.txt": "1" for n in range(30)})
    save(client, REF, dataset_data_sources=["tester/my-codes"])
    for number in range(4):
        save(client, f"tester/more-{number}")
    kaggle.wait_for_runs(20)

    first = output(client, 1)
    assert len(first.files) == 20
    files = ApiListKernelFilesRequest()
    files.user_name, files.kernel_slug, files.page_size = "tester", "my-sub", 30
    answer = client.kernels.kernels_api_client.list_kernel_files(files)
    files.page_token = answer.next_page_token
    rest = client.kernels.kernels_api_client.list_kernel_files(files)
    assert (len(answer.files), len(rest.files), rest.next_page_token) == (30, 1, "")
    mine = ApiListKernelsRequest()
    mine.group, mine.page_size, mine.page = KernelsListViewType.PROFILE, 2, 3
    assert [k.ref for k in client.kernels.kernels_api_client.list_kernels(mine).kernels] == [REF]


def test_a_running_log_is_a_stream_of_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    go_on = threading.Event()

    def slow(order: RunOrder) -> Iterator[str]:
        del order
        yield "begun"
        assert go_on.wait(20)
        yield "ended"

    monkeypatch.delenv("no_proxy", raising=False)
    with LocalKaggle(tmp_path / "slow", runner=ScriptedRunner(slow)) as kaggle:  # type: ignore[arg-type]  # an iterator does
        address = f"{kaggle.url}/api/v1/kernels/logs/stream/tester/my-sub"
        headers = {"Authorization": f"Bearer {kaggle.token}"}
        save_url = f"{kaggle.url}/api/v1/kernels.KernelsApiService/SaveKernel"
        body = {"slug": REF, "text": NOTEBOOK, "language": "python", "kernelType": "notebook"}
        requests.post(save_url, json=body, headers=headers, timeout=10).raise_for_status()
        with requests.get(address, headers=headers, stream=True, timeout=20) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = (line for line in response.iter_lines(decode_unicode=True) if line.startswith("data:"))
            assert json.loads(next(lines)[5:])["data"] == "begun\n"
            go_on.set()
            assert json.loads(next(lines)[5:])["data"] == "ended\n"
            assert next(lines) == "data: END_OF_LOG"


@pytest.mark.parametrize(
    ("outcome", "status", "failure"),
    [
        ("fail", "ERROR", "on purpose"),
        ("cancel", "CANCEL_ACKNOWLEDGED", ""),
        ("timeout", "ERROR", "on purpose"),
    ],
)
def test_a_run_ends_as_scripted(
    kaggle: LocalKaggle, sdk: Sdk, outcome: str, status: str, failure: str
) -> None:
    kaggle.fault(faults.Fault("run", "Save", outcome=outcome, message="on purpose"))
    client = sdk()
    save(client, REF)
    kaggle.wait_for_runs(20)

    state = run_state(client, REF)
    assert (state.status.name, state.failure_message) == (status, failure)


def test_a_run_that_never_ends_runs_until_it_is_cancelled_on_the_site(kaggle: LocalKaggle, sdk: Sdk) -> None:
    kaggle.fault(faults.run("never"))
    client = sdk()
    save(client, REF)

    wait_until(lambda: run_status(client, REF) == "RUNNING")
    assert output(client, 1).files == []
    cancel = ApiCancelKernelSessionRequest()
    cancel.kernel_session_id = kaggle.notebook(REF).versions[0].session_id
    with pytest.raises(requests.HTTPError, match=r"Permission 'kernelSessions\.cancel' was denied"):
        client.kernels.kernels_api_client.cancel_kernel_session(cancel)
    kaggle.cancel_run(REF)
    kaggle.wait_for_runs(20)
    assert run_status(client, REF) == "CANCEL_ACKNOWLEDGED"


def test_the_quota_counts_whole_days(sdk: Sdk) -> None:
    request = ApiGetAcceleratorQuotaStatisticsRequest()
    answer = sdk().kernels.kernels_api_client.get_accelerator_quota_statistics(request)

    assert answer.gpu_quota.total_time_allowed.total_seconds() == 30 * 3600
