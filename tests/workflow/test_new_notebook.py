"""`invoke new-notebook`: a notebook that trains, made without touching anything, and rehearsed on a part of the data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow import metrics, new_notebook
from kaggle_workflow.edit import yaml_edit
from kaggle_workflow.errors import WorkflowError
from tests import json_outputs, workspaces

ROWS = "".join(f"{number},{int(number % 3 > 0)}\n" for number in range(2000))
SETTINGS = {"entry": "train.py", "submission": "", "save-run": "full"}
BLOCK = 'train:\n  entry: train.py\n  submission: ""\n  save-run: full\n'


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose image holds nothing but what executes a notebook, with a little competition."""
    root = workspaces.make(
        template,
        tmp_path_factory.mktemp("training") / "ws",
        competition="titanic",
        accelerator="NvidiaTeslaT4",
    )
    (root / "deps/image.txt").write_text("# nothing\n", encoding="utf-8")
    data = root / "data/competitions/titanic"
    data.mkdir(parents=True)
    (data / "gender_submission.csv").write_text(f"PassengerId,Survived\n{ROWS}", encoding="utf-8")
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def metadata(root: Path, folder: str = "train") -> dict[str, Any]:
    value: dict[str, Any] = json.loads((root / folder / "kernel-metadata.json").read_text(encoding="utf-8"))
    return value


def indented(text: str, spaces: int) -> str:
    return "".join(f"{' ' * spaces}{line}" for line in text.splitlines(keepends=True))


def test_a_notebook_is_made_that_check_accepts_and_nothing_else_is_touched(ws: Path) -> None:
    before = workspaces.files_of(ws)
    done = workspaces.invoke(ws, "new-notebook")
    assert done.returncode == 0, done.stderr
    assert "train/kernel-metadata.json, train/train.ipynb and codes/train.py" in done.stdout
    assert "Next: `invoke rehearse --notebook train --light`" in done.stdout
    about = metadata(ws)
    assert (about["id"], about["title"], about["is_private"]) == ("you/cmi-train", "cmi-train", True)
    assert (about["machine_shape"], about["enable_gpu"], about["enable_internet"]) == (
        "NvidiaTeslaT4",
        True,
        False,
    )
    assert [about[f"{kind}_sources"] for kind in ("dataset", "competition", "kernel", "model")] == [
        ["you/cmi-codes"],
        ["titanic"],
        ["you/cmi-deps"],
        [],
    ]
    after = workspaces.files_of(ws)
    new = {"train/kernel-metadata.json", "train/train.ipynb", "codes/train.py"}
    assert after.keys() - before.keys() == new
    assert after["train/train.ipynb"] == before["sub/sub.ipynb"]
    settings = after.pop("invoke.yaml").decode()
    assert settings == before.pop("invoke.yaml").decode() + "  notebooks:\n" + indented(BLOCK, 4)
    assert {name: after[name] for name in before} == before
    checked = json.loads(workspaces.invoke(ws, "check", "--json").stdout)
    assert [one["name"] for one in checked["findings"]] == ["limit"]
    # A command that is cut off after its last step is run again.
    written = workspaces.files_of(ws)
    assert workspaces.invoke(ws, "new-notebook").returncode == 0
    (ws / "train/train.ipynb").write_text("{}", encoding="utf-8")
    done = workspaces.invoke(ws, "new-notebook")
    assert (done.returncode, "train/ exists and is not overwritten" in done.stderr) == (2, True)
    assert workspaces.files_of(ws) == {**written, "train/train.ipynb": b"{}"}


def test_what_exists_is_never_overwritten(ws: Path) -> None:
    (ws / "codes/mine.py").write_text("mine\n", encoding="utf-8")
    before = workspaces.files_of(ws)
    for name, sentence in (
        ("sub", "sub/ exists and is not overwritten"),
        ("mine", "codes/mine.py exists and is not overwritten"),
        ("deps", "deps can't be a notebook's folder"),
        ("data", "data can't be a notebook's folder"),
        ("../train", "../train can't be a notebook's folder"),
        ("x" * 60, "has 64 characters. Kaggle takes 5 to 50"),
    ):
        done = workspaces.invoke(ws, "new-notebook", name)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert sentence in done.stderr
    (ws / "invoke.yaml").write_text(
        "workspace:\n  notebooks:\n    train:\n      entry: exp001.py\n", encoding="utf-8"
    )
    done = workspaces.invoke(ws, "new-notebook")
    assert (done.returncode, "invoke.yaml already has workspace.notebooks.train" in done.stderr) == (2, True)
    assert workspaces.files_of(ws).keys() == before.keys()


def test_two_notebooks_never_get_one_id(ws: Path) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", id="you/cmi-fit-2", title="cmi-fit-2")
    done = workspaces.invoke(ws, "new-notebook", "fit_2")
    assert done.returncode == 2
    assert "sub has the id that fit_2 would get (you/cmi-fit-2)" in done.stderr
    assert not (ws / "fit_2").exists()


def test_options_choose_the_machine_and_the_network(ws: Path) -> None:
    shutil.rmtree(ws / "deps")
    (ws / "invoke.local.yaml").write_text(
        "workspace:\n  owner: mate\n  save-run: light\n  notebooks: {other: {entry: a.py}}\n",
        encoding="utf-8",
    )
    words = ("--internet", "--accelerator", "none", "fold_0", "--json")
    done = workspaces.invoke(ws, "new-notebook", *words)
    json_outputs.check(["new-notebook"], done.stdout)
    about = metadata(ws, "fold_0")
    # Files keep the ids of their owner: `workspace.owner` replaces it in all of them.
    assert (about["id"], about["dataset_sources"]) == ("you/cmi-fold-0", ["you/cmi-codes"])
    assert (about["machine_shape"], about["enable_gpu"], about["enable_internet"]) == ("", False, True)
    assert about["kernel_sources"] == []
    assert 'fold_0: {entry: fold_0.py, submission: "", save-run: full}}' in (
        ws / "invoke.local.yaml"
    ).read_text(encoding="utf-8")
    done = workspaces.invoke(ws, "new-notebook", "--accelerator", "NvidiaTeslaP100")
    assert "the accelerator NvidiaTeslaP100 is retired: NvidiaTeslaT4 took its place" in done.stderr
    assert metadata(ws)["enable_gpu"] is True


def test_help_never_makes_one(ws: Path) -> None:
    for words in (
        ("new-notebook", "--help"),
        ("--help", "new-notebook"),
        ("new-notebook", "-i", "--help"),
        ("new-notebook", "-a", "none", "-h"),
        ("new-notebook", "train", "--help"),
    ):
        done = workspaces.invoke(ws, *words)
        assert "Usage:    invoke new-notebook [FOLDER] [--options]" in done.stdout, words
    assert workspaces.invoke(ws, "new-notebook", "--help", "check").returncode != 0
    assert not (ws / "train").exists()


def test_the_notebook_is_that_of_a_new_workspace() -> None:
    ours = Path(new_notebook.__file__).with_name("new-notebook.ipynb").read_bytes()
    assert ours == (workspaces.ROOT / "template/sub/sub.ipynb").read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\n", f"# mine\nworkspace:\n  notebooks:\n{indented(BLOCK, 4)}"),
        ("workspace:\n  id: x # a\n\n# end", f"workspace:\n  id: x # a\n  notebooks:\n{indented(BLOCK, 4)}\n# end"),
        (
            "workspace:\n    notebooks:\n      a:\n         entry: b.py  # why\n      # later\nother: 1\n",
            f"workspace:\n    notebooks:\n      a:\n         entry: b.py  # why\n{indented(BLOCK, 6)}      # later\nother: 1\n",
        ),
        ("workspace:\n  id: x", f"workspace:\n  id: x\n  notebooks:\n{indented(BLOCK, 4)}"),
        ("workspace:\r\n  id: x\r\n", f"workspace:\n  id: x\n  notebooks:\n{indented(BLOCK, 4)}".replace("\n", "\r\n")),
        ("workspace:\n  notebooks: ~\n", 'workspace:\n  notebooks: {train: {entry: train.py, submission: "", save-run: full}}\n'),
        ("workspace: {id: x}\n", 'workspace: {id: x, notebooks: {train: {entry: train.py, submission: "", save-run: full}}}\n'),
        ("workspace:\n  entry: |\n    a\n  # b\n", f"workspace:\n  entry: |\n    a\n  notebooks:\n{indented(BLOCK, 4)}  # b\n"),
    ],
)  # fmt: skip
def test_the_settings_get_a_section_and_stay_as_they_were(before: str, after: str) -> None:
    path = ("workspace", "notebooks", "train")
    assert yaml_edit.add_section(before, path, SETTINGS, "invoke.yaml") == after
    with pytest.raises(WorkflowError, match=r"already has workspace\.notebooks\.train"):
        yaml_edit.add_section(after, path, SETTINGS, "invoke.yaml")


def test_settings_that_can_not_be_edited_are_named_with_the_line_to_write() -> None:
    with pytest.raises(
        WorkflowError, match=r"Write `train: \{entry: train.py, .*` below workspace.notebooks"
    ):
        yaml_edit.add_section(
            "workspace:\n  notebooks:\n  id: x\n", ("workspace", "notebooks", "train"), SETTINGS, "x"
        )


def test_a_light_rehearsal_runs_on_a_part_and_says_so(ws: Path, cache_home: Path) -> None:
    (ws / "deps/requirements.txt").unlink()
    assert workspaces.invoke(ws, "new-notebook").returncode == 0

    def rehearse(*words: str) -> tuple[str, metrics.Metrics]:
        words = ("rehearse", "--notebook", "train", *words)
        done = workspaces.invoke(ws, *words, env={"XDG_CACHE_HOME": str(cache_home)})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, metrics.read(ws / "build/rehearsal/working/metrics.json")

    said, told = rehearse("--light")
    assert "\nlight rehearsal\n" in said
    assert "This was a light rehearsal: the entry point saw KAGGLE_SHIM_LIGHT=1" in said
    assert (told.others, len(told.folds)) == ({"rows": 1000}, 5)
    assert f"{told.cv:.6g} in metrics.json, 5 folds" in said
    assert (ws / "build/rehearsal/working/model-fold4.json").is_file()
    said, told = rehearse("--entry", "train.py --fold 3")
    assert "light" not in said
    assert (told.others, len(told.folds)) == ({"rows": 2000}, 1)
    done = workspaces.invoke(ws, "rehearse", "--light", "--rerun")
    assert (done.returncode, "A scored rerun is never light" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "cv", "folds", "others"),
    [
        ('{"cv": 0.5, "folds": [0.4, 0.6], "epochs": 3, "name": "x", "best": NaN}', 0.5, (0.4, 0.6), {"epochs": 3.0}),
        ('{"cv": "0.5", "folds": [0.4, null]}', 0.5, (), {}),
        ('{"cv": NaN, "folds": 3}', None, (), {}),
        ('{"cv": 1e999, "big": 1' + "0" * 400 + "}", None, (), {}),
        ("[0.5]", None, (), {}),
        ("{", None, (), {}),
    ],
)  # fmt: skip
def test_metrics_are_finite_numbers(
    tmp_path: Path, text: str, cv: float | None, folds: tuple[float, ...], others: dict[str, float]
) -> None:
    (tmp_path / metrics.FILE).write_text(text, encoding="utf-8")
    assert metrics.read(tmp_path / metrics.FILE) == metrics.Metrics(cv, folds, others)
    assert metrics.read(tmp_path / "none") == metrics.Metrics(None, (), {})
