"""The list of packages that each run leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaggle_shim import image, refs
from kaggle_shim.plan import Input
from tests.fake_notebook import GOOD, Notebook
from tests.wheelhouse import make_wheel


def lay(site: Path, count: int, name: str = "package") -> None:
    for number in range(count):
        (site / f"{name}_{number}-1.{number}.dist-info").mkdir(parents=True)


def test_a_list_holds_names_and_versions_from_metadata_folders_alone(tmp_path: Path) -> None:
    lay(tmp_path / "site", 700)
    image.write_list(tmp_path, [str(tmp_path / "site"), "", str(tmp_path / "absent")])
    path = tmp_path / image.IMAGE_LIST
    value = json.loads(path.read_text(encoding="utf-8"))
    assert len(value["versions"]) == 700
    assert value["versions"]["package-41"] == "1.41"
    assert value["python"].count(".") == 2
    assert path.stat().st_size <= 40_001


@pytest.mark.parametrize("entry", [GOOD, "raise SystemExit(3)"])
def test_a_run_leaves_the_list_also_when_it_fails(tmp_path: Path, entry: str) -> None:
    notebook = Notebook(tmp_path, "namespaced")
    notebook.competition()
    notebook.codes(exp001_py=entry)
    ran = notebook.run()
    value = json.loads((ran.working / image.IMAGE_LIST).read_text(encoding="utf-8"))
    assert value["versions"]["pytest"] == pytest.__version__


def test_the_list_is_that_of_the_image_without_the_wheels_of_the_run(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path, "namespaced")
    notebook.competition()
    make_wheel(notebook.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels")), "extra")
    notebook.codes(exp001_py="import extra\n" + GOOD)
    ran = notebook.run()
    assert ran.code == 0, ran.text
    value = json.loads((ran.working / image.IMAGE_LIST).read_text(encoding="utf-8"))
    assert "extra" not in value["versions"]
