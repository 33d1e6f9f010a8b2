"""A year later: what a submission was made of comes back, byte for byte, and can be pushed again."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import compose
from kaggle_workflow.submit import old_codes, reproduce
from kaggle_workflow.submit.submitting import Request
from tests import workspaces
from tests.submit.conftest import NOTEBOOK, Desk


def built(desk: Desk, name: str = "codes") -> dict[str, bytes]:
    return workspaces.files_of(desk.root / "build" / name)


def move_on(desk: Desk) -> None:
    """Another state is pushed, and build/ is lost."""
    desk.edit("\nprint('a year later')\n")
    workspaces.git(desk.root, "add", "--all")
    workspaces.git(desk.root, "commit", "--quiet", "-m", "a year later")
    desk.all()
    shutil.rmtree(desk.root / "build")


def test_codes_come_back_from_git_byte_for_byte(desk: Desk) -> None:
    ref = str(desk.submit().ref)
    codes = built(desk)
    move_on(desk)
    done = reproduce.restore(desk.push(), ref)
    assert built(desk) == codes
    assert done.codes.startswith("git, commit ")
    assert (done.lost, done.differs) == ([], [])


def test_codes_of_a_dirty_work_tree_come_back_from_kaggle(desk: Desk) -> None:
    desk.repush()
    ref = str(desk.submit().ref)
    codes = built(desk)
    manifest = json.loads(codes["codes-manifest.json"])
    assert manifest["dirty"] is True
    move_on(desk)
    done = reproduce.restore(desk.push(), ref)
    assert done.codes == "Kaggle, tester/cmi-codes version 2"
    assert built(desk) == codes


def test_the_notebook_comes_back_with_its_plan_and_its_sources_pinned(desk: Desk) -> None:
    ref = str(desk.submit().ref)
    before = built(desk, "sub")
    move_on(desk)
    done = reproduce.restore(desk.push(), ref)
    after = built(desk, "sub")
    assert done.notebook == f"{NOTEBOOK} version 1"
    one, other = (compose.plan_of(text["sub.ipynb"].decode()) for text in (before, after))
    assert one is not None
    assert one == other
    metadata = json.loads(after["kernel-metadata.json"])
    assert metadata["dataset_sources"] == ["tester/cmi-codes"]
    assert metadata["docker_image"] == "gcr.io/kaggle-images/python@sha256:1234"
    assert metadata["enable_internet"] is False


def test_it_can_be_pushed_and_submitted_again(desk: Desk) -> None:
    desk.submit()
    first = desk.history()[0]
    move_on(desk)
    told = desk.invoke("history", "--reproduce", first.ref, "--push", "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    things = json.loads(told.stdout)["things"]
    assert [(thing["did"], thing["version"]) for thing in things] == [("sent", 3), ("sent", 3)]
    desk.submit(Request(version=3))
    last = desk.history()[-1]
    assert last.codes is not None
    assert first.codes is not None
    assert last.codes.fingerprint == first.codes.fingerprint
    assert desk.watch()[0].public_score == 1.0


def test_what_cannot_be_had_any_more_is_said(desk: Desk) -> None:
    desk.repush()
    ref = str(desk.submit().ref)
    move_on(desk)
    folder = desk.kaggle.world.store.dataset_folder(desk.kaggle.dataset("tester/cmi-codes"), 2)
    shutil.rmtree(folder)
    (desk.root / "deps" / "requirements.txt").write_text("loguru\n", encoding="utf-8")
    desk.deps()
    done = reproduce.restore(desk.push(), ref)
    assert done.codes == ""
    assert "no version of the dataset on Kaggle" in done.lost[0]
    assert "now makes other wheels (version 2, then 1)" in done.differs[0]
    told = desk.invoke("history", "--reproduce", ref, "--push")
    assert (told.returncode, "can't be pushed again" in told.stderr) == (2, True)
    assert "Lost: the codes" in told.stdout


def test_inline_codes_come_back_with_the_notebook(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_WORKSPACE_CODES", "inline")
    desk.all()
    ref = str(desk.submit().ref)
    codes = built(desk)
    move_on(desk)
    done = reproduce.restore(desk.push(), ref)
    assert built(desk) == codes
    assert done.codes == "the notebook itself"


def test_a_reference_that_nobody_knows(desk: Desk) -> None:
    with pytest.raises(WorkflowError, match="has no submission 77"):
        reproduce.restore(desk.push(), "77")


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize(
    ("link", "taken"), [("exp001.py", True), ("../../secret", False), ("/etc/passwd", False)]
)
@pytest.mark.filterwarnings(
    "ignore:Python 3.14 will:DeprecationWarning"
)  # without a filter, as an old Python unpacks
def test_codes_out_of_git_never_lead_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, *, taken: bool, filters: bool
) -> None:
    if filters and not hasattr(tarfile, "data_filter"):
        pytest.skip("Python before 3.11.4 has no filters for tar files")
    if not filters:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    archive, root = tmp_path / "codes.tar", tmp_path / "git"
    with tarfile.open(archive, "w") as file:
        for name, target in (("README.md", ""), ("codes/exp001.py", ""), ("codes/linked.py", link)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            file.addfile(member)
    if not taken:
        with pytest.raises(tarfile.TarError):
            old_codes._unpack(archive, root)
        return
    old_codes._unpack(archive, root)
    assert sorted(path.name for path in (root / "codes").iterdir()) == ["exp001.py", "linked.py"]
    assert not (root / "README.md").exists()
