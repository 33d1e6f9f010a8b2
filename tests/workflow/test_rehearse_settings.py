"""What `invoke.yaml` says about a run reaches the entry point and the report, through staging, the notebook and the shim."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow.images import catalogue
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
    assert "5% of the limit of 1m has been used." in report["warnings"]
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


def test_a_metric_and_a_truth_of_ones_own_give_a_local_score(ws: Path, cache_home: Path) -> None:
    (ws / "codes/exp001.py").write_text(
        "open('submission.csv', 'w').write('PassengerId,Survived\\n892,0\\n')\n", encoding="utf-8"
    )
    # Stands for pandas, which this image lacks: the metric gets what these readers return.
    (ws / "codes/pandas.py").write_text(
        "class Table:\n    def __init__(self, path):\n"
        "        self.rows = [line.split(',') for line in open(path).read().split()]\n"
        "        self.columns = self.rows[0]\n\nread_csv = read_parquet = Table\n",
        encoding="utf-8",
    )
    (ws / "codes/metric.py").write_text(
        "def score(solution, submission, row_id_column_name):\n    assert row_id_column_name == 'PassengerId'\n"
        "    return sum(a == b for a, b in zip(solution.rows[1:], submission.rows[1:])) / 2\n",
        encoding="utf-8",
    )
    (ws / "data/truth.csv").write_text("PassengerId,Survived\n892,0\n", encoding="utf-8")
    settings = "workspace:\n  entry: exp001.py\n  metric: metric\n"
    (ws / "invoke.yaml").write_text(f"{settings}  truth: data/truth.csv\n", encoding="utf-8")
    assert "local score" in (said := rehearse(ws, cache_home)[0])
    assert "0.5 by metric" in said
    (ws / "invoke.yaml").write_text(f"{settings}  truth: data/no.csv\n", encoding="utf-8")
    assert "workspace.truth is data/no.csv, which doesn't exist" in rehearse(ws, cache_home, 2)[0]
    (ws / "codes/metric.py").write_text(
        "def score(*_):\n    raise ValueError('odd columns')\n", encoding="utf-8"
    )
    (ws / "invoke.yaml").write_text(f"{settings}  truth: data/truth.csv\n", encoding="utf-8")
    assert (
        "The metric metric failed on submission.csv: ValueError: odd columns"
        in rehearse(ws, cache_home, 4)[0]
    )


def test_an_image_that_is_named_gives_the_versions_of_what_the_code_uses(ws: Path, cache_home: Path) -> None:
    (ws / "deps/image.txt").write_text("image: 2026-08 cpu\n", encoding="utf-8")
    (ws / "codes/exp001.py").write_text(
        "import importlib.metadata, importlib.util, json\nimport dateutil, tqdm, yaml\n"
        "names = ('python-dateutil', 'six', 'tqdm', 'pyyaml', 'papermill')\n"
        "print('versions', json.dumps({name: importlib.metadata.version(name) for name in names}))\n"
        "print('pandas', importlib.util.find_spec('pandas'))\n"
        "open('submission.csv', 'w').write('PassengerId,Survived\\n892,0\\n')\n",
        encoding="utf-8",
    )
    (ws / "invoke.yaml").write_text("workspace:\n  entry: exp001.py\n", encoding="utf-8")
    said = rehearse(ws, cache_home)[0]
    line = next(line for line in said.splitlines() if line.startswith("versions "))
    kaggles = catalogue.load("2026-08", "cpu").versions
    found = json.loads(line.removeprefix("versions "))
    assert found == {name: kaggles[name] for name in found}
    assert "pandas None" in said
    assert "Versions differ from image" not in said
