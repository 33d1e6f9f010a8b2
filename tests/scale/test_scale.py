"""Many files and large ones: bounded memory, only what changed is read again, long lists are read to their end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import scale
from kaggle_shim import manifest
from kaggle_shim.refs import DatasetRef
from kaggle_workflow import model_files, progress, workspace
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import hashes
from tests.push.conftest import Scene


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    return root


def test_a_second_staging_reads_only_what_changed(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scale.fill(ws / "codes", 400, 4)
    stage_codes.stage(workspace.load(ws), "cup")
    read: list[str] = []

    def hash_file(path: Path) -> str:
        read.append(path.name)
        return manifest.hash_file(path)

    monkeypatch.setattr(stage_codes, "hash_file", hash_file)
    stage_codes.stage(workspace.load(ws), "cup")
    assert read == []
    next((ws / "codes").rglob("f2.py")).write_text("changed = True\n", encoding="utf-8")
    stage_codes.stage(workspace.load(ws), "cup")
    assert read == ["f2.py"]


def test_memory_does_not_follow_the_size_of_the_codes(ws: Path) -> None:
    small = scale.cost(ws, scale.stage).megabytes
    # Piece by piece: a child's peak begins at what its parent holds when it is forked.
    with (ws / "codes" / "huge.txt").open("wb") as file:
        for _ in range(80):
            file.write(b"an ordinary line\n" * 100_000)
    assert scale.cost(ws, scale.stage).megabytes < small + 60


def test_a_check_keeps_nothing_of_what_it_read(ws: Path) -> None:
    small = scale.cost(ws, scale.check_all).megabytes
    for number in range(100):
        (ws / "codes" / f"part{number % 4}").mkdir(exist_ok=True)
        (ws / "codes" / f"part{number % 4}" / f"f{number}.py").write_bytes(b"# an ordinary line\n" * 40_000)
    assert scale.cost(ws, scale.check_all).megabytes < small + 40


def test_staging_of_many_files_shows_that_it_goes_on(
    ws: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.0)
    scale.fill(ws / "codes", 10, 1)
    stage_codes.stage(workspace.load(ws), "cup")
    told = capsys.readouterr().err
    assert "searching for credentials: 10 of " in told
    assert "staging: 10 of 11 files" in told


def test_a_file_that_takes_long_by_itself_is_named_when_it_is_read(
    ws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LARGE", 1_000_000)
    (ws / "codes" / "table.bin").write_bytes(b"\0" * 1_000_000)
    stage_codes.stage(workspace.load(ws), "cup")
    assert capsys.readouterr().err.splitlines() == [
        "searching for credentials: codes/table.bin, 1.0 MB",
        "staging: table.bin, 1.0 MB",
    ]
    folder, cache = ws / "codes", tmp_path / "hashes.json"
    model_files.list_files(folder, model_files.IGNORED, "w", cache)
    assert capsys.readouterr().err == "fingerprint: table.bin, 1.0 MB\n"
    stage_codes.stage(workspace.load(ws), "cup")
    model_files.list_files(folder, model_files.IGNORED, "w", cache)
    assert capsys.readouterr().err == ""


def test_a_model_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, cache = tmp_path / "model", tmp_path / "hashes.json"
    folder.mkdir()
    with (folder / "a.bin").open("wb") as file:
        file.truncate(50_000_000)
    first = model_files.list_files(folder, model_files.IGNORED, "w", cache)
    assert first.files[0].sha256 == manifest.hash_file(folder / "a.bin")
    monkeypatch.setattr(hashes, "hash_file", lambda _: pytest.fail("read again"))
    assert model_files.list_files(folder, model_files.IGNORED, "w", cache) == first
    monkeypatch.undo()
    with (folder / "a.bin").open("r+b") as file:
        file.write(b"x")
    assert model_files.list_files(folder, model_files.IGNORED, "w", cache) != first


def test_lists_of_many_are_read_to_their_end(scene: Scene) -> None:
    files = {f"f{number:03}.txt": "x" for number in range(45)}
    for number in range(50):
        scene.kaggle.add_dataset(f"tester/set-{number:03}", files if number == 0 else {"a.txt": "1"})
    kaggle = scene.push().kaggle
    assert len(kaggle.dataset_files(DatasetRef("tester", "set-000"))) == 45
    assert all(
        kaggle.dataset(DatasetRef("tester", f"set-{number:03}")) is not None for number in (0, 19, 20, 49)
    )
    assert scene.codes().did == "sent"
