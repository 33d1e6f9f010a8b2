"""A broken or hostile workspace: every fault is a sentence, nothing is a traceback, nothing is written outside."""

from __future__ import annotations

import json
import shutil
import string
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kaggle_shim.errors import ShimError
from kaggle_shim.manifest import DepsManifest, Manifest
from kaggle_shim.plan import Plan
from kaggle_workflow import check, files, workspace
from kaggle_workflow import settings as workspace_settings
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.known import Known
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.push.intents import Intents
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import compose
from kaggle_workflow.stage import notebook as stage_notebook

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "../../etc/passwd",
            "a/b",
            "me/cmi-codes",
            "\x00",
            "\ud800",
            "C:\\x",
            "${HOME}",
            "{{ 7*7 }}",
            "'",
            "1e999",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
KERNEL_KEYS = (
    "id",
    "title",
    "code_file",
    "language",
    "kernel_type",
    "is_private",
    "enable_gpu",
    "enable_internet",
    "machine_shape",
    "dataset_sources",
    "competition_sources",
    "kernel_sources",
    "model_sources",
    "keywords",
    "docker_image",
    "docker_image_pinning_type",
)
DEEP = "[" * 100_000
# A thousand million values once its aliases are written out.
BOMB = "a: &b0 [x]\n" + "".join(f"k: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 10))
BOMB += "workspace: {entry: *b9}\n"
QUICK = settings(
    max_examples=6,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def ws(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workspace for all examples of this module; each example puts back what it changed."""
    root = tmp_path_factory.mktemp("hostile") / "ws"
    shutil.copytree(made, root, symlinks=True)
    return root


def survive(root: Path) -> list[str]:
    """Check and stage; returns the sentences. Whatever is no error of ours goes through and fails the test."""
    outside = sorted(root.parent.iterdir())
    said = []

    def attempt(do: Callable[[], object]) -> None:
        try:
            do()
        except (WorkflowError, ShimError) as error:
            said.append(str(error))

    attempt(lambda: said.extend(str(one) for one in check.find_all(workspace.load(root))))
    attempt(lambda: stage_codes.stage(workspace.load(root), "cup"))
    attempt(lambda: stage_notebook.stage_deps(workspace.load(root), workspace.load(root).notebook("deps")))
    assert sorted(root.parent.iterdir()) == outside
    assert all(line.strip() for line in said)
    return said


def with_text(path: Path, text: str, root: Path) -> list[str]:
    """Survive with another text in a file, and put the file back."""
    kept = path.read_bytes()
    try:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        return survive(root)
    finally:
        path.write_bytes(kept)


@given(key=st.sampled_from(KERNEL_KEYS), value=JSON, name=st.sampled_from(["sub", "deps"]))
@example(key="code_file", value="../../outside.ipynb", name="sub")
@example(key="code_file", value="sub.ipynb\x00", name="sub")
@example(key="dataset_sources", value=[["a"], {"b": 1}, None], name="sub")
@example(key="machine_shape", value=["a"], name="sub")
@example(key="keywords", value=[{"a": float("nan")}], name="deps")
@example(key="docker_image_pinning_type", value=[1], name="deps")
@example(key="language", value={"a": 1}, name="sub")
@QUICK
def test_metadata_of_notebooks_with_any_values(ws: Path, key: str, value: Any, name: str) -> None:
    path = ws / name / "kernel-metadata.json"
    with_text(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), key: value}), ws)


@given(key=st.sampled_from(["id", "title", "licenses", "subtitle", "isPrivate"]), value=JSON)
@example(key="licenses", value=[{"name": None}])
@example(key="id", value="me/" + "a" * 100_000)
@QUICK
def test_metadata_of_the_codes_with_any_values(ws: Path, key: str, value: Any) -> None:
    path = ws / "codes" / "dataset-metadata.json"
    with_text(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")), key: value}), ws)


@given(text=st.text(alphabet=string.printable, max_size=40) | JSON.map(json.dumps))
@example(text="")
@example(text=DEEP)
@example(text='{"id": 1, "id": 2}')
@example(text='{"id": ' + "9" * 5000 + "}")
@example(text="\ufeff{}")
@example(text="{" + ",".join(f'"k{n}": 1' for n in range(20_000)) + "}")
@QUICK
@pytest.mark.parametrize(
    "name", ["sub/kernel-metadata.json", "codes/dataset-metadata.json", "sub/sub.ipynb", "deps/deps.ipynb"]
)
def test_files_that_hold_anything(ws: Path, name: str, text: str) -> None:
    assert with_text(ws / name, text, ws)


@given(text=st.text(max_size=40) | JSON.map(lambda value: f"workspace: {json.dumps(value)}"))
@example(text="workspace: [")
@example(text="workspace:\n  entry: !!python/object/apply:os.system ['false']\n")
@example(text="a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nworkspace: {entry: *c}\n")
@example(text=BOMB)
@example(text="workspace: &a\n  args: [*a]\n")
@example(text="workspace:\n  limit: .nan\n  poll: .inf\n")
@example(text="workspace:\n  limit: 9e999h\n")
@example(text="workspace:\n  entry: exp001.py\n  entry: exp002.py\n")
@example(text="\x00")
@example(text=DEEP)
@QUICK
def test_settings_that_hold_anything(ws: Path, text: str) -> None:
    with_text(ws / "invoke.yaml", text, ws)


@pytest.mark.parametrize(
    "code_file",
    ["../outside.ipynb", "/etc/passwd", "..", "a/../../b.ipynb", "sub.ipynb\n", "\\\\host\\a.ipynb"],
)
def test_code_file_never_leads_outside(ws: Path, code_file: str) -> None:
    (ws.parent / "outside.ipynb").write_text('{"cells": []}', encoding="utf-8")
    path = ws / "sub" / "kernel-metadata.json"
    text = json.dumps({**json.loads(path.read_text(encoding="utf-8")), "code_file": code_file})
    (ws.parent / "outside.ipynb").unlink()
    assert any("code_file" in line for line in with_text(path, text, ws))


@pytest.mark.parametrize(
    "name",
    [
        "a\nb.py",
        "a\tb.py",
        "a\x1b[31mb.py",
        "ü\u202e.py",
        "-rf.py",
        "$(touch x).py",
        "'; rm.py",
        "a b.py",
        "😀.py",
    ],
)
def test_names_with_control_characters_stay_names(ws: Path, name: str) -> None:
    path = ws / "codes" / name
    path.write_text("x = 1\n", encoding="utf-8")
    try:
        said = survive(ws)
        assert name in {entry.path for entry in stage_codes.stage(workspace.load(ws), "cup").manifest.files}
        assert not any(character in line for line in said for character in "\n\t\x1b\u202e")
    finally:
        path.unlink()


@given(text=JSON.map(json.dumps) | st.text(max_size=40))
@example(text=DEEP)
@example(
    text='{"workspace": 1, "competition": 2, "files": [{"path": "../x", "size": 1, "sha256": ""}], "commit": null, "dirty": null, "fingerprint": ""}'
)
@example(text='{"files": {"a": 1}}')
@example(
    text='{"files": [{"path": "a", "size": 1e999, "sha256": "x"}], "workspace": 1, "competition": 1, "commit": 1, "dirty": 1, "fingerprint": 1}'
)
@QUICK
def test_what_travels_may_hold_anything(text: str) -> None:
    for read in (
        lambda: Manifest.loads(text, "it"),
        lambda: DepsManifest.loads(text, "it"),
        lambda: Plan.loads(text),
        lambda: compose.plan_of(text),
        lambda: compose.edited(text),
        lambda: compose.same(text, text),
    ):
        with suppress(WorkflowError, ShimError):
            read()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"step": "sent"}', DEEP, '{"version": []}', "\ud800", '{"at": 1e999}']
)
def test_caches_and_reports_may_be_damaged(ws: Path, content: str) -> None:
    raw = content.encode("utf-8", "surrogatepass")
    for folder in ("intents", "known"):
        (ws / "build" / folder).mkdir(parents=True, exist_ok=True)
        (ws / "build" / folder / "me--thing.json").write_bytes(raw)
    assert Intents(ws / "build").read("me--thing") is None
    assert Known(ws / "build").of("me/thing", 1) == {}
    (ws / "run-report.json").write_bytes(raw)
    assert files.read_object(ws / "run-report.json") in (
        {},
        {"step": "sent"},
        {"version": []},
        {"at": float("inf")},
    )
    (ws / "ledger.jsonl").write_bytes(raw + b"\n")
    assert ledger.read(ws).events == ()
    (ws / "run-report.json").unlink()
    (ws / "ledger.jsonl").unlink()
    shutil.rmtree(ws / "build")


@given(value=JSON)
@QUICK
def test_environment_variables_of_settings_may_hold_anything(ws: Path, value: Any) -> None:
    for name in ("POLL", "LIMIT", "ENTRY", "ALLOW", "CODES", "ARGS", "OWNER", "DATA"):
        text = json.dumps(value) if not isinstance(value, str) else value
        with suppress(WorkflowError):
            workspace_settings.load(ws, {f"INVOKE_WORKSPACE_{name}": text})
