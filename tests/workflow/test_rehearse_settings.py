"""What `invoke.yaml` says about a run reaches the entry point and the report, through staging, the notebook and the shim."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import wheelhouse, workspaces

ENTRY = """
import os, sys, time
print("args", sys.argv[1:], "mine", os.environ["MINE"], "light", os.environ.get("KAGGLE_SHIM_LIGHT"))
open("part.csv", "w").write("PassengerId,Survived\\n892,0\\n")
print("partial written")
time.sleep(600)
"""


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose image holds nothing but what executes a notebook, with a little competition."""
    root = workspaces.make(template, tmp_path_factory.mktemp("settings") / "ws", competition="titanic")
    (root / "deps/image.txt").write_text("# nothing\n", encoding="utf-8")
    workspaces.edit_json(root / "sub/kernel-metadata.json", kernel_sources=[])
    data = root / "data/competitions/titanic"
    data.mkdir(parents=True)
    (data / "gender_submission.csv").write_text("PassengerId,Survived\n892,0\n", encoding="utf-8")
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def rehearse(root: Path, cache_home: Path, code: int = 0, **env: str) -> tuple[str, dict[str, Any]]:
    done = workspaces.invoke(root, "rehearse", env={"XDG_CACHE_HOME": str(cache_home), **env})
    assert done.returncode == code, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(
        (root / "build/rehearsal/working/run-report.json").read_text(encoding="utf-8")
    )
    return done.stdout + done.stderr, report


def test_arguments_environment_limit_guard_partial_file_and_light(ws: Path, cache_home: Path) -> None:
    (ws / "codes/exp001.py").write_text(ENTRY, encoding="utf-8")
    (ws / "invoke.yaml").write_text(
        "workspace:\n  entry: exp001.py\n  args: [--fold, 1]\n  environment:\n    MINE: yes-mine\n"
        "  limit: 1m\n  warn-at: 0.05\n  guard: 6s\n  grace: 1s\n  partial: part.csv\n  save-run: light\n",
        encoding="utf-8",
    )
    said, report = rehearse(ws, cache_home)
    assert "args ['--fold', '1'] mine yes-mine light 1" in said
    assert (ws / "build/rehearsal/working/submission.csv").read_text() == "PassengerId,Survived\n892,0\n"
    assert report["light"] is True
    assert report["guarded"] is True
    assert "5% of the limit of 1m are used." in report["warnings"]
    assert any("part.csv is the submission" in warning for warning in report["warnings"])
    assert "limit: 1m" in said


def test_wheels_of_an_attached_dataset_are_installed(ws: Path, cache_home: Path) -> None:
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json", dataset_sources=["you/cmi-codes", "somebody/wheels"]
    )
    wheelhouse.make_wheel(ws / "data/datasets/somebody/wheels", "foo", "2.0")
    (ws / "invoke.yaml").write_text(
        "workspace:\n  entry: exp001.py\n  wheels: [somebody/wheels]\n", encoding="utf-8"
    )
    (ws / "codes/exp001.py").write_text(
        "import foo\nprint('foo', foo.VERSION)\nopen('submission.csv', 'w').write('PassengerId,Survived\\n892,0\\n')\n",
        encoding="utf-8",
    )
    said, report = rehearse(ws, cache_home)
    assert "foo 2.0" in said
    assert report["wheels"] == [["foo", "2.0"]]
    assert "limit: 9h assumed" in said
