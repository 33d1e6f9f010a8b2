"""Manifests: the same files give the same fingerprint anywhere, and a manifest can't name a path outside."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaggle_shim import manifest
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import FileEntry, Manifest

ENTRIES = st.lists(
    st.builds(
        FileEntry,
        st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5}){0,2}", fullmatch=True),
        st.integers(0, 10**9),
        st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    ),
    unique_by=lambda entry: entry.path,
    max_size=6,
)


@given(ENTRIES.flatmap(lambda entries: st.tuples(st.just(entries), st.permutations(entries))))
def test_the_order_of_files_does_not_matter(both: tuple[list[FileEntry], list[FileEntry]]) -> None:
    assert manifest.fingerprint(both[0]) == manifest.fingerprint(both[1])


@given(ENTRIES.filter(bool))
def test_any_change_of_a_file_changes_the_fingerprint(entries: list[FileEntry]) -> None:
    before = manifest.fingerprint(entries)
    first = entries[0]
    assert (
        manifest.fingerprint([FileEntry(first.path + "x", first.size, first.sha256), *entries[1:]]) != before
    )
    assert manifest.fingerprint([FileEntry(first.path, first.size + 1, first.sha256), *entries[1:]]) != before
    assert manifest.fingerprint(entries[1:]) != before


def test_a_manifest_is_read_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.py").write_bytes(b"print()\n")
    made = Manifest("w", "titanic", manifest.scan(tmp_path), "abc", dirty=True)
    assert Manifest.loads(made.dumps(), "here") == made
    assert made.files == (FileEntry("a/b.py", 8, manifest.hash_file(tmp_path / "a/b.py")),)


def test_times_and_modes_are_not_part_of_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("same")
    before = manifest.fingerprint(manifest.scan(tmp_path))
    (tmp_path / "x").chmod(0o755)
    os.utime(tmp_path / "x", (1, 1))
    assert manifest.fingerprint(manifest.scan(tmp_path)) == before


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "C:/x", "a\\b", ""])
def test_a_path_outside_the_folder_is_refused(path: str) -> None:
    value = {"workspace": "w", "competition": "", "commit": None, "dirty": None}
    files = [{"path": path, "size": 1, "sha256": "0" * 64}]
    text = json.dumps(
        {**value, "files": files, "fingerprint": manifest.fingerprint([FileEntry(path, 1, "0" * 64)])}
    )
    with pytest.raises(ManifestError, match="outside"):
        Manifest.loads(text, "there")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', "null", '{"files": [{"path": "x"}]}'])
def test_what_is_no_manifest_is_one_sentence(text: str) -> None:
    with pytest.raises(ManifestError, match="there"):
        Manifest.loads(text, "there")


def test_an_edited_manifest_is_noticed() -> None:
    text = Manifest("w", "", (FileEntry("x", 1, "0" * 64),)).dumps()
    with pytest.raises(ManifestError, match="edited"):
        Manifest.loads(text.replace('"size": 1', '"size": 2'), "there")
