"""Rehearsals of other workspaces than the example: real data, compiled and source-only packages, no uv, own wheels."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import wheelhouse, workspaces

COLUMNS = [f"feature_{number}" for number in range(13)]
ENTRY = '''"""Classify wines by a logit of statsmodels, one class against the rest."""

import antlr4
import numpy as np
import pandas as pd
import statsmodels.api as sm

import kaggle_shim

data = kaggle_shim.find()
train, test = pd.read_csv(data / "train.csv"), pd.read_csv(data / "test.csv")
columns = ["feature_0", "feature_6", "feature_9"]
centre, scale = train[columns].mean(), train[columns].std()
ready = lambda frame: sm.add_constant((frame[columns] - centre) / scale, has_constant="add")
scores = [sm.GLM(train.target == kind, ready(train), family=sm.families.Binomial()).fit_regularized(alpha=0.01).predict(ready(test)) for kind in range(3)]
pd.DataFrame({"id": test.id, "target": np.argmax(np.column_stack(scores), axis=1)}).to_csv("submission.csv", index=False)
print("antlr4 from an sdist:", antlr4.__name__, "statsmodels", sm.__name__)
'''


def wine_competition(image_python: Path, root: Path) -> dict[str, str]:
    """The wine recognition data that scikit-learn ships, as a competition's folder; returns the hidden answers."""
    said = subprocess.run(
        [image_python, "-c", "import sklearn, pathlib; print(pathlib.Path(sklearn.__file__).parent)"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    with (Path(said.stdout.strip()) / "datasets/data/wine_data.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        rows = list(csv.reader(file))[1:]
    folder = root / "data/competitions/wine"
    folder.mkdir(parents=True)
    answers = {}
    with (
        (folder / "train.csv").open("w", encoding="utf-8", newline="") as train,
        (folder / "test.csv").open("w", encoding="utf-8", newline="") as test,
        (folder / "sample_submission.csv").open("w", encoding="utf-8", newline="") as sample,
    ):
        csv.writer(train).writerow(["id", *COLUMNS, "target"])
        csv.writer(test).writerow(["id", *COLUMNS])
        csv.writer(sample).writerow(["id", "target"])
        for number, row in enumerate(rows):
            if number % 3:
                csv.writer(train).writerow([number, *row])
            else:
                csv.writer(test).writerow([number, *row[:-1]])
                csv.writer(sample).writerow([number, 0])
                answers[str(number)] = row[-1]
    return answers


def test_real_data_and_a_model_that_the_image_lacks(
    template: Path, tmp_path: Path, cache_home: Path, image_python: Path
) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="wine", prefix="wine")
    answers = wine_competition(image_python, root)
    (root / "codes/exp001.py").write_text(ENTRY, encoding="utf-8")
    # statsmodels is a compiled wheel, antlr4 4.9.3 exists as a source distribution only.
    (root / "deps/requirements.txt").write_text(
        "statsmodels\nantlr4-python3-runtime==4.9.3\n", encoding="utf-8"
    )
    done = workspaces.invoke(root, "rehearse", env={"XDG_CACHE_HOME": str(cache_home)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "antlr4 from an sdist" in done.stdout
    with (root / "build/rehearsal/working/submission.csv").open(encoding="utf-8", newline="") as file:
        given = {row["id"]: row["target"] for row in csv.DictReader(file)}
    right = sum(given[name] == answer for name, answer in answers.items())
    assert right / len(answers) > 0.8


@pytest.fixture(scope="module")
def small(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that asks nothing of the image but to execute notebooks."""
    root = workspaces.make(template, tmp_path_factory.mktemp("small") / "ws", competition="tiny")
    (root / "deps/image.txt").write_text("", encoding="utf-8")
    data = root / "data/competitions/tiny"
    data.mkdir(parents=True)
    (data / "sample_submission.csv").write_text("id,target\n1,0\n", encoding="utf-8")
    return root


def without_uv(folder: Path) -> str:
    """A PATH on which there is git and no uv."""
    (folder / "bin").mkdir()
    git = shutil.which("git")
    assert git is not None
    (folder / "bin/git").symlink_to(git)
    return os.pathsep.join([str(folder / "bin"), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_without_uv_the_image_is_made_by_pip_and_both_layouts_run(small: Path, tmp_path: Path) -> None:
    environment = {"PATH": without_uv(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    if shutil.which("uv", path=environment["PATH"]):
        pytest.skip("uv lies in a system folder here")
    for layout in ("namespaced", "classic"):
        done = workspaces.invoke(small, "rehearse", "--layout", layout, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (small / "build/rehearsal/working/submission.csv").read_text() == "id,target\n1,0\n"


def test_wheels_of_the_users_own_are_collected_and_installed(
    small: Path, tmp_path: Path, cache_home: Path
) -> None:
    root = Path(shutil.copytree(small, tmp_path / "ws"))
    (root / "deps/wheels").mkdir()
    wheelhouse.make_wheel(root / "deps/wheels", "mine", "1.0", files={"mine/__init__.py": "NUMBER = 41\n"})
    (root / "codes/exp001.py").write_text(
        "import mine\nopen('submission.csv', 'w').write(f'id,target\\n1,{mine.NUMBER + 1}\\n')\n",
        encoding="utf-8",
    )
    done = workspaces.invoke(root, "rehearse", env={"XDG_CACHE_HOME": str(cache_home)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "build/rehearsal/working/submission.csv").read_text() == "id,target\n1,42\n"


@pytest.mark.parametrize("said", ["other/features", "other/wheels"])
def test_a_source_can_be_left_out_while_the_wheels_are_collected(
    small: Path, tmp_path: Path, cache_home: Path, said: str
) -> None:
    """`other/features` is the notebook's alone and `other/wheels` the wheel notebook's."""
    root = Path(shutil.copytree(small, tmp_path / "ws"))
    workspaces.edit_json(
        root / "sub/kernel-metadata.json", dataset_sources=["you/cmi-codes", "other/features"]
    )
    workspaces.edit_json(root / "deps/kernel-metadata.json", dataset_sources=["other/wheels"])
    (root / "data/datasets/other" / ("wheels" if said == "other/features" else "features")).mkdir(
        parents=True
    )
    (root / "deps/wheels").mkdir()
    wheelhouse.make_wheel(root / "deps/wheels", "mine", "1.0", files={"mine/__init__.py": ""})
    for wheels in ("collected", "reused"):
        done = workspaces.invoke(
            root, "rehearse", "--json", "--without", said, env={"XDG_CACHE_HOME": str(cache_home)}
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["wheels"] == wheels
    refused = workspaces.invoke(root, "rehearse", "--without", "other/feature", "--without", said)
    assert refused.returncode == 2
    assert "--without other/feature: no such source is attached" in refused.stderr


def test_two_rehearsals_of_a_workspace_wait_for_one_another(
    small: Path, tmp_path: Path, cache_home: Path
) -> None:
    root = Path(shutil.copytree(small, tmp_path / "ws"))
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache_home)}
    command = [sys.executable, "-m", "invoke", "rehearse", "--force"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8"}
    both = [subprocess.Popen(command, cwd=root, env=environment, **pipes) for _ in range(2)]
    told = [one.communicate(timeout=200)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert "waiting for invoke rehearse (process" in "".join(told)
    assert (root / "build/rehearsal/working/submission.csv").read_text() == "id,target\n1,0\n"


def test_outside_a_workspace_invoke_says_so(tmp_path: Path) -> None:
    done = workspaces.invoke(tmp_path, "rehearse")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_folder_without_its_parts_is_one_sentence(small: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(small, tmp_path / "ws"))
    shutil.rmtree(root / "codes")
    done = workspaces.invoke(root, "rehearse")
    assert done.returncode == 2
    assert "copier copy" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_rehearsal_with_130_and_leaves_nothing_running(
    small: Path, tmp_path: Path, cache_home: Path
) -> None:
    root = Path(shutil.copytree(small, tmp_path / "ws"))
    (root / "codes/exp001.py").write_text(
        "import time\nprint('sleeping', flush=True)\ntime.sleep(600)\n", encoding="utf-8"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache_home)}
    with subprocess.Popen(
        [sys.executable, "-m", "invoke", "rehearse"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "sleeping" in line:
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in said
    left = [one for one in psutil.process_iter() if str(root) in " ".join(words(one))]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert alive == []


def words(process: psutil.Process) -> list[str]:
    """A process's command line, [] when it has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []
