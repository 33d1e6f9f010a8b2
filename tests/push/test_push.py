"""What a push sends, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim.manifest import CODES_MANIFEST
from kaggle_workflow.errors import Refused, WorkflowError
from kaggle_workflow.push import in_order
from kaggle_workflow.stage import bundle
from tests.local_kaggle import faults
from tests.push.conftest import Scene


def did(outcomes: object) -> list[str]:
    return [outcome.did for outcome in outcomes]  # type: ignore[attr-defined]  # a list of outcomes


def test_first_push_sends_codes_deps_and_sub_and_sees_each_through(scene: Scene) -> None:
    outcomes = scene.all()
    assert did(outcomes) == ["sent", "sent", "sent"]
    assert scene.played.plans == ["tester/cmi-deps", "tester/cmi-sub"]
    sent = json.loads(scene.kaggle.dataset_files("tester/cmi-codes")[CODES_MANIFEST])
    assert sent["fingerprint"] == outcomes[0].fingerprint
    assert set(outcomes[2].seconds) == {"upload", "queue", "run"}


def test_second_push_sends_nothing_and_asks_three_questions(scene: Scene) -> None:
    scene.all()
    scene.kaggle.forget_requests()
    assert did(scene.all()) == ["unchanged", "unchanged", "unchanged"]
    asked = [request.method for request in scene.kaggle.requests()]
    assert asked == ["IntrospectToken", "GetDataset", "GetKernel", "GetKernel"]


def test_without_build_a_second_push_asks_more_and_sends_nothing(scene: Scene) -> None:
    scene.all()
    shutil.rmtree(scene.root / "build")
    scene.kaggle.forget_requests()
    assert did(scene.all()) == ["unchanged", "unchanged", "unchanged"]
    assert scene.sends() == 0


def test_a_changed_code_file_sends_codes_and_sub_not_deps(scene: Scene) -> None:
    scene.all()
    scene.edit()
    assert did(scene.all(message="lower rate")) == ["sent", "unchanged", "sent"]
    version = scene.kaggle.dataset("tester/cmi-codes").versions[-1]
    assert version.notes.startswith("lower rate [codes:")
    assert (scene.versions("codes"), scene.versions("deps"), scene.versions("sub")) == (2, 1, 2)


def test_changed_requirements_run_the_wheel_notebook_again(scene: Scene) -> None:
    scene.all()
    (scene.root / "deps" / "requirements.txt").write_text("loguru\n", encoding="utf-8")
    assert did(scene.all()) == ["unchanged", "sent", "sent"]


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")


def _wheel(scene: Scene, content: bytes) -> None:
    folder = scene.root / "deps" / "wheels"
    folder.mkdir(exist_ok=True)
    (folder / "mine-1.0-py3-none-any.whl").write_bytes(b"PK\x05\x06" + bytes(18) + content)


@pytest.fixture(autouse=True)
def _the_shim_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what `_change_in_shim` does."""
    monkeypatch.setattr(bundle, "shim_files", bundle.shim_files)


def _change_in_shim(name: str) -> None:
    """As another version of the package, in which that module differs."""
    files = tuple(replace(one, sha256="0" * 64) if one.path == name else one for one in bundle.shim_files())
    bundle.shim_files = lambda: files  # type: ignore[assignment]  # a cached function


MAKES_OTHER_WHEELS: dict[str, Callable[[Scene], None]] = {
    "requirements": lambda s: _append(s.root / "deps" / "requirements.txt", "loguru\n-r more.txt\n"),
    "an included file": lambda s: _append(s.root / "deps" / "more.txt", "tqdm\n"),
    "the collector": lambda _: _change_in_shim("collecting.py"),
    "what the collector resolves by": lambda _: _change_in_shim("resolve.py"),
    "the image": lambda s: s.metadata("deps", docker_image="gcr.io/kaggle-images/python:v170"),
    "a wheel of one's own": lambda s: _wheel(s, b""),
    "another build of it": lambda s: _wheel(s, b"2"),
    "a protected package that may be replaced": lambda s: _append(
        s.root / "invoke.yaml", "  allow: [NumPy]\n"
    ),
}
MAKES_THE_SAME_WHEELS: dict[str, Callable[[Scene], None]] = {
    "codes": lambda s: s.edit(),
    "another part of the shim": lambda _: _change_in_shim("running.py"),
    "settings of the run": lambda s: _append(s.root / "invoke.yaml", "  guard: 8h\n"),
    "a refusal that is overruled": lambda s: _append(s.root / "invoke.yaml", "  allow: [take-over]\n"),
    "the submission notebook": lambda s: s.metadata("sub", machine_shape="NvidiaTeslaT4"),
    "a note beside the wheels": lambda s: _append(s.root / "deps" / "notes.md", "why\n"),
}


def test_the_wheel_notebook_runs_again_for_all_that_makes_other_wheels_and_once_each(scene: Scene) -> None:
    (scene.root / "deps" / "more.txt").write_text("", encoding="utf-8")
    scene.deps()
    for what, change in MAKES_OTHER_WHEELS.items():
        change(scene)
        assert (what, scene.deps()[-1].did) == (what, "sent")
        assert (what, scene.deps()[-1].did) == (what, "unchanged")
    assert scene.versions("deps") == 1 + len(MAKES_OTHER_WHEELS)


def test_the_wheel_notebook_does_not_run_again_for_anything_else(scene: Scene) -> None:
    scene.deps()
    for what, change in MAKES_THE_SAME_WHEELS.items():
        change(scene)
        assert (what, scene.deps()[-1].did) == (what, "unchanged")
    assert scene.versions("deps") == 1


@pytest.mark.parametrize("end", ["fail", "cancel"])
def test_the_wheel_notebook_runs_again_when_its_last_run_did_not_complete(scene: Scene, end: str) -> None:
    scene.kaggle.fault(faults.run(end))  # type: ignore[arg-type]  # one of the outcomes
    with pytest.raises(WorkflowError):
        scene.deps()
    assert [scene.deps()[-1].did, scene.deps()[-1].did] == ["sent", "unchanged"]
    assert scene.versions("deps") == 2


def test_own_wheels_go_up_first_as_a_private_dataset(scene: Scene) -> None:
    (scene.root / "deps" / "wheels").mkdir()
    (scene.root / "deps" / "wheels" / "mine-1.0-py3-none-any.whl").write_bytes(b"PK\x05\x06" + bytes(18))
    assert did(scene.deps()) == ["sent", "sent"]
    assert "mine-1.0-py3-none-any.whl" in scene.kaggle.dataset_files("tester/cmi-wheels")
    assert scene.kaggle.dataset("tester/cmi-wheels").is_private
    assert "tester/cmi-wheels" in scene.kaggle.notebook("tester/cmi-deps").versions[-1].dataset_sources


def test_inline_codes_need_no_dataset(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_WORKSPACE_CODES", "inline")
    assert did(scene.all()) == ["inline", "sent", "sent"]
    assert "tester/cmi-codes" not in scene.kaggle.world.store.datasets
    assert did(scene.all()) == ["inline", "unchanged", "unchanged"]


def test_a_failed_run_is_pushed_again_though_nothing_changed(scene: Scene) -> None:
    scene.played.fail = lambda name: "out of luck" if name.endswith("sub") else None
    with pytest.raises(WorkflowError, match="out of luck"):
        scene.all()
    scene.played.fail = lambda _: None
    assert did(scene.all()) == ["unchanged", "unchanged", "sent"]


def test_force_sends_though_nothing_changed(scene: Scene) -> None:
    scene.all()
    assert did(scene.all(force=True)) == ["sent", "sent", "sent"]
    assert scene.versions("codes") == 2


def test_dry_run_lists_and_sends_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert did(scene.all(dry_run=True)) == ["would send", "would send", "would send"]
    assert scene.sends() == 0
    assert "exp001.py" in capsys.readouterr().out


def test_no_wait_leaves_and_the_next_push_goes_on_waiting(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.hold_runs()
    assert scene.sub(wait=False).did == "sent"
    scene.kaggle.release_runs()
    again = scene.sub()
    assert (again.did in ("found", "unchanged"), again.version, scene.versions("sub")) == (True, 1, 1)


def test_codes_of_another_workspace_are_not_touched_unasked(scene: Scene) -> None:
    scene.kaggle.add_dataset("tester/cmi-codes", {"last_years.py": "1"})
    with pytest.raises(Refused, match=r"take-over"):
        scene.codes()
    assert scene.versions("codes") == 1
    assert scene.codes(allow=frozenset(["take-over"])).version == 2


def test_a_notebook_of_another_workspace_is_not_touched_unasked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.all()
    monkeypatch.setenv("INVOKE_WORKSPACE_ID", "0123456789abcdef")
    with pytest.raises(Refused, match=r"notebook tester/cmi-deps.*take-over"):
        scene.deps()
    assert scene.deps(allow=frozenset(["take-over"]))[0].version == 2


def test_a_notebook_edited_in_the_browser_is_saved_beside_and_asked_about(scene: Scene) -> None:
    scene.all()
    notebook = scene.kaggle.notebook("tester/cmi-sub")
    source = scene.kaggle.world.store.notebook_folder(notebook, 1) / "source"
    value = json.loads(source.read_text(encoding="utf-8"))
    value["cells"][-1]["source"] += "\nprint('edited on the site')"
    source.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(Refused, match=r"edited on Kaggle.*edited-on-kaggle"):
        scene.sub()
    assert "edited on the site" in (scene.root / "sub" / "from-kaggle-v1.ipynb").read_text(encoding="utf-8")
    assert scene.sub(yes=True).version == 2


def test_codes_that_are_not_on_kaggle_yet_are_said_before_the_notebook_goes(scene: Scene) -> None:
    scene.all()
    scene.edit()
    with pytest.raises(Refused, match=r"codes-not-current"):
        scene.sub()
    assert scene.versions("sub") == 1


def test_a_token_of_somebody_else_is_said_before_any_upload(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", scene.kaggle.add_user("mate"))
    with pytest.raises(Refused, match=r"those of mate.*belongs to tester.*other-account"):
        scene.codes()
    assert scene.sends() == 0
    monkeypatch.setenv("INVOKE_WORKSPACE_OWNER", "mate")
    assert scene.codes().name == "mate/cmi-codes"


def test_metadata_alone_makes_nothing_public(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.metadata(is_private=False)
    with pytest.raises(WorkflowError, match="--public"):
        scene.sub()
    assert scene.versions("sub") == 0
    scene.sub(public=True)
    assert not scene.kaggle.notebook("tester/cmi-sub").is_private


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"is_private": False}, "--public"), ({"id": "mate/cmi-sub"}, "belongs to mate.*other-account")],
)
def test_what_would_refuse_the_notebook_is_said_before_the_codes_go(
    scene: Scene, changes: dict[str, Any], said: str
) -> None:
    scene.metadata(**changes)
    with pytest.raises(WorkflowError, match=said):
        scene.all()
    assert scene.sends() == 0


def test_another_account_is_said_once_for_all_of_its_things(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", scene.kaggle.add_user("mate"))
    push = scene.push(allow=frozenset(["other-account"]))
    with pytest.raises(WorkflowError, match="HTTP 403"):
        in_order.push_all(push, "sub")
    assert sum("those of mate" in line for line in scene.warned) == 1
    assert push.overruled == ["other-account"]


def test_credentials_in_codes_are_never_sent(scene: Scene) -> None:
    (scene.root / "codes" / "settings.json").write_text(
        '{"username": "tester", "key": "%s"}' % ("c0ffee11" * 4), encoding="utf-8"
    )
    with pytest.raises(WorkflowError, match=r"codes/settings\.json, line 1: Kaggle API key"):
        scene.codes(allow=frozenset(["secrets", "take-over"]))
    assert scene.sends() == 0


def test_an_older_version_that_runs_is_said(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.hold_runs()
    scene.sub(wait=False)
    scene.metadata(keywords=["gpu"])
    scene.sub(wait=False)
    assert any("version 1 is still running" in line for line in scene.warned)


def test_accelerator_names_and_quota_are_said_and_refuse_nothing(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.sub(accelerator="NvidiaTeslaP100")
    assert any("NvidiaTeslaT4" in line for line in scene.warned)
    assert any("quota" in line for line in scene.said)


def test_a_quota_that_kaggle_does_not_tell_refuses_nothing(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.fault(faults.status("GetAcceleratorQuotaStatistics", 404, "No such thing"))
    assert scene.sub(accelerator="NvidiaTeslaT4").did == "sent"
    assert any("quota can't be read" in line for line in scene.warned)


@pytest.mark.parametrize("answer", [{}, {"gpuQuota": {}}, {"gpuQuota": {"timeUsed": "3600s"}}])
def test_a_quota_of_which_a_part_is_absent_is_unknown(scene: Scene, answer: dict[str, object]) -> None:
    scene.kaggle.fault(faults.answer("GetAcceleratorQuotaStatistics", answer, times=None))
    scene.metadata(enable_gpu=True)
    assert scene.all(accelerator="NvidiaTeslaT4")[-1].did == "sent"
    assert "GPU quota: Kaggle does not say how much is left." in scene.said
    assert not any("used up" in line for line in scene.warned)


def test_the_quota_is_asked_for_when_something_is_sent(scene: Scene) -> None:
    scene.metadata(machine_shape="NvidiaTeslaT4")
    scene.all()
    assert scene.all()[-1].did == "unchanged"
    assert len(scene.kaggle.requests(method="GetAcceleratorQuotaStatistics")) == 1


def test_no_wait_still_waits_for_the_wheels_that_the_notebook_attaches(scene: Scene) -> None:
    _, deps, sub = scene.all(wait=False)
    assert (deps.did, "run" in deps.seconds, sub.did, "run" in sub.seconds) == ("sent", True, "sent", False)
    bound = scene.kaggle.notebook("tester/cmi-sub").versions[-1].bindings
    assert [one.version for one in bound if one.slug == "cmi-deps"] == [1]


def test_wheels_that_are_not_on_kaggle_yet_are_said_before_the_notebook_goes(scene: Scene) -> None:
    scene.codes()
    with pytest.raises(Refused, match=r"has no wheels of this workspace, but sub needs") as caught:
        scene.sub()
    assert caught.value.name == "wheels-not-current"
    scene.kaggle.hold_runs()
    scene.deps(wait=False)
    with pytest.raises(Refused, match="no completed run of version 1"):
        scene.sub()
    scene.kaggle.release_runs()
    scene.kaggle.wait_for_runs()
    assert scene.sub().version == 1
    (scene.root / "deps" / "requirements.txt").write_text("loguru\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"has the wheels [0-9a-f]{12}, but sub needs [0-9a-f]{12}"):
        scene.sub()
    assert scene.sub(allow=frozenset(["wheels-not-current"])).version == 2


def test_codes_are_known_again_when_kaggle_cuts_their_notes(scene: Scene) -> None:
    scene.kaggle.behave(longest_notes=3)
    assert scene.codes(message="a message longer than that").did == "sent"
    assert scene.codes().did == "unchanged"
    scene.edit()
    assert (scene.codes(message="a message longer than that").did, scene.versions("codes")) == ("sent", 2)
    assert scene.codes().did == "unchanged"


def test_a_run_whose_files_kaggle_did_not_keep_is_not_taken_for_proved(scene: Scene) -> None:
    scene.kaggle.behave(output_files=0)
    scene.codes()
    with pytest.raises(WorkflowError, match=r"deps-manifest\.json"):
        scene.deps()
