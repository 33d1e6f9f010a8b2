"""Answers of unexpected shapes, names that lead outside, bombs, and notebooks with huge outputs: a sentence, and bounded memory."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow import check, command_list, workspace
from kaggle_workflow.commands import status
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle import fetching
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.stage import compose
from tests.local_kaggle import faults
from tests.push.conftest import Scene

BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"ref": 7, "versionNumber": "many", "status": [], "files": {"a": 1}},
    {"files": [{"name": "../../outside"}], "datasetFiles": [None], "versions": [[]]},
    {"metadata": None, "blob": 3, "currentVersionNumber": -1, "versions": "x"},
    {"active": "yes", "username": {"a": 1}},
)
METHODS = (
    "IntrospectToken",
    "GetDataset",
    "ListDatasetFiles",
    "GetKernel",
    "SaveKernel",
    "GetKernelSessionStatus",
    "CreateDataset",
    "StartBlobUpload",
)


@pytest.mark.parametrize("method", METHODS)
def test_answers_of_unexpected_shapes(scene: Scene, method: str) -> None:
    for body in BODIES:
        scene.kaggle.fault(faults.answer(method, body, times=None))
        with pytest.raises(WorkflowError) as caught:
            scene.all(limit=0.3)
        assert caught.value.exit_code in (2, 3, 4, 5, 6), body
        assert str(caught.value).endswith((".", ")"))
        scene.kaggle.world.faults.clear()
        with suppress(WorkflowError):
            status.show_status(scene.push().workspace, command_list.Status(json=True))


def test_a_list_that_never_ends_is_given_up(scene: Scene) -> None:
    scene.codes()
    page = {"datasetFiles": [{"name": "a.py", "totalBytes": 1}], "nextPageToken": "again"}
    scene.kaggle.fault(faults.answer("ListDatasetFiles", page, times=None))
    scene.edit()
    with pytest.raises(WorkflowError, match="repeats a page"):
        scene.codes()


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "/etc/outside",
        "a/../../outside",
        "..",
        "a\\..\\b",
        "C:outside",
        "a\x00b",
        "nul",
        "a\nb",
    ],
)
def test_names_to_download_stay_inside(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(WorkflowError, match="Nothing was written"):
        fetching.items(folder, [RemoteFile(name, 1, "")], (), None, lambda *_: None)


def test_a_single_file_that_unpacks_to_far_more_than_was_announced_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))

    def fetch(path: Path) -> None:
        path.write_bytes(packed.getvalue())

    item = fetching.Item("a.csv", tmp_path / "a.csv", 1000, fetch)
    with pytest.raises(WorkflowError, match=r"a\.csv .* announced"):
        fetching.fetch_all([item], lambda _: None)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 1 << 20


def test_a_notebook_with_huge_outputs_is_staged_in_bounded_memory(scene: Scene) -> None:
    path = scene.root / "sub" / "sub.ipynb"
    node = json.loads(path.read_text(encoding="utf-8"))
    output = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0K" * (1 << 19)}}
    for cell in node["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [output] * 3, None
            break
    path.write_text(json.dumps(node), encoding="utf-8")
    size = path.stat().st_size
    assert size > 12 << 20
    compose.read_source(path)
    compose._parsed.clear()
    tracemalloc.start()
    try:
        assert not [one for one in check.find_all(workspace.load(scene.root)) if one.level == "error"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Of what is in the outputs no more than the text and what it says are held at a time, so 100 MB take no more than 400.
    assert peak < 4 * size
