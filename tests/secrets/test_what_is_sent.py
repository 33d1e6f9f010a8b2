"""What is sent is listed, what is unusual is asked about, and nothing outside the folder comes with a link."""

from __future__ import annotations

import os
import stat

import pytest

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.errors import Refused, WorkflowError
from kaggle_workflow.push import dataset
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push.dataset_payload import stage_folder
from tests.push.conftest import Scene


def test_a_dry_run_lists_every_file_with_its_size_and_what_is_left_out_once(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    (scene.root / "codes" / "solution").mkdir()
    (scene.root / "codes" / "solution" / "net.py").write_bytes(b"#" * 1234)
    (scene.root / "codes" / "notes.md").write_text("x", encoding="utf-8")
    (scene.root / ".kaggleignore").write_text("notes.md\n", encoding="utf-8")
    assert scene.codes(dry_run=True).did == "would send"
    told = capsys.readouterr().out
    staged = [
        p
        for p in (scene.root / "build" / "codes").rglob("*")
        if p.is_file() and p.name != "dataset-metadata.json"
    ]
    for path in staged:
        assert path.relative_to(scene.root / "build" / "codes").as_posix() in told
    assert "1.2 kB" in told
    assert [line for line in scene.said if "notes.md" in line] == [
        "excluded by .gitignore and .kaggleignore: notes.md"
    ]
    assert scene.sends() == 0


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [
        ("blob.dat", 100_000_001, "large"),
        ("train.parquet", 1_000_001, "data"),
        ("fold0.ckpt", 1_000_001, "weights"),
    ],
)
def test_unusual_files_are_asked_about_before_the_first_byte(
    scene: Scene, name: str, size: int, kind: str
) -> None:
    with (scene.root / "codes" / name).open("wb") as file:
        file.truncate(size)
    with pytest.raises(Refused, match=rf"{name} \({kind}, .*\.kaggleignore.*--allow large-files\)"):
        scene.codes()
    assert scene.sends() == 0


def test_the_answer_lets_it_pass_and_is_not_asked_again_for_the_same_file(scene: Scene) -> None:
    (scene.root / "codes" / "train.csv").write_bytes(b"a,b\n" * 300_000)
    assert scene.codes(yes=True).did == "sent"
    scene.edit()
    assert scene.codes().version == 2
    (scene.root / "codes" / "train.csv").write_bytes(b"a,c\n" * 300_000)
    with pytest.raises(Refused, match=r"train\.csv"):
        scene.codes()
    assert scene.codes(allow=frozenset(["large-files"])).version == 3


def test_a_fixture_and_a_wheel_are_nothing_unusual(scene: Scene) -> None:
    (scene.root / "codes" / "labels.csv").write_text("a\n1\n", encoding="utf-8")
    (scene.root / "codes" / "more.whl").write_bytes(b"\0" * 2_000_000)
    assert scene.codes().did == "sent"


def test_nothing_outside_the_folder_comes_with_a_link(scene: Scene) -> None:
    outside = scene.root.parent / "private.txt"
    outside.write_text("private", encoding="utf-8")
    link = scene.root / "codes" / "notes.txt"
    link.symlink_to(outside)
    with pytest.raises(WorkflowError, match=r"notes\.txt: the link leads out of the folder"):
        scene.codes(allow=frozenset(["outside-link"]))
    link.unlink()
    (scene.root / "codes" / "more").symlink_to(outside.parent, target_is_directory=True)
    scene.codes()
    assert not [name for name in scene.kaggle.dataset_files("tester/cmi-codes") if name.startswith("more")]
    weights = scene.root / "data" / "working" / "models" / "exp001"
    weights.mkdir(parents=True)
    (weights / "a.bin").write_bytes(b"1")
    (weights / "b.bin").symlink_to(outside)
    with pytest.raises(WorkflowError, match=r"b\.bin links to a file outside the folder"):
        push_model.push_model(
            scene.push(),
            exp="exp001",
            path="",
            handle="tester/cmi-models/pytorch/exp001",
            framework="pytorch",
            licence="",
            ignore=(),
            notebook="",
        )
    assert not scene.kaggle.requests(method="CreateModel")


def test_a_hard_link_is_the_file_itself(scene: Scene) -> None:
    # No system tells which of two names came first: what lies in the folder is sent, and searched like all else.
    outside = scene.root.parent / "private.txt"
    outside.write_text("a note", encoding="utf-8")
    (scene.root / "codes" / "notes.txt").hardlink_to(outside)
    scene.codes()
    assert "notes.txt" in scene.kaggle.dataset_files("tester/cmi-codes")
    outside.write_text("token = 'KGAT" + "_" + "c0ffee11" * 4 + "'", encoding="utf-8")
    with pytest.raises(WorkflowError, match=r"notes\.txt, line 1: Kaggle API token"):
        scene.codes()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_regular_file_is_neither_opened_nor_sent(scene: Scene, kind: str) -> None:
    path = scene.root / "codes" / "odd"
    try:
        # The device is /dev/zero's: read to its end, it never ends; so does a pipe that nobody writes to.
        os.mknod(path, 0o600 | (stat.S_IFIFO if kind == "pipe" else stat.S_IFCHR), os.makedev(1, 5))
    except (PermissionError, AttributeError):
        pytest.skip("this account makes no device files")
    scene.codes()
    assert "odd" not in scene.kaggle.dataset_files("tester/cmi-codes")
    assert not (scene.root / "build" / "codes" / "odd").exists()
    checked = scene.invoke("check")
    assert (
        "codes/odd: warning: it is not a regular file and is not uploaded. [special-file]" in checked.stdout
    )


def test_what_no_search_reads_is_said_once_where_it_is_sent(scene: Scene) -> None:
    folder = scene.root / "features"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.parquet").write_bytes(b"PAR1 and no more")
    (scene.root / "codes" / "a.parquet").write_bytes(b"PAR1 and no more")
    scene.codes(dry_run=True)
    scene.codes()
    said = [line for line in scene.warned if "searched for credentials" in line]
    assert [line.partition(":")[0] for line in said] == ["codes/a.parquet"] * 2
    scene.codes()
    assert [line for line in scene.warned if "searched for credentials" in line] == said
    scene.warned.clear()
    push = scene.push()
    dataset.upload_dataset(push, lambda: stage_folder(push, folder, DatasetRef("tester", "cmi-features")))
    push_model.push_model(
        scene.push(), exp="", path="features", handle="tester/cmi-models/pytorch/exp001", framework="",
        licence="", ignore=(), notebook="",
    )  # fmt: skip
    said = [line for line in scene.warned if "searched for credentials" in line]
    assert [line.partition(":")[0] for line in said] == ["features/0.parquet"] * 2
    assert all("and of 2 more files in this upload" in line for line in said)
