"""What jobs left goes on: attached to a notebook, downloaded, or pushed as a model."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.ledger.jobs import Job, Sweep
from kaggle_workflow.stage import compose
from kaggle_workflow.sweep import choosing
from tests.sweep.conftest import Cluster

FOLDS = ("--grid", "fold=0,1", "--yes")
FIRST, SECOND = "tester/cmi-train-s1-fold0", "tester/cmi-train-s1-fold1"


def attached(cluster: Cluster) -> list[str]:
    about = json.loads((cluster.root / "sub/kernel-metadata.json").read_text(encoding="utf-8"))
    return [text for text in about["kernel_sources"] if "-deps" not in text]


def test_outputs_are_attached_with_their_versions_and_downloaded(cluster: Cluster) -> None:
    path = cluster.root / "sub/kernel-metadata.json"
    said = cluster.sweep(*FOLDS, "--attach", "all")
    assert "sub/kernel-metadata.json attaches s1/fold0, s1/fold1 (2 new of 2)" in said
    assert 'kaggle_shim.find("s1/fold0")' in said
    assert attached(cluster) == [f"{FIRST}/1", f"{SECOND}/1"]
    path.write_text(path.read_text(encoding="utf-8").replace(f"{FIRST}/1", FIRST), encoding="utf-8")
    assert "(1 new of 1)" in cluster.sweep("--attach", "fold0")
    assert "(0 new of 2)" in cluster.sweep("--attach", "fold0,fold1")
    assert attached(cluster) == [f"{FIRST}/1", f"{SECOND}/1"]

    # The plan of the notebook that attaches them says what they must have run.
    cluster.scene.all()
    plan = compose.plan_of((cluster.root / "build/sub/sub.ipynb").read_text(encoding="utf-8"))
    assert plan is not None
    wanted = {str(one.ref): one.fingerprint for one in plan.inputs}
    assert wanted[f"{FIRST}/1"] == cluster.jobs()["fold0"].codes.fingerprint

    folder = cluster.root / "data/notebooks" / FIRST
    assert "s1/fold0, s1/fold1: 6 files downloaded, 0 already there." in cluster.sweep("--pull", "all")
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["cv"] == 0.0
    (folder / "metrics.json").unlink()
    assert "s1/fold0: 1 file downloaded, 2 already there." in cluster.sweep("--pull", "fold0")
    (folder / "metrics.json").unlink()
    done = cluster.scene.invoke("data", "--attached")
    assert "1 file downloaded, 5 already there." in done.stdout, done.stdout + done.stderr


def test_the_jobs_of_a_sweep_become_one_model_with_a_folder_each(cluster: Cluster) -> None:
    cluster.training.fail = lambda given: "ValueError: no" if given["fold"] == "2" else None
    cluster.sweep("--grid", "fold=0,1,2", "--yes", code=4)
    assert "these are not: s1/fold2 (error)" in cluster.sweep("--attach", "all", code=2)
    assert attached(cluster) == []
    done = cluster.scene.invoke("push-model", "--from-sweep", "s1/fold0,fold1")
    assert done.returncode == 0, done.stdout + done.stderr
    (model,) = cluster.scene.kaggle.world.store.models.values()
    (variation,) = model.variations
    assert (model.slug, variation.slug) == ("cmi-models", "s1")
    folder = cluster.root / "data/working/models/s1"
    assert json.loads((folder / "fold1/metrics.json").read_text(encoding="utf-8"))["cv"] == 0.1

    # Only what is chosen goes into the next version, and nothing of the user's is lost.
    done = cluster.scene.invoke("push-model", "--from-sweep", "s1/fold1", "--dry-run")
    assert "fold1/metrics.json" in done.stdout + done.stderr
    assert "fold0" not in {path.name for path in folder.iterdir()}
    (folder / "mine").mkdir()
    done = cluster.scene.invoke("push-model", "--from-sweep", "s1")
    assert done.returncode == 2
    done = cluster.scene.invoke("push-model", "--from-sweep", "s1/fold0")
    assert f"{folder / 'mine'} is no output of s1: move it away" in done.stderr
    (folder / "mine").rmdir()
    (folder / "fold1/swa.pt").write_bytes(b"mine")
    done = cluster.scene.invoke("push-model", "--from-sweep", "s1/fold0")
    assert done.returncode == 2
    assert (folder / "fold1/swa.pt").read_bytes() == b"mine"

    here = [replace(job, place="here") for job in cluster.jobs().values()]
    book.append(cluster.root, *(job.event() for job in here))
    said = cluster.sweep("--attach", "fold0", code=2)
    assert "s1/fold0 ran outside Kaggle" in said
    assert "`invoke push-model --from-sweep s1`" in said
    assert "s1/fold0: 0 files downloaded, 0 already there." in cluster.sweep("--pull", "fold0")


def job(fold: int, lr: str, cv: float, status: str = "complete") -> Job:
    metrics = {"cv": cv} if status == "complete" else {}
    given = {"fold": str(fold), "lr": lr}
    return Job("s1", 6, f"fold{fold}-lr{lr}", "train", given, "me/t", Part("me/c"), status, metrics=metrics)


def test_best_are_the_folds_of_the_setting_whose_mean_is_best() -> None:
    jobs = [job(0, "1", 0.9), job(1, "1", 0.1), job(0, "2", 0.6), job(1, "2", 0.6), job(0, "3", 1.0)]
    sweep = Sweep("s1", (*jobs, job(1, "3", 0.0, "error")))
    assert {one.parameters["lr"] for one in choosing.best(sweep, "cv", Order("higher", assumed=False))} == {
        "2"
    }
    lower = choosing.best(sweep, "cv", Order("lower", assumed=False))
    assert [one.name for one in lower] == ["fold0-lr1", "fold1-lr1"]
    with pytest.raises(WorkflowError, match=r"not known whether .* cv is better: write `better: higher`"):
        choosing.best(sweep, "cv", Order("higher", assumed=True))
    # One setting needs no direction.
    assert len(choosing.best(Sweep("s1", tuple(jobs[:2])), "cv", Order("higher", assumed=True))) == 2
    with pytest.raises(WorkflowError, match=r"No setting of s1 has cv for each of its folds"):
        choosing.best(Sweep("s1", (*jobs[4:], job(1, "3", 0.0, "error"))), "", Order("higher", assumed=False))
