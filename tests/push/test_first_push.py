"""A first push: nothing to collect, a source that is mounted late, a wrong folder, a save that Kaggle answers with an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kaggle_shim.refs import DatasetRef
from kaggle_workflow import waiting
from kaggle_workflow.errors import RunFailed, Unreachable, WaitedTooLong, WorkflowError
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import in_order, sub
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.submit import shipping
from kaggle_workflow.submit.submitting import Request
from tests.local_kaggle import faults
from tests.push.conftest import Scene


def empty(scene: Scene, text: str = "# nothing yet\n\n--no-binary :none:\n") -> None:
    (scene.root / "deps" / "requirements.txt").write_text(text, encoding="utf-8")


def test_with_nothing_to_collect_no_wheel_notebook_runs_and_none_is_attached(scene: Scene) -> None:
    empty(scene)
    assert [outcome.thing for outcome in scene.all()] == ["codes", "sub"]
    assert scene.played.plans == ["tester/cmi-sub"]
    assert scene.versions("deps") == 0
    sent = json.loads((scene.root / "build" / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))
    assert sent["kernel_sources"] == []
    assert any("nothing to collect" in line for line in scene.said)
    assert [outcome.did for outcome in scene.all()] == ["unchanged", "unchanged"]


def test_the_first_requirement_runs_the_wheel_notebook_and_attaches_it(scene: Scene) -> None:
    empty(scene)
    scene.all()
    empty(scene, "loguru\n")
    assert [outcome.did for outcome in scene.all()] == ["unchanged", "sent", "sent"]
    sent = json.loads((scene.root / "build" / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))
    assert sent["kernel_sources"] == ["tester/cmi-deps"]


def features(scene: Scene) -> None:
    """Attach a dataset of one's own."""
    folder = scene.root / "features"
    folder.mkdir()
    (folder / "a.csv").write_text("1", encoding="utf-8")
    push = scene.push()
    push_dataset.upload_dataset(
        push, lambda: stage_folder(push, folder, DatasetRef("tester", "cmi-features"))
    )
    scene.metadata(dataset_sources=["tester/cmi-codes", "tester/cmi-features"])


def test_a_source_that_is_mounted_from_the_second_run_on_costs_one_more_run(scene: Scene) -> None:
    scene.all()
    scene.kaggle.behave(late_mounts=("cmi-features",))
    features(scene)
    outcome = scene.all()[-1]
    assert (outcome.did, outcome.version, scene.versions("sub")) == ("sent", 3, 3)
    assert any("tester/cmi-features is attached for the first time" in line for line in scene.said)
    assert any("run twice" in note for note in outcome.notes)
    assert scene.all()[-1].did == "unchanged"


def test_a_source_that_never_shows_ends_the_push_after_the_second_run(scene: Scene) -> None:
    scene.all()
    features(scene)
    dataset = scene.kaggle.dataset("tester/cmi-features")
    (scene.kaggle.world.store.dataset_folder(dataset, 1)).rename(scene.root / "gone")
    with pytest.raises(RunFailed, match=r"tester/cmi-features .*is not mounted"):
        scene.sub(allow=frozenset(["codes-not-current"]))
    assert scene.versions("sub") == 3
    # It is no longer new: the next push runs it once.
    with pytest.raises(RunFailed, match="is not mounted"):
        scene.sub(allow=frozenset(["codes-not-current"]))
    assert scene.versions("sub") == 4


def test_any_other_failure_is_not_run_again(scene: Scene) -> None:
    scene.all()
    features(scene)
    scene.played.fail = lambda _: "the file /kaggle/input/datasets/tester/cmi-features/b.csv is missing"
    with pytest.raises(RunFailed, match=r"b\.csv is missing"):
        scene.sub()
    assert scene.versions("sub") == 2


@pytest.mark.parametrize("command", ["push", "push-sub", "push-model", "ship"])
@pytest.mark.parametrize(
    ("name", "told"), [("deps", "is the wheel notebook"), ("sup", "not a notebook's folder")]
)
@pytest.mark.parametrize("changed", [True, False], ids=["deps-changed", "deps-unchanged"])
def test_a_notebook_that_can_not_be_pushed_is_named_before_anything_is_sent(
    scene: Scene, command: str, name: str, told: str, changed: bool
) -> None:
    if not changed:
        scene.deps()
    weights = scene.root / "data" / "working" / "models" / "exp001"
    weights.mkdir(parents=True)
    (weights / "fold0.bin").write_text("w", encoding="utf-8")
    scene.kaggle.forget_requests()
    model: dict[str, Any] = {"exp": "", "path": "", "handle": "", "framework": "pytorch", "licence": ""}
    run: Callable[[], object] = {
        "push": lambda: in_order.push_all(scene.push(), name),
        "push-sub": lambda: sub.push_notebook(scene.push(), name),
        "push-model": lambda: push_model.push_model(scene.push(), **model, ignore=(), notebook=name),
        "ship": lambda: shipping.ship(scene.push(yes=True), Request(notebook=name)),
    }[command]
    with pytest.raises(WorkflowError, match=told):
        run()
    assert scene.sends() == 0


def test_a_folder_with_a_slash_is_the_same_notebook(scene: Scene) -> None:
    first = in_order.push_all(scene.push(), "sub/")
    assert [outcome.thing for outcome in first] == ["codes", "deps", "sub"]
    assert {outcome.did for outcome in in_order.push_all(scene.push(), "sub")} == {"unchanged"}


@pytest.mark.parametrize("status", [500, 503])
def test_a_save_that_ends_in_an_error_says_what_is_waited_for_and_how_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    scene.all()
    scene.edit()
    scene.codes()
    scene.kaggle.fault(faults.status("SaveKernel", status, times=1))
    monkeypatch.setattr(waiting, "LATE_SECONDS", 1.0)
    # A long --limit is no reason to wait longer for what may never have been made.
    with pytest.raises(Unreachable, match="not known whether Kaggle has the version of tester/cmi-sub"):
        scene.sub(limit=3600.0)
    assert any("the version of tester/cmi-sub appears (for 1.0 s at most)" in line for line in scene.said)


def test_a_limit_cuts_a_wait_for_what_may_never_come_and_lengthens_no_such_wait() -> None:
    said: list[str] = []
    for limit, told in ((0.1, "for 0.1 s at most"), (90.0, "for 0.2 s at most")):
        with pytest.raises(WaitedTooLong):
            waiting.Waits(0.05, said.append, limit).until("it shows", 0.2, lambda _: None, lengthen=False)
        assert told in said[-1]
