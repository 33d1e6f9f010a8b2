"""Kaggle replaces its image between two runs, really executed: what push, check and pin-image make of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_workflow import check, workspace
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.rehearsal import image
from tests.local_kaggle import LocalKaggle
from tests.push.conftest import COMPETITION
from tests.push.test_loop import invoke

ENTRY = """
import six
try:
    import toolz
except ImportError:
    toolz = None
print("six", six.__version__, toolz)
open("submission.csv", "w").write("row_id,series_id,step,event,score\\n0,a,1,onset,0.5\\n")
"""


def made_of(packages: str, scratch: Path, cache: Path) -> Path:
    listed = scratch / "image.txt"
    listed.write_text(packages, encoding="utf-8")
    return image.ensure(listed, python=None, cache=cache, on_line=print).python


@pytest.fixture
def kaggle(tmp_path: Path, made: Path, image_cache: Path) -> Iterator[LocalKaggle]:
    usual, newer = (
        made_of(text, tmp_path, image_cache) for text in ("six==1.16.0\ntoolz==1.0.0\n", "six==1.17.0\n")
    )
    files = {p.name: p.read_bytes() for p in (made / "data" / "competitions" / COMPETITION).iterdir()}
    with LocalKaggle(tmp_path / "kaggle", python=usual, newer_python=newer) as server:
        server.add_competition(COMPETITION, public=files, metric="accuracy", row_id="row_id")
        yield server


def imports_missing(root: Path) -> list[str]:
    found = check.find_all(workspace.load(root))
    return [one.sentence.split()[0] for one in found if one.name == "import"]


def test_check_follows_kaggles_image_and_a_push_says_what_moved(
    made: Path, tmp_path: Path, kaggle: LocalKaggle
) -> None:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    entry = root / "codes/exp001.py"
    entry.write_text(ENTRY, encoding="utf-8")
    (root / "deps/requirements.txt").write_text("", encoding="utf-8")
    # The list of the package has lightgbm; this Kaggle has not.
    (root / "codes/later.py").write_text("import lightgbm\n", encoding="utf-8")
    entry.write_text(ENTRY + "if False:\n    import later\n", encoding="utf-8")
    assert imports_missing(root) == []

    pushed = invoke(root, kaggle, "push", "--json")
    assert pushed.returncode == 0, pushed.stderr
    assert "six 1.16.0" in kaggle.notebook_log("tester/cmi-sub")
    seen = from_kaggle.known(workspace.load(root))
    assert seen is not None
    assert (seen.versions["six"], seen.docker_image[-1]) == ("1.16.0", "a")
    assert imports_missing(root) == ["lightgbm"]

    kaggle.behave(image="newer")
    entry.write_text(entry.read_text(encoding="utf-8") + "print('again')\n", encoding="utf-8")
    pushed = invoke(root, kaggle, "push", "--json")
    assert pushed.returncode == 0, pushed.stderr
    moved = "Kaggle's image changed since tester/cmi-sub version 1: "
    told = [note for thing in json.loads(pushed.stdout)["things"] for note in thing["notes"] if moved in note]
    assert told == [f"{moved}six 1.16.0 -> 1.17.0, toolz 1.0.0 -> missing"]

    # Pinned to the image of that run, the next one stays there whatever Kaggle does.
    assert invoke(root, kaggle, "pin-image").returncode == 0
    kaggle.behave(image="usual")
    entry.write_text(entry.read_text(encoding="utf-8") + "print('pinned')\n", encoding="utf-8")
    pushed = invoke(root, kaggle, "push")
    assert pushed.returncode == 0, pushed.stderr
    assert "six 1.17.0" in kaggle.notebook_log("tester/cmi-sub")
