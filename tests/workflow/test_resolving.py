"""`invoke check --deps`: requirements against an image that isn't installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kaggle_workflow import command_list, workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.images import from_kaggle, resolving
from kaggle_workflow.images.from_kaggle import Seen
from kaggle_workflow.workspace import Workspace
from tests import json_outputs, wheelhouse
from tests.push import conftest as pushing

made = pushing.made


def scene(made: Path, root: Path, requirements: str, **has: str) -> Workspace:
    """A workspace whose last run on Kaggle found these packages, and whose index is a folder."""
    shutil.copytree(made, root)
    options = f"--no-index\n--find-links {root / 'index'}\n"
    (root / "index").mkdir()
    (root / "deps/requirements.txt").write_text(options + requirements, encoding="utf-8")
    ws = workspace.load(root)
    ref = ws.notebook("deps").metadata.id
    (root / "deps/image.txt").write_text("", encoding="utf-8")
    seen = Seen.of({"python": "3.12.11", "versions": has}, ref.name, 7)
    assert seen is not None
    from_kaggle.keep(ws, seen)
    return ws


def test_it_says_what_is_downloaded_and_what_replaces_a_package_of_the_image(
    made: Path, tmp_path: Path
) -> None:
    ws = scene(
        made, tmp_path / "ws", "loguru\nalbums>=2\npandas\n", albums="1.0", pandas="2.2.2", numpy="2.0.2"
    )
    index = tmp_path / "ws/index"
    wheelhouse.make_wheel(index, "loguru", requires=["helper", "numpy>=1"])
    wheelhouse.make_wheel(index, "helper", "0.3")
    wheelhouse.make_wheel(index, "albums", "2.5")
    found = resolving.resolve(ws, lambda _: None)
    assert found is not None
    assert found.download == [["albums", "2.5"], ["helper", "0.3"], ["loguru", "1.0"]]
    assert found.replaced == [["albums", "1.0", "2.5"]]
    assert found.satisfied == [["numpy", "2.0.2"], ["pandas", "2.2.2"]]
    assert found.image == "seen-in-version-7 cpu"
    assert "deps: replaces the image's albums 1.0 by 2.5." in found.lines()

    shutil.rmtree(index)
    told: list[str] = []
    assert resolving.resolve(ws, told.append) == found  # from the cache: there is no index any more
    assert not [line for line in told if "resolving" in line]


def test_a_package_of_the_image_that_needs_the_replaced_version_is_named(made: Path, tmp_path: Path) -> None:
    has = {"albums": "1.0", "viewer": "1.2+cu128", "singer": "2.0", "absent": "3.0", "unused": "1.0"}
    ws = scene(made, tmp_path / "ws", "albums>=2\n", **has)
    index = tmp_path / "ws/index"
    wheelhouse.make_wheel(index, "albums", "2.5")
    wheelhouse.make_wheel(index, "viewer", "1.2", requires=["albums<2", "frames", "albums<1; extra == 'old'"])
    wheelhouse.make_wheel(index, "viewer", "1.3", requires=["albums>=2"])
    wheelhouse.make_wheel(index, "singer", "2.0", requires=["albums"])
    wheelhouse.make_wheel(index, "unused", "1.0", requires=["albums<2"])
    (ws.root / "invoke.yaml").write_text("workspace:\n  entry: show.py\n", encoding="utf-8")
    (ws.root / "codes/show.py").write_text("import viewer, albums\nfrom more import sing\n", encoding="utf-8")
    (ws.root / "codes/more.py").write_text("import singer, absent\n", encoding="utf-8")
    ws = workspace.load(ws.root)
    found = resolving.resolve(ws, lambda _: None)
    assert found is not None
    assert found.broken == ["The image's viewer 1.2+cu128 requires albums<2, but 2.5 is installed."]
    assert found.unchecked == [["absent", "3.0"]]
    assert (
        "deps: conflict: The image's viewer 1.2+cu128 requires albums<2, but 2.5 is installed."
        in found.lines()
    )
    assert "deps: not checked, because the index gave no metadata for them: absent 3.0." in found.lines()

    (ws.root / "codes/show.py").write_text("from more import sing\n", encoding="utf-8")
    found = resolving.resolve(ws, lambda _: None)
    assert found is not None
    assert found.broken == []
    assert "deps: that breaks no requirement of the image's packages that your code imports." in found.lines()


def test_a_conflict_with_a_protected_package_of_the_image_is_named(made: Path, tmp_path: Path) -> None:
    ws = scene(made, tmp_path / "ws", "loguru\n", numpy="2.0.2")
    wheelhouse.make_wheel(tmp_path / "ws/index", "loguru", requires=["numpy>=3"])
    wheelhouse.make_wheel(tmp_path / "ws/index", "numpy", "3.0")
    with pytest.raises(
        WorkflowError, match=r"loguru 1.0 .*requires numpy>=3, but the image's numpy is 2.0.2"
    ):
        resolving.resolve(ws, lambda _: None)


def test_check_resolves_when_it_is_asked_to(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from kaggle_workflow.commands import check

    ws = scene(made, tmp_path / "ws", "loguru\n", pandas="2.2.2")
    wheelhouse.make_wheel(tmp_path / "ws/index", "loguru")
    check.check_workspace(ws, command_list.Check(json=True, deps=True))
    out = capsys.readouterr().out
    assert json.loads(out)["deps"]["download"] == [["loguru", "1.0"]]
    json_outputs.check(["check", "--deps"], out)
