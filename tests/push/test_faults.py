"""Everything that goes wrong at Kaggle or on the way: none exits 0, each says what happened and what to do."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from pathlib import Path

import pytest

from kaggle_shim.manifest import CODES_MANIFEST, Manifest
from kaggle_workflow import errors
from kaggle_workflow.errors import (
    KaggleRefused,
    Refused,
    RunFailed,
    Unreachable,
    WaitedTooLong,
    WorkflowError,
)
from kaggle_workflow.kaggle import uploading
from kaggle_workflow.push.intents import CREATING, UPLOADING, Intents
from tests.local_kaggle import faults
from tests.push.conftest import COMPETITION, Scene


def prepared(scene: Scene) -> Scene:
    """Codes and deps are on Kaggle, so that a push is the notebook's."""
    scene.codes()
    scene.deps()
    return scene


@pytest.mark.parametrize(
    ("kind", "key", "value", "advice"),
    [
        ("dataset", "dataset_sources", "tester/gone-set", "first version is ready"),
        ("competition", "competition_sources", "no-such-competition", "accept the rules"),
        ("notebook", "kernel_sources", "tester/gone-notebook", "its versions completed"),
        ("model", "model_sources", "tester/gone/pytorch/base/1", "newest version"),
    ],
)
def test_a_source_that_kaggle_does_not_take_is_named(
    scene: Scene, kind: str, key: str, value: str, advice: str
) -> None:
    prepared(scene)
    listed = json.loads((scene.root / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))[key]
    scene.metadata("sub", **{key: [*listed, value]})
    with pytest.raises(KaggleRefused, match=rf"without the {kind} {value}.*{advice}"):
        scene.sub()


def test_error_in_a_200_answer_is_a_refusal_in_kaggles_words(scene: Scene) -> None:
    prepared(scene)
    scene.kaggle.behave(cpu_sessions=0)
    with pytest.raises(
        KaggleRefused,
        match=r"Maximum batch CPU session count of 0 reached\. Wait until one of your runs is over",
    ):
        scene.sub()
    scene.kaggle.behave(cpu_sessions=5)
    assert (scene.sub().version, scene.versions("sub")) == (1, 1)


def test_error_in_a_200_answer_to_a_dataset(scene: Scene) -> None:
    scene.kaggle.fault(
        faults.answer("CreateDataset", {"status": "error", "error": "The dataset title is odd."})
    )
    with pytest.raises(KaggleRefused, match=r"The dataset title is odd"):
        scene.codes()
    assert (scene.codes().did, scene.versions("codes")) == ("sent", 1)


def test_an_answer_without_a_version_number(scene: Scene) -> None:
    prepared(scene)
    scene.kaggle.fault(faults.change("SaveKernel", {"versionNumber": None}))
    with pytest.raises(KaggleRefused, match="no version number"):
        scene.sub()
    assert (scene.sub().version, scene.versions("sub")) == (1, 1)


def test_another_slug_than_asked_for(scene: Scene) -> None:
    prepared(scene)
    scene.kaggle.fault(faults.change("SaveKernel", {"ref": "/code/tester/cmi-sub-2"}))
    with pytest.raises(KaggleRefused, match=r"saved it as tester/cmi-sub-2, not as tester/cmi-sub"):
        scene.sub()
    assert (scene.sub().version, scene.versions("sub")) == (1, 1)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("enableInternet", True, "internet is on"), ("isPrivate", None, "it is public")],
)
def test_internet_on_or_public_when_read_back(scene: Scene, field: str, value: object, said: str) -> None:
    prepared(scene)

    def spoil(request: object) -> bool:
        del request
        found = scene.kaggle.world.store.notebooks.get("tester/cmi-sub")
        if found is not None:
            found.is_private = field != "isPrivate"
            found.versions[-1].enable_internet = value is True
        return False

    scene.kaggle.fault(faults.status("GetKernel", 500, when=spoil))
    with pytest.raises(KaggleRefused, match=said):
        scene.sub()


def test_other_differences_are_shown_and_refuse_nothing(scene: Scene) -> None:
    prepared(scene)
    scene.metadata(machine_shape="NvidiaTeslaT400")
    assert scene.sub().version == 1
    assert any("the accelerator is none, but NvidiaTeslaT400 was requested" in line for line in scene.warned)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (400, KaggleRefused, "HTTP 400: Bad things"),
        (401, KaggleRefused, "does not accept these credentials.*KAGGLE_API_TOKEN"),
        (403, KaggleRefused, "HTTP 403: Bad things.*accept the rules"),
        (404, KaggleRefused, "HTTP 404: Bad things.*check the name"),
        (409, KaggleRefused, "HTTP 409: Bad things.*wait until it is processed"),
        (500, Unreachable, "not known whether Kaggle has"),
        (503, Unreachable, "not known whether Kaggle has"),
    ],
)
def test_a_status_when_saving(scene: Scene, code: int, kind: type[WorkflowError], said: str) -> None:
    prepared(scene)
    scene.kaggle.fault(faults.status("SaveKernel", code, "Bad things"))
    with pytest.raises(kind, match=said):
        scene.sub(limit=0.3)
    assert scene.sub().version == 1


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (400, KaggleRefused, "HTTP 400: Bad things"),
        (401, KaggleRefused, "credentials"),
        (403, KaggleRefused, "HTTP 403"),
        (409, KaggleRefused, "HTTP 409"),
        (500, Unreachable, "not known"),
    ],
)
def test_a_status_when_making_a_dataset_version(
    scene: Scene, code: int, kind: type[WorkflowError], said: str
) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.fault(faults.status("CreateDatasetVersion", code, "Bad things"))
    with pytest.raises(kind, match=said):
        scene.codes(limit=0.3)
    assert (scene.codes(limit=2.0).version, scene.versions("codes")) == (2, 2)


def test_404_and_403_and_no_network_are_three_things(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in (403, 404):
        scene.kaggle.behave(missing_dataset=missing, missing_notebook=missing)
        assert scene.push().kaggle.dataset(scene.push().workspace.codes.id) is None
    monkeypatch.setenv("INVOKE_WORKSPACE_OWNER", "somebody")
    scene.kaggle.behave(missing_dataset=403)
    with pytest.raises(KaggleRefused, match="HTTP 403"):
        scene.codes(allow=frozenset(["other-account"]))


@pytest.mark.parametrize("headers", [{"Retry-After": "0.2"}, {}])
def test_429_is_waited_for_and_named(
    scene: Scene, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    scene.kaggle.fault(
        faults.status("GetDataset", 429, "Too many", headers=headers),
        faults.status("CreateDataset", 429, "Too many", headers=headers),
    )
    assert scene.codes().did == "sent"
    assert any("rate limit is reached" in line for line in scene.warned)
    assert (0.2 if headers else 2.0) in slept


def test_429_for_too_long_is_a_refusal_that_names_the_time(scene: Scene) -> None:
    scene.kaggle.fault(faults.status("GetDataset", 429, "Too many", headers={"Retry-After": "3600"}))
    with pytest.raises(KaggleRefused, match=r"HTTP 429.*in 3600 s"):
        scene.codes()


@pytest.mark.parametrize("method", ["GetDataset", "GetKernel", "GetKernelSessionStatus", "ListDatasetFiles"])
def test_a_connection_that_breaks_while_reading_is_tried_again(scene: Scene, method: str) -> None:
    scene.kaggle.fault(faults.drop_before(method), faults.drop_after(method))
    assert [outcome.did for outcome in scene.all()] == ["sent", "sent", "sent"]


def test_no_network(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"could not be reached.*check your network"):
            scene.codes()


def test_a_login_page_in_between(scene: Scene) -> None:
    scene.kaggle.fault(faults.answer("GetDataset", {"code": "html"}, times=None))
    with pytest.raises(errors.WorkflowError, match=r"proxy or a login page|could not be reached"):
        scene.codes()
    scene.kaggle.world.faults.clear()
    assert (scene.codes().did, scene.versions("codes")) == ("sent", 1)


@pytest.mark.parametrize("drop", [faults.drop_before, faults.drop_after])
def test_a_save_whose_answer_is_lost_is_settled_by_asking(scene: Scene, drop: object) -> None:
    prepared(scene)
    scene.kaggle.fault(drop("SaveKernel"))  # type: ignore[operator]  # one of two functions
    if drop is faults.drop_after:
        outcome = scene.sub()
        assert (outcome.version, scene.versions("sub")) == (1, 1)
        assert "Kaggle's answer was lost, and the version was found" in outcome.notes
    else:
        with pytest.raises(Unreachable, match="not known whether Kaggle has"):
            scene.sub(limit=0.3)
        assert (scene.sub(limit=2.0).version, scene.versions("sub")) == (1, 1)


@pytest.mark.parametrize("method", ["CreateDataset", "CreateDatasetVersion"])
@pytest.mark.parametrize("drop", [faults.drop_before, faults.drop_after])
def test_an_upload_whose_answer_is_lost_is_settled_by_asking(scene: Scene, method: str, drop: object) -> None:
    if method == "CreateDatasetVersion":
        scene.codes()
        scene.edit()
    expected = scene.versions("codes") + 1
    scene.kaggle.fault(drop(method))  # type: ignore[operator]  # one of two functions
    if drop is faults.drop_after:
        assert scene.codes().version == expected
    else:
        with pytest.raises(Unreachable, match="not known whether Kaggle has"):
            scene.codes(limit=0.3)
        assert scene.codes(limit=2.0).version == expected
    assert scene.versions("codes") == expected


def test_a_connection_reset_during_an_upload_goes_on_where_it_broke(scene: Scene) -> None:
    (scene.root / "codes" / "big.bin").write_bytes(bytes(300_000))
    scene.kaggle.fault(faults.reset_upload(1000, when=lambda _: True))
    assert scene.codes().did == "sent"
    assert scene.kaggle.dataset_files("tester/cmi-codes")["big.bin"] == bytes(300_000)


def test_bytes_that_all_arrived_before_the_line_broke_are_not_sent_again(scene: Scene) -> None:
    scene.kaggle.fault(faults.reset_upload(1_000_000))
    assert scene.codes().did == "sent"
    sizes = [len(content) for content in scene.kaggle.dataset_files("tester/cmi-codes").values()]
    assert sorted(request.request_bytes for request in scene.puts()) == sorted([0, *sizes])


def test_what_an_earlier_push_uploaded_is_not_taken_for_a_file_of_the_same_size_and_second(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.getmtime", lambda _: 1_700_000_000.0)
    scene.codes()
    path = scene.root / "codes" / "exp001.py"
    path.write_text("print(1)\n", encoding="utf-8")
    scene.kaggle.fault(faults.drop_before("CreateDatasetVersion"))
    with pytest.raises(Unreachable):
        scene.codes(limit=0.1)
    path.write_text("print(2)\n", encoding="utf-8")
    assert scene.codes().did == "sent"
    files = scene.kaggle.dataset_files("tester/cmi-codes")
    manifest = Manifest.loads(files[CODES_MANIFEST].decode(), "")
    assert files["exp001.py"] == b"print(2)\n"
    assert hashlib.sha256(b"print(2)\n").hexdigest() in {entry.sha256 for entry in manifest.files}


def test_an_answer_lost_after_long_minutes_is_waited_for_as_long_as_one_after_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.time", lambda: now)
    intents = Intents(tmp_path)
    with intents.sending("codes", "ab12", 1, UPLOADING):
        now += 7200.0
        intents.advance("codes", CREATING)
        intent = intents.read("codes")
    assert intent is not None
    assert intent.seconds_left == 120.0


def test_a_storage_that_has_all_and_says_it_lacks_some_gets_the_whole_again(scene: Scene) -> None:
    scene.codes()
    path = scene.root / "codes" / "exp001.py"
    path.write_bytes(bytes(5000))
    lacking = faults.status("PUT", 308, headers={"Range": "bytes=0-4999"})
    scene.kaggle.fault(faults.reset_upload(5000), lacking)
    assert scene.codes().did == "sent"
    assert scene.kaggle.dataset_files("tester/cmi-codes")["exp001.py"] == bytes(5000)


def test_a_long_upload_over_a_bad_line_goes_on_as_long_as_something_arrives(scene: Scene) -> None:
    (scene.root / "codes" / "exp001.py").write_bytes(b"x" * 100_000)
    # Each hits the bytes, and the question how many have arrived, which it lets pass.
    scene.kaggle.fault(*(faults.reset_upload(1000 * number, times=2) for number in range(1, 15)))
    assert scene.codes().did == "sent"
    assert scene.kaggle.dataset_files("tester/cmi-codes")["exp001.py"] == b"x" * 100_000


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (400, KaggleRefused, r"refused it \(HTTP 400\)\. Run this again"),
        (429, Unreachable, r"failed \(HTTP 429\)\. Run this again in a few minutes"),
        (500, Unreachable, r"failed \(HTTP 500\)\. Run this again in a few minutes"),
    ],
)
def test_an_upload_that_storage_does_not_take_is_named_and_nothing_is_made(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[WorkflowError], said: str
) -> None:
    monkeypatch.setattr(uploading, "PAUSES", (0.0, 0.0))
    scene.codes()
    scene.edit()
    scene.kaggle.fault(faults.status("PUT", code, "no", times=None))
    name = r"(exp001\.py|codes-manifest\.json)"
    with pytest.raises(kind, match=rf"The upload of {name} failed, and no version was made.*{said}"):
        scene.codes()
    assert scene.versions("codes") == 1
    scene.kaggle.world.faults.clear()
    assert scene.codes().version == 2


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_storage_that_fails_once_is_asked_again(scene: Scene, code: int) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.fault(faults.status("PUT", code, "no"))
    assert scene.codes().version == 2


def test_an_upload_that_breaks_off_for_good_names_no_address_and_goes_on_next_time(scene: Scene) -> None:
    scene.kaggle.fault(faults.drop_before("PUT", times=None))
    with pytest.MonkeyPatch.context() as patch:
        slept: list[float] = []
        patch.setattr(time, "sleep", slept.append)
        with pytest.raises(
            Unreachable, match=r"upload of codes-manifest\.json .* broke again.*run this again"
        ) as caught:
            scene.codes()
    assert "http" not in str(caught.value)
    assert sum(slept) == 180.0
    assert len(scene.puts()) == 10
    scene.kaggle.world.faults.clear()
    assert (scene.codes().version, scene.versions("codes")) == (1, 1)


def test_an_answer_without_an_address_to_upload_to_is_not_come_back_to(scene: Scene) -> None:
    scene.kaggle.fault(faults.answer("StartBlobUpload", {}))
    with pytest.raises(Unreachable, match="no address to upload to"):
        scene.codes()
    assert (scene.codes().version, scene.versions("codes")) == (1, 1)


def test_a_truncated_file_is_named_and_sent_anew(scene: Scene) -> None:
    (scene.root / "codes" / "weights.bin").write_bytes(b"x" * 5000)
    scene.kaggle.fault(faults.truncate_upload(10, skip=0, times=3))
    with pytest.raises(KaggleRefused, match=r"differs from what was sent \(.*of \d+ bytes"):
        scene.codes()
    assert scene.codes().version == 2
    assert scene.kaggle.dataset_files("tester/cmi-codes")["weights.bin"] == b"x" * 5000


def test_a_truncated_manifest_is_named_and_sent_anew(scene: Scene) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.fault(faults.truncate_upload(20, times=None))
    with pytest.raises(KaggleRefused, match=r"codes-manifest.json can't be read"):
        scene.codes()
    scene.kaggle.world.faults.clear()
    assert scene.codes().did == "sent"


def test_a_lost_blob_is_kaggles_refusal(scene: Scene) -> None:
    scene.kaggle.fault(faults.lose_blob())
    with pytest.raises(KaggleRefused, match="Invalid upload token"):
        scene.codes()
    assert (scene.codes().did, scene.versions("codes")) == ("sent", 1)


def test_processing_that_fails(scene: Scene) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.fault(faults.processing("CreateDatasetVersion", "failed"))
    with pytest.raises(KaggleRefused, match="failed to process"):
        scene.codes()
    assert scene.codes().version == 3


def test_processing_that_never_ends(scene: Scene) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.fault(faults.processing("CreateDatasetVersion", "stuck"))
    with pytest.raises(WaitedTooLong, match="current and ready"):
        scene.codes(limit=0.4)
    scene.kaggle.finish_processing()
    outcome = scene.codes()
    assert (outcome.did, outcome.version, scene.versions("codes")) == ("found", 2, 2)


def test_a_refusal_while_waiting_says_nothing_of_the_version(scene: Scene) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.behave(processing_seconds=None)
    scene.kaggle.fault(faults.status("GetDatasetStatus", 401, "Token revoked"))
    with pytest.raises(KaggleRefused, match="credentials"):
        scene.codes()
    with pytest.raises(WaitedTooLong):
        scene.codes(limit=0.2)
    scene.kaggle.finish_processing()
    outcome = scene.codes()
    assert (outcome.did, outcome.version, scene.versions("codes")) == ("found", 2, 2)


def test_processing_that_fails_after_nobody_waited_any_more_is_not_waited_for_again(scene: Scene) -> None:
    scene.codes()
    scene.edit()
    scene.kaggle.behave(status_of="newest")
    scene.kaggle.fault(faults.processing("CreateDatasetVersion", "stuck"))
    with pytest.raises(WaitedTooLong):
        scene.codes(limit=0.2)
    scene.kaggle.dataset("tester/cmi-codes").versions[-1].failed = True
    assert (scene.codes().version, scene.versions("codes")) == (3, 3)
    assert any("failed to process" in line for line in scene.warned)


@pytest.mark.parametrize(
    ("end", "said"),
    [("fail", "made an error on purpose"), ("cancel", "was cancelled"), ("timeout", r"version 1 failed")],
)
def test_a_run_that_ends_badly(scene: Scene, end: str, said: str) -> None:
    prepared(scene)
    scene.kaggle.fault(faults.run(end))  # type: ignore[arg-type]  # one of the outcomes
    with pytest.raises(RunFailed, match=said):
        scene.sub()
    assert (scene.sub().did, scene.versions("sub")) == ("sent", 2)


def test_a_run_that_never_ends(scene: Scene) -> None:
    prepared(scene)
    scene.kaggle.fault(faults.run("never"))
    with pytest.raises(WaitedTooLong, match=r"run of tester/cmi-sub version 1 is over.*keep waiting"):
        scene.sub(limit=0.4)


def test_a_failed_run_shows_the_end_of_its_log(scene: Scene) -> None:
    scene.played.fail = lambda name: "no module named torch" if name.endswith("deps") else None
    with pytest.raises(RunFailed, match="no module named torch"):
        scene.deps()
    assert any(line.startswith("  | ") and "no module named torch" in line for line in scene.said)


def test_expired_credentials(scene: Scene) -> None:
    for answer in ("inactive", 400, 401, 403, 404):
        scene.kaggle.behave(inactive_token=answer)
        scene.kaggle.expire_token()
        with pytest.raises(
            KaggleRefused, match=r"token from KAGGLE_API_TOKEN.*: it is expired.*kaggle\.com/settings"
        ):
            scene.codes()


def test_no_credentials(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    with pytest.raises(WorkflowError, match="No Kaggle credentials on this machine") as caught:
        scene.codes()
    assert caught.value.exit_code == 2


def test_the_older_key_works_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", "tester")
    monkeypatch.setenv("KAGGLE_KEY", "0123")
    scene.kaggle.add_key("tester", "0123")
    assert scene.codes().did == "sent"


def test_the_old_dataset_version_is_not_bound_while_the_new_one_is_processed(scene: Scene) -> None:
    scene.all()
    scene.edit()
    scene.kaggle.behave(processing_seconds=0.8)
    codes, _, sub = scene.all(limit=10.0)
    assert codes.seconds["processing"] > 0.5
    bound = scene.kaggle.notebook("tester/cmi-sub").versions[-1].bindings
    assert [one.version for one in bound if one.slug == "cmi-codes"] == [2]
    assert sub.did == "sent"


def test_an_old_version_that_kaggle_binds_anyway_fails_the_push(scene: Scene) -> None:
    scene.all()
    scene.edit()
    scene.kaggle.behave(pin_dataset_versions=True)
    scene.metadata(dataset_sources=["tester/cmi-codes/1"], competition_sources=[COMPETITION])
    with pytest.raises(RunFailed, match="the plan wants"):
        scene.all()


@pytest.mark.parametrize("code", [404, 403])
@pytest.mark.parametrize(("times", "name"), [(1, "edited-on-kaggle"), (2, "take-over")])
def test_one_answer_that_a_notebook_does_not_exist_is_not_believed(
    scene: Scene, code: int, times: int, name: str
) -> None:
    scene.all()
    folder = scene.kaggle.world.store.notebook_folder(scene.kaggle.notebook("tester/cmi-sub"), 1)
    value = json.loads((folder / "source").read_text(encoding="utf-8"))
    value["cells"][-1]["source"] += "\nprint('edited on the site')"
    (folder / "source").write_text(json.dumps(value), encoding="utf-8")
    for allow in (frozenset[str](), frozenset([name])):
        scene.kaggle.fault(
            faults.status("GetKernel", code, "No such notebook", match={"kernelSlug": "cmi-sub"}, times=times)
        )
        if not allow:
            with pytest.raises(Refused, match=name):
                scene.sub()
            assert scene.versions("sub") == 1
        else:
            assert scene.sub(allow=allow).version == 2
        assert scene.kaggle.world.faults.unused() == []


def test_a_notebook_that_there_is_not_is_asked_for_twice_and_made(scene: Scene) -> None:
    scene.codes()
    scene.kaggle.forget_requests()
    assert scene.deps()[0].did == "sent"
    asked = [request.method for request in scene.kaggle.requests()]
    assert asked[asked.index("GetKernel") :][:4] == ["GetKernel", "ListKernels", "GetKernel", "SaveKernel"]
