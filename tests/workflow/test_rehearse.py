"""`invoke rehearse`: from a saved file to a submission, offline, with what the metadata attaches and nothing else."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import kaggle_shim
from kaggle_shim.wheels import normalise
from kaggle_workflow.images import catalogue
from kaggle_workflow.rehearsal import pythons, sandbox
from kaggle_workflow.stage import compose
from tests import workspaces

needs_sandbox = pytest.mark.skipif(
    not sandbox.detect().complete, reason="this machine gives no sandbox, so no isolation can be shown"
)


@pytest.fixture(scope="module")
def rehearsed(template: Path, shared_folder: Path, cache_home: Path) -> Path:
    """The worked example after its first rehearsal."""

    def rehearse(root: Path) -> None:
        workspaces.make(template, root, example="cmi-sleep")
        done = workspaces.invoke(root, "rehearse", env={"XDG_CACHE_HOME": str(cache_home)})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rehearsal" in done.stdout

    return workspaces.once(shared_folder / "rehearsed", rehearse)


@pytest.fixture
def ws(rehearsed: Path, tmp_path: Path) -> Path:
    """A copy of it, for tests that change something."""
    return Path(shutil.copytree(rehearsed, tmp_path / "ws", symlinks=True))


class Rehearse:
    """Runs `invoke rehearse` in a workspace."""

    def __init__(self, cache_home: Path) -> None:
        self.cache_home = cache_home

    def __call__(self, root: Path, *words: str, code: int = 0, **env: str) -> str:
        done = workspaces.invoke(
            root, "rehearse", *words, env={"XDG_CACHE_HOME": str(self.cache_home), **env}
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback (most recent call last):\n  File" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def rehearse(cache_home: Path) -> Rehearse:
    return Rehearse(cache_home)


def entry(root: Path, text: str) -> None:
    (root / "codes/exp001.py").write_text(text, encoding="utf-8")


def report(root: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        (root / "build/rehearsal/working/run-report.json").read_text(encoding="utf-8")
    )
    return value


WRITE = "\nopen('submission.csv', 'w').write('row_id,series_id,step,event,score\\n0,a,1,onset,0.5\\n')\n"


def test_the_example_gives_the_articles_submission(rehearsed: Path) -> None:
    series = pq.read_table(
        rehearsed / "data/competitions/child-mind-institute-detect-sleep-states/test_series.parquet"
    ).to_pylist()
    events = {"23:00:00": "onset", "06:30:00": "wakeup"}
    expected = sorted(
        (row["series_id"], row["step"], events[row["timestamp"][11:19]])
        for row in series
        if row["timestamp"][11:19] in events
    )
    lines = (rehearsed / "build/rehearsal/working/submission.csv").read_text().splitlines()
    assert lines[0] == "row_id,series_id,step,event,score"
    rows = [line.split(",") for line in lines[1:]]
    assert [int(row[0]) for row in rows] == list(range(len(expected)))
    assert sorted((row[1], int(row[2]), row[3]) for row in rows) == expected
    assert len(expected) == 18


def test_the_packages_that_the_image_lacks_are_really_installed(rehearsed: Path) -> None:
    assert {name for name, _ in report(rehearsed)["wheels"]} == {"loguru"}


INSIDE = """
import importlib.metadata, json, platform
found = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
print("inside", json.dumps({"python": platform.python_version(), "packages": found}))
"""
SECOND = """
import lightgbm, polars
import kaggle_shim

sample = polars.read_csv(kaggle_shim.find() / "sample_submission.csv")
rows = [[n % 5, n % 3] for n in range(60)]
trees = lightgbm.LGBMRegressor(n_estimators=5, min_child_samples=2, verbose=-1).fit(rows, [n % 7 for n in range(60)])
values = trees.predict(rows[: len(sample)]).round(3)
sample.with_columns(score=polars.Series(values)).write_csv("submission.csv")
"""


@pytest.mark.parametrize("which", ["the worked example", "lightgbm and polars"])
def test_versions_inside_are_those_of_kaggles_image(ws: Path, rehearse: Rehearse, which: str) -> None:
    example = (ws / "codes/exp001.py").read_text(encoding="utf-8")
    entry(ws, (example if which == "the worked example" else SECOND) + INSIDE)
    said = rehearse(ws)
    line = next(line for line in said.splitlines() if line.startswith("inside "))
    inside = json.loads(line.removeprefix("inside "))
    kaggles = catalogue.load("2026-08", "cpu")
    found = {normalise(name): version for name, version in inside["packages"].items()}
    used = ("pandas", "pyarrow", "omegaconf") if which == "the worked example" else ("lightgbm", "polars")
    assert set(used) <= found.keys()
    assert {name: version for name, version in found.items() if kaggles.versions.get(name)} == {
        name: kaggles.versions[name] for name in found if kaggles.versions.get(name)
    }
    # loguru is the wheel; papermill's own needs are what Kaggle's image may have under another name.
    assert found.keys() - kaggles.versions.keys() <= {"loguru"}
    python = pythons.find("3.12")
    if python is None:
        assert f"image 2026-08 cpu has Python {kaggles.python}" in said
    else:
        assert inside["python"] == python.version


def test_what_is_staged_is_whole_and_runs_as_it_is(rehearsed: Path) -> None:
    assert {path.name for path in (rehearsed / "build/sub").iterdir()} == {
        "kernel-metadata.json",
        "sub.ipynb",
    }
    assert {path.name for path in (rehearsed / "build/codes").iterdir()} == {
        "codes-manifest.json",
        "dataset-metadata.json",
        "exp001.py",
    }
    text = (rehearsed / "build/sub/sub.ipynb").read_text(encoding="utf-8")
    plan = compose.plan_of(text)
    assert plan is not None
    manifest = json.loads((rehearsed / "build/codes/codes-manifest.json").read_text())
    assert [one.fingerprint for one in plan.inputs if one.role == "codes"] == [manifest["fingerprint"]]
    assert compose.sent_size(text) < 900_000


@pytest.mark.parametrize("layout", ["namespaced", "classic"])
def test_both_layouts_give_the_same_submission_and_the_wheels_are_reused(
    ws: Path, rehearse: Rehearse, layout: str
) -> None:
    before = (ws / "build/rehearsal/working/submission.csv").read_bytes()
    said = rehearse(ws, "--layout", layout)
    assert "reused" in said
    assert (ws / "build/rehearsal/working/submission.csv").read_bytes() == before


@needs_sandbox
def test_the_network_and_the_home_folder_are_out_of_reach(ws: Path, rehearse: Rehearse) -> None:
    secret = Path.home() / ".kaggle-test-canary"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        secret.write_text("canary", encoding="utf-8")
        try:
            entry(
                ws,
                f"ADDRESSES = (('127.0.0.1', {port}), ('192.0.2.1', 80))\n"
                "import os, pathlib, socket\n"
                "for address in ADDRESSES:\n"
                "    try:\n        socket.create_connection(address, 5)\n        raise SystemExit('reached')\n"
                "    except OSError as error:\n        print('unreachable', error.errno)\n"
                f"print('home', sorted(os.listdir(pathlib.Path.home())), os.path.exists({str(secret)!r}))\n"
                "print('token', os.environ.get('KAGGLE_API_TOKEN'))\n" + WRITE,
            )
            said = rehearse(ws, KAGGLE_API_TOKEN="canary-token")
        finally:
            secret.unlink()
    assert said.count("unreachable") == 2
    assert "home [" in said
    assert "False" in said.partition("home [")[2].splitlines()[0]
    assert "token None" in said
    assert "canary-token" not in said


@needs_sandbox
def test_inputs_are_read_only_and_only_what_is_attached_is_there(ws: Path, rehearse: Rehearse) -> None:
    (ws / "data/datasets/you/not-attached").mkdir(parents=True)
    entry(
        ws,
        "import os, kaggle_shim\n"
        "print('kinds', sorted(os.listdir('/kaggle/input')), sorted(os.listdir('/kaggle/input/datasets/you')))\n"
        "try:\n    (kaggle_shim.find() / 'x').touch()\n    raise SystemExit('wrote')\n"
        "except OSError as error:\n    print('kept', error.errno)\n" + WRITE,
    )
    said = rehearse(ws)
    assert "kinds ['competitions', 'datasets', 'notebooks'] ['cmi-codes']" in said
    assert "kept 30" in said


def test_a_rerun_sees_the_hidden_files_at_the_same_place(ws: Path, rehearse: Rehearse) -> None:
    hidden = ws / "data/rerun/competitions/child-mind-institute-detect-sleep-states/extra"
    hidden.mkdir(parents=True)
    (hidden / "hidden.txt").write_text("hidden", encoding="utf-8")
    (hidden.parent / "sample_submission.csv").write_text(
        "row_id,series_id,step,event,score\n", encoding="utf-8"
    )
    entry(
        ws,
        "import os, kaggle_shim\nroot = kaggle_shim.find()\n"
        "print('rerun', os.environ.get('KAGGLE_IS_COMPETITION_RERUN'), (root / 'extra/hidden.txt').read_text(), (root / 'test_series.parquet').exists())\n"
        + WRITE,
    )
    assert "rerun 1 hidden True" in rehearse(ws, "--rerun")
    assert report(ws)["kind"] == "rerun"


def test_another_entry_point_for_this_once(ws: Path, rehearse: Rehearse) -> None:
    (ws / "codes/exp002.py").write_text(
        "import sys\nprint('second', sys.argv[1:])\n" + WRITE, encoding="utf-8"
    )
    assert "second ['--fast']" in rehearse(ws, "--entry", "exp002.py --fast")
    assert "exp001.py" in (ws / "invoke.yaml").read_text(encoding="utf-8")


def test_weights_in_the_making_serve_as_the_attached_model(ws: Path, rehearse: Rehearse) -> None:
    weights = ws / "data/working/models/exp001"
    weights.mkdir(parents=True)
    (weights / "model.bin").write_text("weights", encoding="utf-8")
    workspaces.edit_json(ws / "sub/kernel-metadata.json", model_sources=["you/cmi-models/pytorch/exp001/1"])
    entry(
        ws,
        "import kaggle_shim\nprint((kaggle_shim.find('you/cmi-models/pytorch/exp001') / 'model.bin').read_text())\n"
        + WRITE,
    )
    said = rehearse(ws)
    assert "weights" in said
    assert "hasn't been pushed yet" in said


def test_a_source_can_be_left_out_and_that_is_said(ws: Path, rehearse: Rehearse) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", dataset_sources=["you/cmi-codes", "other/features"])
    entry(
        ws,
        "import os, kaggle_shim\nprint('features', os.listdir(kaggle_shim.find('other/features')))\n" + WRITE,
    )
    said = rehearse(ws, code=2)
    assert "other/features" in said
    assert "data/datasets/other/features" in said
    said = rehearse(ws, "--without", "other/features")
    assert "features []" in said
    assert "empty folder" in said


@pytest.mark.parametrize(
    ("layout", "place"), [("namespaced", "notebooks/other/my-utils"), ("classic", "my_utils")]
)
def test_a_utility_script_lies_where_kaggle_mounts_it(
    ws: Path, rehearse: Rehearse, layout: str, place: str
) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", kernel_sources=["you/cmi-deps", "other/my-utils"])
    folder = ws / "data/notebooks/other/my-utils"
    folder.mkdir(parents=True)
    (folder / "my_utils.py").write_text("ANSWER = 42\n", encoding="utf-8")
    entry(
        ws,
        "import os, kaggle_shim, my_utils\nprint('UTILS', my_utils.ANSWER, kaggle_shim.find('other/my-utils'))\n"
        "print('INPUT', sorted(os.listdir('/kaggle/input')))\n" + WRITE,
    )
    said = rehearse(ws, "--layout", layout)
    assert f"UTILS 42 /kaggle/usr/lib/{place}" in said
    assert "my-utils" not in said.partition("INPUT")[2].partition("\n")[0]


def test_inline_codes_run_without_a_dataset(ws: Path, rehearse: Rehearse) -> None:
    (ws / "invoke.yaml").write_text("workspace:\n  entry: exp001.py\n  codes: inline\n", encoding="utf-8")
    entry(
        ws,
        "import os\nprint('inputs', sorted(os.listdir(os.environ.get('KAGGLE_SHIM_INPUT') or '/kaggle/input')))\n"
        + WRITE,
    )
    assert "inputs ['competitions', 'notebooks']" in rehearse(ws)
    assert json.loads((ws / "build/sub/kernel-metadata.json").read_text())["dataset_sources"] == []


def test_the_users_notebook_is_corrected_on_the_way_out_and_not_touched(ws: Path, rehearse: Rehearse) -> None:
    path = ws / "sub/sub.ipynb"
    value = json.loads(path.read_text())
    value["metadata"] = {"kernelspec": {"name": "my-env", "display_name": "mine"}}
    text = json.dumps(value)
    path.write_text(text)
    assert "the kernel 'my-env', which Kaggle lacks" in rehearse(ws)
    assert path.read_text() == text


def test_the_entry_point_runs_from_the_editor_too(ws: Path, image_python: Path, tmp_path: Path) -> None:
    entry(ws, "import kaggle_shim\nprint(kaggle_shim.find(), kaggle_shim.find('you/cmi-codes'))\n")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("KAGGLE_", "INVOKE_"))}
    done = subprocess.run(
        [image_python, ws / "codes/exp001.py"],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(Path(kaggle_shim.__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert str(ws / "data/competitions") in done.stdout
    assert str(ws / "codes") in done.stdout


BAD: list[tuple[str, str, int, list[str]]] = [
    (
        "codes/exp001.py",
        "raise RuntimeError('the column anglez is gone')\n",
        4,
        ["exp001.py failed", "anglez is gone"],
    ),
    (
        "codes/exp001.py",
        "import iterative_stratification\n",
        4,
        ["iterative_stratification", "requirements.txt"],
    ),
    ("codes/exp001.py", "print('nothing')\n", 4, ["submission.csv is missing"]),
    ("deps/requirements.txt", "no-such-package-of-anybody-4711\n", 4, ["no-such-package-of-anybody-4711"]),
    ("deps/requirements.txt", "omegaconf===\n", 2, ["omegaconf===", "not a requirement"]),
    (
        "deps/image.txt",
        "no-such-package-of-anybody-4711\n",
        2,
        ["no-such-package-of-anybody-4711", "image.txt"],
    ),
    ("invoke.yaml", "workspace:\n  entry: exp009.py\n", 2, ["exp009.py"]),
    ("sub/sub.ipynb", "{}", 2, ["sub.ipynb"]),
]


@pytest.mark.parametrize(("name", "text", "code", "words"), BAD)
def test_bad_input_is_one_sentence_with_the_thing_and_the_remedy(
    ws: Path, rehearse: Rehearse, name: str, text: str, code: int, words: list[str]
) -> None:
    (ws / name).write_text(text, encoding="utf-8")
    said = rehearse(ws, code=code)
    last = said[said.rindex("error: ") :]
    for word in words:
        assert word in last, said


def test_without_competition_data_the_sentence_says_how_to_get_it(
    template: Path, tmp_path: Path, rehearse: Rehearse
) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="titanic")
    said = rehearse(root, code=2)
    assert "invoke data" in said
    assert "data/competitions/titanic" in said


def test_the_default_start_submits_the_sample(template: Path, tmp_path: Path, rehearse: Rehearse) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="titanic")
    data = root / "data/competitions/titanic"
    data.mkdir(parents=True)
    (data / "gender_submission.csv").write_text("PassengerId,Survived\n892,0\n", encoding="utf-8")
    rehearse(root)
    assert (root / "build/rehearsal/working/submission.csv").read_text() == "PassengerId,Survived\n892,0\n"


def test_without_isolation_it_goes_on_and_says_so(ws: Path, rehearse: Rehearse) -> None:
    said = rehearse(ws, "--without-isolation")
    assert "sandbox is off" in said
    assert (ws / "build/rehearsal/working/submission.csv").is_file()
    assert "isolation" in rehearse(ws, "--require-isolation", "--without-isolation", code=2)


def test_an_interpreter_given_by_hand_is_the_image(ws: Path, rehearse: Rehearse, image_python: Path) -> None:
    assert "3." in rehearse(ws, "--python", str(image_python))
    assert "python" in rehearse(ws, "--python", str(ws / "nothing"), code=2)
