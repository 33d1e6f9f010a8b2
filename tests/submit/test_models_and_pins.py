"""Models with the submissions that used them; sources and images that are pinned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.errors import RunFailed, WorkflowError
from kaggle_workflow.kaggle.values import Notebook
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import pins
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.stage import compose
from tests.submit.conftest import NOTEBOOK, Desk

HANDLE = "tester/cmi-models/pytorch/exp001"


def weights(desk: Desk, text: str) -> None:
    folder = desk.root / "data" / "working" / "models" / "exp001"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_text(text, encoding="utf-8")
    desk.model()


def test_versions_with_size_date_and_the_submissions_that_used_them(desk: Desk) -> None:
    weights(desk, "one")
    desk.all()
    first = desk.submit()
    weights(desk, "three")
    told = desk.invoke("models", "--json")
    assert told.returncode == 0, told.stderr
    one, two = json.loads(told.stdout)["versions"]
    assert (one["variation"], one["version"], two["version"]) == (HANDLE, 1, 2)
    assert two["size"] - one["size"] == 2
    assert two["date"].startswith("20")
    assert (one["submissions"], two["submissions"]) == ([str(first.ref)], [])
    assert (one["attached"], two["attached"]) == ([], ["sub"])
    desk.kaggle.forget_requests()
    table = desk.invoke("models", "--all")
    assert HANDLE in table.stdout
    assert str(first.ref) in table.stdout
    assert not desk.kaggle.requests(method="ListModelInstanceVersionFiles")


def test_a_workspace_without_models_says_how_to_make_one(desk: Desk) -> None:
    told = desk.invoke("models")
    assert (told.returncode, "invoke push-model" in told.stdout) == (0, True), told.stderr


def there(**sources: tuple[str, ...]) -> Notebook:
    return Notebook(NOTEBOOK, "", 1, "", True, False, False, False, "", "", sources)


@pytest.mark.parametrize(
    ("kind", "key", "asked", "bound", "said"),
    [
        (
            "dataset",
            "dataset_sources",
            "me/features/3",
            "me/features/4",
            "attached version 4 of the dataset me/features",
        ),
        (
            "dataset",
            "dataset_sources",
            "me/features/3",
            "me/features",
            "does not say whether it attached version 3",
        ),
        (
            "notebook",
            "kernel_sources",
            "me/train/2",
            "me/train/5",
            "attached version 5 of the notebook me/train",
        ),
        (
            "model",
            "model_sources",
            "me/m/pytorch/a/1",
            "me/m/PyTorch/a/2",
            "attached version 2 of the model me/m/pytorch/a",
        ),
    ],
)
def test_another_version_than_the_pinned_one_is_reported(
    kind: str, key: str, asked: str, bound: str, said: str
) -> None:
    (phrase,) = pins.rebound({key: [asked]}, there(**{kind: (bound,)}))
    assert said in phrase


def test_what_is_not_pinned_or_bound_as_asked_is_not_mentioned() -> None:
    sent = {"dataset_sources": ["me/a", "me/b/2", "me/gone/1"]}
    assert pins.rebound(sent, there(dataset=("me/a/7", "me/b/2"))) == []


def test_a_pinned_version_is_passed_on_and_kaggles_other_one_reported(desk: Desk) -> None:
    desk.kaggle.add_dataset("mate/features", {"a.csv": "1"}, private=False)
    desk.metadata(dataset_sources=["tester/cmi-codes", "mate/features/1"])
    desk.all()
    assert "mate/features/1" in desk.kaggle.notebook(NOTEBOOK).versions[-1].dataset_sources
    assert not any("bound" in line for line in desk.warned)


def push_features(desk: Desk, folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(text, encoding="utf-8")
    session = desk.push()
    ref = DatasetRef("tester", "cmi-features")
    return push_dataset.upload_dataset(session, lambda: stage_folder(session, folder, ref)).fingerprint


def test_an_own_dataset_is_verified_at_its_pinned_version(desk: Desk, tmp_path: Path) -> None:
    first, _ = (push_features(desk, tmp_path / "features", text) for text in ("one", "two"))
    desk.metadata(dataset_sources=["tester/cmi-codes", "tester/cmi-features/1"])
    desk.all()
    plan = compose.plan_of((desk.root / "build" / "sub" / "sub.ipynb").read_text(encoding="utf-8"))
    assert plan is not None
    wanted = {str(one.ref): one.fingerprint for one in plan.inputs}
    assert wanted["tester/cmi-features/1"] == first


def test_the_image_of_the_last_good_run_is_pinned_by_the_smallest_edit(desk: Desk) -> None:
    path = desk.root / "sub" / "kernel-metadata.json"
    before = path.read_text(encoding="utf-8")
    pinned = desk.invoke("pin-image", "--json")
    assert pinned.returncode == 0, pinned.stderr
    after = path.read_text(encoding="utf-8")
    image = json.loads(pinned.stdout)["image"]
    assert json.loads(after)["docker_image"] == image == "gcr.io/kaggle-images/python@sha256:1234"
    assert [line for line in before.splitlines() if line not in after.splitlines()] in (
        [],
        ['  "model_sources": []'],
    )
    desk.all()
    assert desk.kaggle.notebook(NOTEBOOK).versions[-1].docker_image == image
    assert desk.invoke("pin-image", "--undo").returncode == 0
    assert json.loads(path.read_text(encoding="utf-8"))["docker_image"] == ""


def test_an_image_without_a_name_is_not_guessed(desk: Desk) -> None:
    version = desk.repush(report={"image": {"git_commit": "abcd", "docker_image": None}})
    with pytest.raises(WorkflowError, match="does not name its image"):
        pins.pin_image(desk.push(), "sub", version)


def test_codes_that_kaggle_bound_in_another_version_fail_the_push(desk: Desk) -> None:
    desk.script.report = {"codes": {"fingerprint": "ab" * 32}}
    desk.edit()
    with pytest.raises(RunFailed, match="Kaggle attached another version"):
        desk.all()
