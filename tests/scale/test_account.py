"""On an account that owns a lot everything is found by its own name, and nothing costs more than on an empty one."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from kaggle_shim.refs import CompetitionRef, DatasetRef, ModelRef, NotebookRef
from kaggle_workflow import command_list, workspace
from kaggle_workflow.commands import data, history, models, output, status
from kaggle_workflow.doctor import everything
from kaggle_workflow.errors import KaggleRefused, Refused
from kaggle_workflow.kaggle.client import Kaggle
from tests.local_kaggle import faults, paging
from tests.push.conftest import COMPETITION, Scene
from tests.scale import account
from tests.submit.conftest import GOOD, Desk

OWN = ("cmi-codes", "cmi-deps", "cmi-sub")


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command printed as JSON."""
    return json.loads(capsys.readouterr().out)


def asked(scene: Scene) -> Counter[str]:
    """How often each call came since the last look."""
    found = Counter(request.method for request in scene.kaggle.requests())
    scene.kaggle.forget_requests()
    return found


def versions(scene: Scene) -> dict[str, int]:
    """How many versions each dataset and notebook has; keys are `datasets/…` and `notebooks/…`."""
    store = scene.kaggle.world.store
    return {f"datasets/{ref}": len(one.versions) for ref, one in store.datasets.items()} | {
        f"notebooks/{ref}": len(one.versions) for ref, one in store.notebooks.items()
    }


def test_the_first_push_makes_its_own_and_touches_no_neighbour(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    account.fill(scene.kaggle)
    before = versions(scene)
    assert (sum(key.startswith("datasets/") for key in before), len(before)) == (50, 250)
    status.show_status(workspace.load(scene.root), command_list.Status(json=True))
    assert {row["state"] for row in shown(capsys)["things"]} == {"absent"}
    assert [(one.did, one.name, one.version) for one in scene.all()] == [
        ("sent", f"tester/{slug}", 1) for slug in OWN
    ]
    after = versions(scene)
    assert {key: after.pop(key) for key in set(after) - set(before)} == {
        "datasets/tester/cmi-codes": 1,
        "notebooks/tester/cmi-deps": 1,
        "notebooks/tester/cmi-sub": 1,
    }
    assert after == before
    # The one list that a push reads: before a notebook is made, a page for every 200 there are.
    assert {name: times for name, times in asked(scene).items() if name.startswith("List")} == {
        "ListDatasetFiles": 1,
        "ListKernels": 1 + 2,
        "ListKernelSessionOutput": 2,
    }


def test_what_is_asked_does_not_depend_on_what_else_there_is(desk: Desk) -> None:
    def push() -> None:
        assert {one.did for one in desk.all()} == {"unchanged"}

    def ask(*steps: Any) -> list[Counter[str]]:
        found = []
        for step in steps:
            asked(desk)
            step()
            found.append(asked(desk))
        return found

    ws = workspace.load(desk.root)
    steps = (
        push,
        lambda: status.show_status(ws, command_list.Status(json=True)),
        lambda: everything.examine(ws, Kaggle(lambda _: None)),
        lambda: models.list_models(ws, command_list.Models(json=True)),
        lambda: output.download_output(ws, command_list.Output(json=True)),
    )
    ask(*steps)  # what is fetched or learned once
    alone = ask(*steps)
    account.fill(desk.kaggle)
    assert ask(*steps) == alone
    assert alone[0].total() <= 4


def test_status_output_and_models_speak_of_its_own(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    account.fill(desk.kaggle)
    desk.kaggle.add_model("tester/cmi-models", {"PY_TORCH/exp001": {"own.bin": "12345"}})
    ws = workspace.load(desk.root)
    status.show_status(ws, command_list.Status(json=True))
    assert [(row["name"], row["version"], row["state"]) for row in shown(capsys)["things"]] == [
        (f"tester/{slug}", 1, state)
        for slug, state in zip(OWN, ("ready", "complete", "complete"), strict=True)
    ]
    output.download_output(ws, command_list.Output(only=["submission.csv"], to="out", json=True))
    assert shown(capsys)["name"] == "tester/cmi-sub"
    assert (desk.root / "out" / "submission.csv").read_text(encoding="utf-8") == GOOD
    models.list_models(ws, command_list.Models(json=True))
    assert [(one["variation"], one["size"]) for one in shown(capsys)["versions"]] == [
        ("tester/cmi-models/pytorch/exp001", 5)
    ]
    models.list_models(ws, command_list.Models(all=True, json=True))
    assert len(shown(capsys)["versions"]) == 20 * 3 + 1


def test_an_edit_is_shipped_as_its_own_notebooks_version(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    account.fill(desk.kaggle)
    before = versions(desk)
    desk.edit()
    desk.ship()
    made = desk.on_kaggle()[-1]
    assert (made.notebook, made.notebook_version) == ("tester/cmi-sub", 2)
    after = versions(desk)
    assert {key for key in after if after[key] != before.get(key)} == {
        "datasets/tester/cmi-codes",
        "notebooks/tester/cmi-sub",
    }
    (one,) = desk.history()
    assert (one.ref, one.public_score) == (str(made.ref), 1.0)


def test_waiting_for_the_newest_submission_reads_no_page_of_the_older_ones(desk: Desk) -> None:
    account.add_submissions(desk.kaggle)
    desk.submit()
    desk.kaggle.wait_for_runs()
    asked(desk)
    (one,) = desk.watch()
    assert (one.status, asked(desk)["ListSubmissions"]) == ("complete", 1)


def test_history_takes_in_every_submission_and_knows_which_are_its_own(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add_submissions(desk.kaggle)
    history.show_history(workspace.load(desk.root), command_list.History(limit=0, refresh=True, json=True))
    found = shown(capsys)["submissions"]
    assert (len(found), len({one["ref"] for one in found})) == (450, 450)
    assert Counter((one["notebook"], one["notebook_version"]) for one in found) == {
        ("tester/cmi-sub", 7): 112,
        (None, None): 338,
    }


@pytest.mark.parametrize("largest", [paging.LARGEST_PAGE, 20])
def test_lists_of_many_are_read_to_their_end_however_short_the_pages(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], largest: int
) -> None:
    monkeypatch.setattr(paging, "LARGEST_PAGE", largest)
    names = [f"f{number:03}.txt" for number in range(account.MANY_FILES)]
    files = dict.fromkeys(names, "x")
    scene.kaggle.add_notebook("tester/first", account.NOTEBOOK, output=files)
    account.fill(scene.kaggle)
    scene.kaggle.add_competition("wide", public=files, metric="accuracy")
    for number in range(account.MANY_VERSIONS):
        scene.kaggle.add_model("tester/many", {"PY_TORCH/a": files if number == 0 else {"w.bin": "1"}})
    kaggle = scene.push().kaggle
    first = NotebookRef("tester", "first")
    many = ModelRef("tester", "many", "pytorch", "a", 1)
    sources = {
        "a dataset's files": kaggle.dataset_files(DatasetRef("tester", "set-00"), 2),
        "a notebook's output": kaggle.output(first, None)[0],
        "with its sizes": kaggle.output_sizes(first, None),
        "a competition's files": kaggle.competition_files(CompetitionRef("wide")),
        "a model's files": kaggle.model_files(many),
    }
    assert {what: [file.name for file in found] for what, found in sources.items()} == dict.fromkeys(
        sources, names
    )
    assert kaggle.model_version_numbers(many) == tuple(range(1, account.MANY_VERSIONS + 1))
    assert len(set(kaggle.models("tester"))) == 20 + 1
    assert len({one.ref for one in kaggle.submissions(CompetitionRef(COMPETITION))}) == 450
    there = kaggle.dataset(DatasetRef("tester", "set-01"))
    assert there is not None
    assert (there.current, len(there.versions)) == (account.MANY_VERSIONS + 1,) * 2
    # The oldest of all stands last, and there is no other of that name.
    assert kaggle.lists_notebook(first)
    assert not kaggle.lists_notebook(NotebookRef("tester", "cmi-sub"))
    scene.metadata(dataset_sources=["tester/set-00"], kernel_sources=["tester/first"])
    data.download(workspace.load(scene.root), command_list.Data(attached=True, list_=True, json=True))
    assert {len(found) for found in shown(capsys)["sources"].values()} == {account.MANY_FILES}


@pytest.mark.parametrize("largest", [paging.LARGEST_PAGE, 20])
def test_a_notebook_that_only_the_lists_last_page_names_is_not_written_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr(paging, "LARGEST_PAGE", largest)
    scene.kaggle.add_notebook("tester/cmi-sub", account.NOTEBOOK)
    account.add_notebooks(scene.kaggle)
    scene.codes()
    scene.deps()
    with pytest.raises(Refused, match="notebook tester/cmi-sub exists and was not made by a workspace"):
        scene.sub()
    scene.kaggle.fault(faults.status("GetKernel", 403, match={"kernelSlug": "cmi-sub"}, times=2))
    with pytest.raises(Refused, match="Kaggle lists the notebook tester/cmi-sub"):
        scene.sub()
    assert scene.versions("sub") == 1


def test_a_title_that_the_oldest_of_many_has_is_said(scene: Scene) -> None:
    scene.kaggle.add_dataset("tester/first", {"a.txt": "1"}, title="Cmi Codes")
    scene.kaggle.add_notebook("tester/second", account.NOTEBOOK, title="Cmi Sub")
    account.add_datasets(scene.kaggle)
    account.add_notebooks(scene.kaggle)
    with pytest.raises(KaggleRefused, match='"cmi-codes" is already in use by a dataset'):
        scene.codes()
    scene.kaggle.world.store.delete_dataset(scene.kaggle.dataset("tester/first"))
    scene.codes()
    scene.deps()
    with pytest.raises(KaggleRefused, match='"cmi-sub" is already in use by a notebook'):
        scene.sub()
    assert (scene.versions("codes"), scene.versions("sub")) == (1, 0)
