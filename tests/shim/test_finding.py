"""`kaggle_shim.find` in user code: what it answers, what it says, what it refuses."""

from pathlib import Path

import pytest

from kaggle_shim import mounts, plan, refs
from kaggle_shim.errors import MountError, RefError
from kaggle_shim.local import find


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    monkeypatch.setenv(mounts.INPUT_VARIABLE, str(folder))
    monkeypatch.delenv(plan.PLAN_VARIABLE, raising=False)
    return folder


def attach(root: Path, monkeypatch: pytest.MonkeyPatch, *inputs: plan.Input) -> None:
    written = root.parent / "plan.json"
    made = plan.Plan("sub", "me/sub", "w", "titanic", "test", inputs)
    written.write_text(made.dumps(), encoding="utf-8")
    monkeypatch.setenv(plan.PLAN_VARIABLE, str(written))


def place(root: Path, path: str) -> Path:
    (root / path).mkdir(parents=True)
    return root / path


def test_without_a_word_it_is_the_plans_competition(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attach(root, monkeypatch, plan.Input(refs.CompetitionRef("titanic"), "data"))
    folder = place(root, "competitions/titanic")
    assert find() == folder


def test_two_owners_with_one_slug_are_a_warning_and_no_stop(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = place(root, "d/me/features")
    place(root, "features")
    assert find("me/features") == own
    assert "mounted in several places" in capsys.readouterr().err


def test_of_a_dataset_and_a_notebook_with_one_name_the_attached_one_is_meant(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(root, "datasets/me/features")
    notebook = place(root, "notebooks/me/features")
    attach(root, monkeypatch, plan.Input(refs.NotebookRef("me", "features"), "data"))
    assert find("me/features") == notebook


def test_several_versions_of_a_model_have_to_be_told_apart(root: Path) -> None:
    place(root, "models/me/m/pytorch/v/1")
    second = place(root, "models/me/m/pytorch/v/2")
    with pytest.raises(MountError, match=r"\(1, 2\): name one, as in me/m/PyTorch/v/2"):
        find("me/m/PyTorch/v")
    assert find("me/m/PyTorch/v/2") == second


def test_what_is_not_there_is_named_with_what_is(root: Path) -> None:
    place(root, "datasets/somebody/else")
    with pytest.raises(
        MountError, match=r"me/features is not mounted.*datasets/ \(somebody\).*Likely reasons"
    ):
        find("me/features")


def test_what_is_no_reference_is_one_sentence(root: Path) -> None:
    assert root.is_dir()
    with pytest.raises(RefError, match="is not a model: write"):
        find("/kaggle/input/titanic")


def test_a_job_of_a_sweep_is_the_attached_notebook_whose_slug_ends_in_its_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(root, "fold0")
    folder = place(root, "notebooks/me/cmi-train-s1-fold0")
    jobs = [refs.NotebookRef("me", f"cmi-train-{name}", 2) for name in ("s1-fold0", "s1-fold10", "s11-fold0")]
    attach(root, monkeypatch, *(plan.Input(one, "data") for one in jobs))
    assert find("s1/fold0") == folder
    again = refs.NotebookRef("mate", "try-s1-fold0")
    attach(root, monkeypatch, *(plan.Input(one, "data") for one in (*jobs, again)))
    with pytest.raises(
        MountError, match=r"^s1/fold0 can be me/cmi-train-s1-fold0 or mate/try-s1-fold0: name one of them.$"
    ):
        find("s1/fold0")
    assert find("me/cmi-train-s1-fold0") == folder
    with pytest.raises(
        MountError, match=r"s2/fold1 is not mounted .* Attached notebooks: me/cmi-train-s1-fold0, "
    ):
        find("s2/fold1")


def test_in_a_workspace_a_job_is_found_among_the_local_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mounts.INPUT_VARIABLE, str(tmp_path / "none"))
    monkeypatch.delenv(plan.PLAN_VARIABLE, raising=False)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "codes/exp001.py")])
    monkeypatch.delattr("__main__.__file__", raising=False)
    place(tmp_path, "codes")
    (tmp_path / "invoke.yaml").touch()
    with pytest.raises(MountError, match=r"s1/fold0 has no local counterpart at .*invoke sweep --pull"):
        find("s1/fold0")
    folder = place(tmp_path, "data/notebooks/me/cmi-train-s1-fold0")
    assert find("s1/fold0") == folder
