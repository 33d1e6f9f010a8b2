"""What the server makes of uploaded files."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.local_kaggle import Behaviour
from tests.local_kaggle.names import damage
from tests.local_kaggle.store import files_of
from tests.local_kaggle.unpack import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(files: Mapping[str, bytes], mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]  # any mode string is meant
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def published(
    tmp_path: Path, files: Mapping[str, bytes], behaviour: Behaviour | None = None
) -> dict[str, bytes]:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    uploads = []
    for number, (name, content) in enumerate(files.items()):
        path = incoming / str(number)
        path.write_bytes(content)
        uploads.append((name, path))
    folder = tmp_path / "published"
    publish(uploads, folder, behaviour or Behaviour(strip_single_folder=False))
    return {name: (folder / name).read_bytes() for name, _ in files_of(folder)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pkg.zip", zipped({"a.py": b"1", "sub/b.py": b"2"})),
        ("pkg.tar", tarred({"a.py": b"1", "sub/b.py": b"2"}, "w")),
        ("pkg.tar.gz", tarred({"a.py": b"1", "sub/b.py": b"2"}, "w:gz")),
        ("pkg.tgz", tarred({"a.py": b"1", "sub/b.py": b"2"}, "w:gz")),
    ],
)
def test_an_archive_becomes_a_folder_of_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    assert published(tmp_path, {name: content}) == {"pkg/a.py": b"1", "pkg/sub/b.py": b"2"}


def test_an_archive_in_an_archive_is_unpacked_too(tmp_path: Path) -> None:
    inner = tarred({"x.txt": b"x"}, "w:gz")

    assert published(tmp_path, {"outer.zip": zipped({"inner.tar.gz": inner})}) == {"outer/inner/x.txt": b"x"}


def test_a_lone_gz_becomes_its_content(tmp_path: Path) -> None:
    assert published(tmp_path, {"t.csv.gz": gzip.compress(b"a,b")}) == {"t.csv": b"a,b"}


def test_an_archive_stays_packed_when_it_is_damaged_or_told_to(tmp_path: Path) -> None:
    archive = zipped({"a": b"1"})
    behaviour = Behaviour(leave_packed=("keep*",), strip_single_folder=False)

    assert published(tmp_path, {"keep.zip": archive, "bad.zip": b"no zip", "bad.gz": b"no"}, behaviour) == {
        "keep.zip": archive,
        "bad.zip": b"no zip",
        "bad.gz": b"no",
    }


def test_a_wheel_is_kept_or_becomes_a_folder_as_told(tmp_path: Path) -> None:
    wheel = zipped({"m/__init__.py": b""})
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    assert published(tmp_path / "one", {"m-1-py3-none-any.whl": wheel}) == {"m-1-py3-none-any.whl": wheel}
    as_folder = Behaviour(wheel_becomes_folder=True, strip_single_folder=False)
    assert published(tmp_path / "two", {"m-1-py3-none-any.whl": wheel, "r.txt": b""}, as_folder) == {
        "m-1-py3-none-any.whl/m/__init__.py": b"",
        "r.txt": b"",
    }


def test_a_single_top_folder_is_stripped_and_two_are_not(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    assert published(tmp_path / "one", {"only.zip": zipped({"a": b"1"})}, Behaviour()) == {"a": b"1"}
    two = {"one.zip": zipped({"a": b"1"}), "two.zip": zipped({"a": b"2"})}
    assert published(tmp_path / "two", two, Behaviour()) == {"one/a": b"1", "two/a": b"2"}


def test_links_exec_bits_and_empty_folders_are_lost(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "run.sh")
        tool = zipfile.ZipInfo("run.sh")
        tool.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(tool, "#!/bin/sh")
        archive.mkdir("empty")

    assert published(tmp_path, {"p.zip": made.getvalue()}) == {"p/run.sh": b"#!/bin/sh"}
    assert (tmp_path / "published" / "p" / "run.sh").stat().st_mode & 0o111 == 0
    assert not (tmp_path / "published" / "p" / "empty").exists()


def test_a_member_that_would_leave_the_folder_is_dropped(tmp_path: Path) -> None:
    assert published(tmp_path, {"evil.zip": zipped({"../../out": b"", "/abs": b"", "in": b"1"})}) == {
        "evil/in": b"1"
    }


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("torch-2.1+cu126-cp311.whl", "torch-2.1cu126-cp311.whl"),
        ("a~b=c.txt", "a_b_c.txt"),
        ("größe.csv", "gr__e.csv"),
        ("plain-1.0_x.csv", "plain-1.0_x.csv"),
    ],
)
def test_names_are_damaged(name: str, arrives: str) -> None:
    assert damage(name) == arrives


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_a_damaged_name_is_plain_ascii_and_stays_as_it_is(name: str) -> None:
    arrived = damage(name)

    assert arrived.isascii()
    assert not set(arrived) & set("+~=")
    assert damage(arrived) == arrived


@given(st.text("ABCabc019._-", min_size=1))
def test_a_safe_name_is_not_touched(name: str) -> None:
    assert damage(name) == name
