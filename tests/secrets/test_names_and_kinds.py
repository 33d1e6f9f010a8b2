"""Every kind of file and of name: it arrives byte for byte under its name, or it is named and stays here."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from kaggle_workflow import model_files
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import tree

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has neither these kinds nor these names"
)

SENT = (
    "one.py",
    "hard-link.py",
    "nested/a.py",
    ".env.example",
    "a b.py",
    "ü/é.py",
    "n" * 251 + ".txt",
    "-rf",
    "$(x).py",
    "dot.",
    "q?.py",
    "con.py",
    "x.swp.py",
)
LEFT = (
    ".env",
    ".env.local",
    ".envrc",
    "nested/.git/config",
    "module/.git",
    ".one.py.swp",
    "one.py~",
    ".#one.py",
    "#one.py#",
    ".nfs0000",
    ".idea/w.xml",
    ".vscode/s.json",
    "__pycache__/a.pyc",
)


@pytest.fixture
def codes(tmp_path: Path) -> Path:
    folder = tmp_path / "ws" / "codes"
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def test_names_are_sent_as_they_are_or_left_out_and_said(codes: Path) -> None:
    put(codes, *SENT, *LEFT)
    listed = tree.list_files(codes, codes.parent)
    assert {file.path for file in listed.files} == set(SENT)
    assert all(any(name.startswith(out) for out in listed.left_out) for name in LEFT)
    assert {one.path for one in listed.findings if one.name == "windows-name"} == {
        f"codes/{name}" for name in ("dot.", "q?.py", "con.py")
    }
    assert not [one for one in listed.findings if one.level == "error"]


def test_what_is_no_file_is_named_and_stays(codes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(codes, "one.py")
    os.mkfifo(codes / "pipe")
    # The path of a socket has room for 100 bytes.
    monkeypatch.chdir(codes)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        listed = tree.list_files(codes, codes.parent)
    assert [file.path for file in listed.files] == ["one.py"]
    assert [(one.name, one.path) for one in listed.findings] == [
        ("special-file", "codes/pipe"),
        ("special-file", "codes/socket"),
    ]


@pytest.mark.parametrize("target", ["loop", "nowhere", "."])
def test_links_that_lead_nowhere_end_in_a_sentence(codes: Path, target: str) -> None:
    (codes / "loop").symlink_to(target)
    [found] = tree.list_files(codes, codes.parent).findings
    assert found.name == ("folder-link" if target == "." else "broken-link")


def test_names_that_are_one_on_other_systems_are_named(codes: Path) -> None:
    put(codes, "Net.py", "net.py", "pkg/a.py", "Pkg/b.py", "\u00e9.py", "e\u0301.py", "other/net.py")
    found = [one for one in tree.list_files(codes, codes.parent).findings if one.name == "name-clash"]
    assert [one.path for one in found] == ["codes/net.py", "codes/pkg", "codes/\u00e9.py"]
    assert found[0].sentence.startswith("its name is the same as Net.py on Windows and macOS")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes no such name")
@pytest.mark.parametrize("name", [b"bad\xff.py", b"bad\xff/a.py"])
def test_a_name_that_is_no_text_is_refused(codes: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(codes) + b"/" + name))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    listed = tree.list_files(codes, codes.parent)
    assert listed.files == ()
    assert [(one.level, one.name) for one in listed.findings] == [("error", "undecodable-name")]
    str(listed.findings[0]).encode()
    with pytest.raises(WorkflowError, match="its name is not valid UTF-8"):
        model_files.paths(codes, ())
    shutil.rmtree(os.fsencode(codes))
