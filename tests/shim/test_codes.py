"""The code tree as it arrives on Kaggle: repaired where that is certain, refused with the first difference otherwise."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from kaggle_shim import codes
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan

FILES = {
    "exp001.py": b"print('hello')\n",
    "solution/model/net.py": b"layers = 3\n",
    "solver/build.sh": b"#!/bin/sh\ntrue\n",
    "a+b.txt": b"plus\n",
}


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / CODES_MANIFEST).write_text(Manifest("w", "c", scan(folder)).dumps(), encoding="utf-8")
    return folder


def assert_whole(target: Path) -> None:
    assert {name: (target / name).read_bytes() for name in FILES} == FILES


def test_what_arrived_whole_is_copied_without_a_word(mounted: Path, tmp_path: Path) -> None:
    manifest, notes = codes.materialise(mounted, tmp_path / "codes")
    assert_whole(tmp_path / "codes")
    assert notes == ()
    assert len(manifest.files) == len(FILES)


def test_programs_can_be_executed_again(mounted: Path, tmp_path: Path) -> None:
    codes.materialise(mounted, tmp_path / "codes")
    assert (tmp_path / "codes/solver/build.sh").stat().st_mode & 0o111
    assert not (tmp_path / "codes/exp001.py").stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("name", "arrived"),
    [
        ("a+b.txt", "ab.txt"),
        ("solution/model/net.py", "solution/net.py"),
        ("exp001.py", "somewhere/exp001.py"),
    ],
)
def test_a_renamed_or_moved_file_is_put_back(mounted: Path, tmp_path: Path, name: str, arrived: str) -> None:
    (mounted / arrived).parent.mkdir(exist_ok=True)
    (mounted / name).rename(mounted / arrived)
    _, notes = codes.materialise(mounted, tmp_path / "codes")
    assert_whole(tmp_path / "codes")
    assert len(notes) == 1
    assert arrived in notes[0]


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_a_folder_left_packed_is_taken_out_of_its_archive(mounted: Path, tmp_path: Path, form: str) -> None:
    packed = mounted / f"solution.{form}"
    if form == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(mounted / "solution/model/net.py", "model/net.py")
    else:
        with tarfile.open(packed, "w:gz" if form == "tar.gz" else "w") as tar:
            tar.add(mounted / "solution/model/net.py", "model/net.py")
    (mounted / "solution/model/net.py").unlink()
    _, notes = codes.materialise(mounted, tmp_path / "codes")
    assert_whole(tmp_path / "codes")
    assert len(notes) == 1


def test_a_file_that_is_gone_is_named(mounted: Path, tmp_path: Path) -> None:
    (mounted / "exp001.py").unlink()
    with pytest.raises(ManifestError, match=r"exp001\.py is missing"):
        codes.materialise(mounted, tmp_path / "codes")


def test_a_truncated_file_is_named_with_its_bytes(mounted: Path, tmp_path: Path) -> None:
    (mounted / "exp001.py").write_bytes(FILES["exp001.py"][:-1])
    with pytest.raises(ManifestError, match=r"exp001\.py arrived with 14 of 15 bytes"):
        codes.materialise(mounted, tmp_path / "codes")


def test_an_older_content_of_the_same_size_is_noticed(mounted: Path, tmp_path: Path) -> None:
    (mounted / "exp001.py").write_bytes(b"print('hallo')\n")
    with pytest.raises(ManifestError, match="another version"):
        codes.materialise(mounted, tmp_path / "codes")


def test_a_file_that_became_a_folder_is_named(mounted: Path, tmp_path: Path) -> None:
    (mounted / "exp001.py").unlink()
    (mounted / "exp001.py").mkdir()
    with pytest.raises(ManifestError, match="unpacked"):
        codes.materialise(mounted, tmp_path / "codes")


def test_an_archive_that_was_unpacked_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    with zipfile.ZipFile(folder / "weights.zip", "w") as archive:
        archive.writestr("weights.bin", "1")
    (folder / CODES_MANIFEST).write_text(Manifest("w", "c", scan(folder)).dumps(), encoding="utf-8")
    (folder / "weights").mkdir()
    (folder / "weights/weights.bin").write_text("1")
    (folder / "weights.zip").unlink()
    with pytest.raises(
        ManifestError, match=r"weights\.zip is missing.*Kaggle unpacks archives.*upload its contents instead"
    ):
        codes.materialise(folder, tmp_path / "codes")


def test_a_top_folder_that_was_stripped_is_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    (folder / "solution").mkdir(parents=True)
    (folder / "solution/net.py").write_text("layers = 3\n")
    (folder / "solution/__init__.py").write_text("")
    (folder / CODES_MANIFEST).write_text(Manifest("w", "c", scan(folder)).dumps(), encoding="utf-8")
    for path in list((folder / "solution").iterdir()):
        path.rename(folder / path.name)
    (folder / "solution").rmdir()
    _, notes = codes.materialise(folder, tmp_path / "codes")
    assert (tmp_path / "codes/solution/net.py").read_text() == "layers = 3\n"
    assert (tmp_path / "codes/solution/__init__.py").read_text() == ""
    assert len(notes) == 2


def test_an_archive_left_packed_writes_nothing_outside(mounted: Path, tmp_path: Path) -> None:
    (mounted / "exp001.py").rename(tmp_path / "evil.py")
    with tarfile.open(mounted / "extra.tar", "w") as tar:
        # The first one makes the folder that the path of the second one leaves.
        tar.add(mounted / "solution", "solution")
        tar.add(tmp_path / "evil.py", "../../evil.py")
    (tmp_path / "evil.py").unlink()
    with pytest.raises(ManifestError, match=r"exp001\.py is missing"):
        codes.materialise(mounted, tmp_path / "work" / "codes")
    assert not list(tmp_path.rglob("evil.py"))
