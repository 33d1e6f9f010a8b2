"""Weights belong to the loop: train, push, train again, ship, in every order, and what the ledger says at its end."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from kaggle_shim import local
from kaggle_shim.manifest import MODEL_MANIFEST
from kaggle_shim.refs import DatasetRef, ModelRef
from kaggle_workflow.errors import Refused
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.rehearsal import local_inputs
from tests.submit.conftest import Desk

HANDLE = "tester/cmi-models/pytorch/exp001"


def train(desk: Desk, cv: float, folder: str = "exp001") -> None:
    weights = desk.root / "data" / "working" / "models" / folder
    (weights / "fold0").mkdir(parents=True, exist_ok=True)
    (weights / "fold0" / "model.bin").write_text(f"weights of {cv}", encoding="utf-8")
    metrics = {"cv": cv, "folds": [cv - 0.1, cv + 0.1], "rows": 40}
    (weights / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


def shipped(desk: Desk) -> tuple[float | None, int | None, tuple[str, ...] | None]:
    """CV, version of the weights, and what was overruled, of the newest submission in the ledger."""
    last = desk.history()[-1]
    assert last.models
    assert last.cv is not None
    assert (last.cv_folds, last.cv_rows) == ((last.cv - 0.1, last.cv + 0.1), 40)
    return last.cv, last.models[0].version, last.overruled


@pytest.mark.parametrize(
    ("order", "end"),
    [
        (["train 0.8", "push-model", "push", "train 0.9", "ship --yes"], (0.9, 2, None)),
        (["train 0.8", "push-model", "train 0.9", "push", "ship --allow"], (0.8, 1, ("stale-weights",))),
        (["train 0.8", "push-model", "push", "train 0.9", "push-model", "ship"], (0.9, 2, None)),
        (["train 0.8", "push-model", "ship", "train 0.9", "ship --yes"], (0.9, 2, None)),
    ],
    ids=["again-before-ship", "again-before-push", "pushed-again", "shipped-twice"],
)
def test_the_ledger_has_the_cv_of_the_weights_that_ran(
    desk: Desk, order: list[str], end: tuple[float, int, tuple[str, ...] | None]
) -> None:
    for step in order:
        if step.startswith("train"):
            train(desk, float(step.split()[1]))
        elif step == "push-model":
            desk.model()
        elif step == "push":
            desk.all()
        elif step == "ship --allow":
            desk.ship(allow=frozenset(["stale-weights"]))
        else:
            desk.ship()
    assert shipped(desk) == end


def test_a_version_with_weights_of_another_experiment_takes_no_local_cv(desk: Desk) -> None:
    train(desk, 0.8)
    desk.model()
    desk.all()
    shutil.copy(desk.root / "codes" / "exp001.py", desk.root / "codes" / "exp002.py")
    settings = desk.root / "invoke.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("exp001.py", "exp002.py"), encoding="utf-8"
    )
    folder = desk.root / "data" / "working" / "models" / "exp002"
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"cv": 0.95}), encoding="utf-8")
    desk.ship()
    assert (desk.history()[-1].entry, desk.history()[-1].cv) == (("exp002.py",), None)
    assert any("push-model --exp exp002" in line for line in desk.warned)


def test_ship_moves_the_pin_of_a_dataset_that_it_pushed_again(desk: Desk) -> None:
    train(desk, 0.8)
    folder, ref = desk.root / "data" / "working" / "models" / "exp001", DatasetRef("tester", "cmi-exp001")
    session = desk.push()
    push_dataset.upload_dataset(session, lambda: stage_folder(session, folder, ref))
    metadata = json.loads((desk.root / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))
    desk.metadata(dataset_sources=[*metadata["dataset_sources"], "tester/cmi-exp001/1"])
    desk.all()
    train(desk, 0.9)
    desk.ship()
    assert desk.history()[-1].cv == 0.9
    metadata = json.loads((desk.root / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))
    assert metadata["dataset_sources"][-1] == "tester/cmi-exp001/2"


def test_ship_asks_about_changed_weights_before_the_first_byte(desk: Desk) -> None:
    train(desk, 0.8)
    desk.model()
    desk.all()
    train(desk, 0.9)
    desk.kaggle.forget_requests()
    with pytest.raises(
        Refused, match=r"data/working/models/exp001 changed.*2 files, .*--allow stale-weights"
    ):
        desk.ship(yes=False)
    assert desk.sends() == 0


def test_push_check_and_status_say_that_the_weights_changed(desk: Desk) -> None:
    train(desk, 0.8)
    desk.model()
    desk.all()

    def said(*words: str) -> str:
        done: subprocess.CompletedProcess[str] = desk.invoke(*words)
        assert done.returncode == 0, done.stderr
        return " ".join((done.stdout + done.stderr).split())

    assert not any("changed since" in said(word) for word in ("push", "check"))
    assert "as here" in said("status", "--json")
    train(desk, 0.9)
    for word in ("push", "check"):
        assert (
            "data/working/models/exp001 changed since it was pushed as tester/cmi-models/pytorch/exp001/1"
            in said(word)
        )
    assert "changed here" in said("status", "--json")


def test_a_submission_after_the_folder_changed_or_went_keeps_the_cv_that_was_pushed(desk: Desk) -> None:
    train(desk, 0.8)
    desk.model()
    desk.all()
    shutil.rmtree(desk.root / "data" / "working" / "models" / "exp001")
    desk.submit()
    assert shipped(desk)[:2] == (0.8, 1)


def test_weights_in_a_dataset_of_ones_own_belong_to_the_loop_too(desk: Desk) -> None:
    def push() -> None:
        session = desk.push()
        folder, ref = desk.root / "data" / "working" / "models" / "exp001", DatasetRef("tester", "cmi-exp001")
        outcome = push_dataset.upload_dataset(session, lambda: stage_folder(session, folder, ref))
        push_sub.attach(session, "sub", ref, outcome)

    train(desk, 0.8)
    push()
    push()
    metadata = json.loads((desk.root / "sub" / "kernel-metadata.json").read_text(encoding="utf-8"))
    assert metadata["dataset_sources"] == ["tester/cmi-codes", "tester/cmi-exp001"]
    desk.all()
    train(desk, 0.9)
    with pytest.raises(Refused, match="stale-weights"):
        desk.ship(yes=False)
    desk.ship(allow=frozenset(["stale-weights"]))
    assert desk.history()[-1].cv == 0.8
    desk.ship()
    assert (desk.history()[-1].cv, desk.versions("exp001")) == (0.9, 2)


def test_push_dataset_attaches_itself_to_the_notebook_that_is_named(desk: Desk) -> None:
    (desk.root / "features").mkdir()
    (desk.root / "features" / "a.csv").write_text("1", encoding="utf-8")
    done = desk.invoke("push-dataset", "--path", "features", "--notebook", "sub")
    assert done.returncode == 0, done.stderr
    assert "added tester/cmi-features to dataset_sources" in done.stdout
    wrong = desk.invoke("push-dataset", "--path", "features", "--notebook", "deps")
    assert wrong.returncode == 2
    assert "is the wheel notebook" in wrong.stderr


def test_ignore_is_remembered_with_the_model_and_rehearsal_mounts_what_was_sent(desk: Desk) -> None:
    train(desk, 0.8)
    folder = desk.root / "data" / "working" / "models" / "exp001"
    (folder / "train.log").write_text("epoch 1", encoding="utf-8")
    desk.model(ignore=("*.log",))
    assert desk.model().did == "unchanged"
    assert any("excluded, as in the last push" in line and "*.log" in line for line in desk.said)
    (folder / MODEL_MANIFEST).unlink()  # another machine: the model itself remembers
    assert desk.model().did == "unchanged"

    def mounted() -> tuple[list[str], tuple[str, ...]]:
        found = local_inputs.gather(
            [ModelRef.parse(HANDLE)],
            desk.root,
            layout="namespaced",
            made={},
            without=frozenset(),
            empty=desk.root,
            rerun=False,
        )
        return sorted(mount.target.rpartition("exp001")[2] for mount in found.mounts), found.notes

    assert mounted() == (["/fold0/model.bin", "/metrics.json", f"/{MODEL_MANIFEST}"], ())
    train(desk, 0.9)
    assert "changed after it was pushed" in mounted()[1][0]
    assert desk.model(ignore=("",)).version == 2
    assert mounted() == ([""], ())


def test_a_handle_of_another_spelling_finds_the_folder_that_it_was_pushed_from(desk: Desk) -> None:
    train(desk, 0.8)
    handle = "tester/cmi-models/pytorch/exp-001"

    def push() -> None:
        push_model.push_model(
            desk.push(),
            exp="exp001",
            path="",
            handle=handle,
            framework="pytorch",
            licence="",
            ignore=(),
            notebook="sub",
        )

    push()
    folder = desk.root / "data" / "working" / "models" / "exp001"
    assert local.counterpart(ModelRef.parse(f"{handle}/1"), desk.root) == folder
    desk.all()
    train(desk, 0.9)
    with pytest.raises(Refused, match="stale-weights"):
        desk.ship(yes=False)
    desk.ship()
    assert shipped(desk)[:2] == (0.9, 2)
