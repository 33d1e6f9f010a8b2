"""What is staged: exactly what belongs to an upload, whole, and only what changed is read again."""

import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from kaggle_shim.plan import Plan
from kaggle_workflow import workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import bundle, compose, hashes, requirements, tree
from kaggle_workflow.stage import codes as stage_codes
from tests import workspaces

PLAN = Plan(
    role="sub",
    notebook="you/cmi-sub",
    workspace="w",
    competition="titanic",
    template="t",
    entry=("exp001.py",),
)


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("made") / "ws", competition="titanic")


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def stage(root: Path) -> stage_codes.Staged:
    return stage_codes.stage(workspace.load(root), "titanic")


def staged_names(root: Path) -> set[str]:
    return set(workspaces.files_of(root / "build/codes"))


def test_the_manifest_lists_what_is_staged_and_nothing_else(ws: Path) -> None:
    (ws / "codes/solution").mkdir()
    (ws / "codes/solution/net.py").write_text("x = 1\n")
    staged = stage(ws)
    assert {entry.path for entry in staged.manifest.files} == {"exp001.py", "solution/net.py"}
    assert staged.manifest.files == scan(ws / "build/codes", (CODES_MANIFEST, "dataset-metadata.json"))
    assert Manifest.load(ws / "build/codes" / CODES_MANIFEST) == staged.manifest


def in_whole_seconds(path: Path, text: str, when: float) -> None:
    """Write a file where times have no fractions, as on a USB stick."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (int(when), int(when)))


def test_two_edits_of_one_second_are_two(ws: Path) -> None:
    entry, now = ws / "codes/exp001.py", time.time()
    in_whole_seconds(entry, "x = 1\n", now)
    first = stage(ws).manifest.fingerprint
    in_whole_seconds(entry, "x = 2\n", now)
    assert stage(ws).manifest.fingerprint != first
    assert (ws / "build/codes/exp001.py").read_text(encoding="utf-8") == "x = 2\n"


def test_whole_seconds_of_long_ago_are_believed(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_whole_seconds(ws / "codes/exp001.py", "x = 1\n", time.time() - 3600)
    first = stage(ws).manifest
    monkeypatch.setattr(stage_codes, "hash_file", lambda _: pytest.fail("read again"))
    assert stage(ws).manifest == first


def test_a_hash_of_this_very_second_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def hash_file(path: Path) -> str:
        read.append(path)
        return "hash"

    monkeypatch.setattr(hashes, "hash_file", hash_file)
    old, new = tmp_path / "old.bin", tmp_path / "new.bin"
    in_whole_seconds(old, "1", time.time() - 3600)
    in_whole_seconds(new, "1", time.time())
    known = hashes.Hashes(None)
    for path in (old, new, old, new):
        known.sha256(path)
    assert read == [old, new, new]


def test_staging_again_gives_the_same_bytes_and_a_removed_file_is_gone(ws: Path) -> None:
    (ws / "codes/old").mkdir()
    (ws / "codes/old/gone.py").write_text("1\n")
    first = stage(ws)
    shutil.rmtree(ws / "codes/old")
    second = stage(ws)
    assert first.manifest.fingerprint != second.manifest.fingerprint
    assert not (ws / "build/codes/old").exists()
    before = workspaces.files_of(ws / "build/codes")
    stage(ws)
    assert workspaces.files_of(ws / "build/codes") == before


def test_a_change_of_content_with_the_same_size_is_seen(ws: Path) -> None:
    path = ws / "codes/exp001.py"
    path.write_text("a = 1\n")
    first = stage(ws)
    path.write_text("a = 2\n")
    os.utime(path, ns=(1, 1))
    assert stage(ws).manifest.fingerprint != first.manifest.fingerprint


def test_an_interrupted_staging_vouches_for_nothing(ws: Path) -> None:
    stage(ws)
    about = (ws / "codes/exp001.py").stat()
    staged = ws / "build/codes/exp001.py"
    staged.write_bytes(b"x" * about.st_size)
    os.utime(staged, ns=(about.st_mtime_ns, about.st_mtime_ns))
    (ws / "build/codes" / CODES_MANIFEST).unlink()
    stage(ws)
    assert staged.read_bytes() == (ws / "codes/exp001.py").read_bytes()


def test_what_git_or_kaggleignore_leaves_out_is_left_out_and_listed(ws: Path) -> None:
    workspaces.git(ws, "init", "--quiet")
    for name in ("secret.env", "notes.md", "weights.ckpt"):
        (ws / "codes" / name).write_text("x\n")
    (ws / "codes/cache").mkdir()
    (ws / "codes/cache/a.bin").write_text("x\n")
    with (ws / ".gitignore").open("a") as file:
        file.write("*.env\n/codes/cache/\n")
    with (ws / ".kaggleignore").open("a") as file:
        file.write("*.ckpt\n/codes/notes.md\n")
    staged = stage(ws)
    assert {entry.path for entry in staged.manifest.files} == {"exp001.py"}
    assert {"secret.env", "notes.md", "weights.ckpt", "cache/"} <= set(staged.left_out)


def test_a_bad_line_of_the_ignore_file_is_named(ws: Path) -> None:
    (ws / ".kaggleignore").write_text("fine\n!\n")
    with pytest.raises(WorkflowError, match=r"line 2"):
        tree.list_files(ws / "codes", ws)


def test_another_owner_goes_into_what_is_built_and_not_into_the_users_files(ws: Path) -> None:
    before = (ws / "codes/dataset-metadata.json").read_bytes()
    (ws / "invoke.local.yaml").write_text("workspace:\n  owner: friend\n")
    stage(ws)
    assert json.loads((ws / "build/codes/dataset-metadata.json").read_text())["id"] == "friend/cmi-codes"
    assert (ws / "codes/dataset-metadata.json").read_bytes() == before


def notebook(folder: Path, value: object) -> Path:
    path = folder / "n.ipynb"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


CELL = {
    "cell_type": "code",
    "execution_count": 3,
    "metadata": {},
    "outputs": [{"output_type": "stream", "name": "stdout", "text": "x" * 10**6}],
    "source": ["kaggle_shim.run()"],
}


def test_a_composed_notebook_is_valid_without_outputs_and_carries_its_plan(tmp_path: Path) -> None:
    path = notebook(tmp_path, {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 2})
    source = compose.read_source(path)
    text = compose.compose(source, PLAN, "1", bundle.pack_shim(PLAN.role))
    node = nbformat.reads(text, as_version=4)
    nbformat.validate(node)
    assert compose.plan_of(text) == PLAN
    assert node.metadata.kernelspec.name == "python3"
    assert [cell.get("outputs", []) for cell in node.cells] == [[], []]
    assert node.cells[0].metadata["_kg_hide-input"] is True
    assert compose.sent_size(text) < 200_000
    assert compose.compose(source, PLAN, "1", bundle.pack_shim(PLAN.role)) == text


def test_an_old_notebook_format_goes_out_in_the_current_one(tmp_path: Path) -> None:
    old = {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["kaggle_shim.run()"],
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                    }
                ],
                "metadata": {},
            }
        ],
    }
    text = compose.compose(compose.read_source(notebook(tmp_path, old)), PLAN, "1", "")
    assert json.loads(text)["nbformat"] == 4


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "[]",
        "{}",
        {"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
        {"cells": [{"cell_type": "odd"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
    ],
)
def test_what_is_no_notebook_is_refused_with_path_and_reason(tmp_path: Path, value: object) -> None:
    with pytest.raises(WorkflowError, match=r"n\.ipynb"):
        compose.read_source(notebook(tmp_path, value))


def test_a_notebook_larger_than_kaggle_takes_is_refused_with_both_numbers(tmp_path: Path) -> None:
    large = {**CELL, "outputs": [], "source": "#" + "é" * 160_000}
    source = compose.read_source(
        notebook(tmp_path, {"cells": [large], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    with pytest.raises(WorkflowError, match=r"bytes as it is sent.*900000"):
        compose.compose(source, PLAN, "1", "")


@pytest.mark.parametrize("name", sorted(bundle.COLLECTOR))
def test_another_collector_makes_the_wheels_anew(
    ws: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = requirements.read_asked(workspace.load(ws), "").fingerprint
    newer = tuple(replace(one, sha256="0" * 64) if one.path == name else one for one in bundle.shim_files())
    monkeypatch.setattr(bundle, "shim_files", lambda: newer)
    assert requirements.read_asked(workspace.load(ws), "").fingerprint != before


def test_what_is_sent_is_measured_as_the_official_client_sends_it(tmp_path: Path) -> None:
    text = compose.compose(
        compose.read_source(
            notebook(
                tmp_path,
                {
                    "cells": [{**CELL, "source": ["é\n", "b"]}],
                    "metadata": {},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                },
            )
        ),
        PLAN,
        "1",
        "",
    )
    body = json.loads(text)
    for cell in body["cells"]:
        cell["source"] = "".join(cell["source"])
    assert compose.sent_size(text) == len(json.dumps(body))


@pytest.mark.parametrize(
    ("path", "dirty"),
    [
        ("uv.lock", False),
        ("ledger.jsonl", False),
        ("notes/mine.md", False),
        ("codes/exp001.py", True),
        ("sub/kernel-metadata.json", True),
        ("invoke.yaml", True),
    ],
)
def test_codes_are_changed_when_something_that_is_sent_is(ws: Path, path: str, dirty: bool) -> None:
    workspaces.git(ws, "init", "--quiet")
    workspaces.git(ws, "add", "--all")
    workspaces.git(ws, "commit", "--quiet", "-m", "first")
    (ws / path).parent.mkdir(exist_ok=True)
    with (ws / path).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert stage_codes.stage(workspace.load(ws), "titanic").manifest.dirty is dirty
