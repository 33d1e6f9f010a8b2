"""`kaggle_shim.run()` as a notebook calls it, on mounts as Kaggle lays them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim import refs
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from kaggle_shim.plan import Input, Plan
from tests.workspaces import ROOT

SHIM = ROOT / "template" / "shim"
GOOD = "import pathlib\npathlib.Path('submission.csv').write_text('id,target\\n1,0\\n')\n"


@dataclass(frozen=True)
class Ran:
    """A finished run: exit code, what was printed, the report, the working folder."""

    code: int
    text: str
    report: dict[str, Any]
    working: Path


class Notebook:
    """A fake of what surrounds a running notebook: mounts, plan, working folder."""

    def __init__(self, root: Path, layout: str) -> None:
        self.root = root
        self.layout = layout
        self.input = root / "input"
        self.working = root / "working"
        self.working.mkdir(parents=True)
        self.plan = Plan(
            role="sub",
            notebook="me/cmi-sub",
            workspace="w",
            competition="titanic",
            template="test",
            entry=("exp001.py",),
            limit=60.0,
        )

    def attach(self, one: Input) -> Path:
        folder = self.input / one.ref.mount(self.layout)
        folder.mkdir(parents=True)
        self.plan = replace(self.plan, inputs=(*self.plan.inputs, one))
        return folder

    def codes(self, **files: str) -> Path:
        ref = refs.DatasetRef("me", "cmi-codes")
        folder = self.input / ref.mount(self.layout)
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_py", ".py").replace("_sh", ".sh")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        manifest = Manifest("w", "titanic", scan(folder))
        (folder / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        self.plan = replace(self.plan, inputs=(*self.plan.inputs, Input(ref, "codes", manifest.fingerprint)))
        return folder

    def competition(self, sample: str = "id,target\n1,0\n") -> Path:
        folder = self.attach(Input(refs.CompetitionRef("titanic"), "data"))
        (folder / "sample_submission.csv").write_text(sample, encoding="utf-8")
        return folder

    def run(self, **environment: str) -> Ran:
        plan = self.root / "plan.json"
        plan.write_text(self.plan.dumps(), encoding="utf-8")
        scratch = self.root / "tmp"
        scratch.mkdir(exist_ok=True)
        variables = {
            "KAGGLE_SHIM_PLAN": str(plan),
            "KAGGLE_SHIM_INPUT": str(self.input),
            "KAGGLE_SHIM_WORKING": str(self.working),
            "KAGGLE_SHIM_TMP": str(scratch),
            "PYTHONPATH": str(SHIM),
        }
        base = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
        done = subprocess.run(
            [sys.executable, "-c", "import kaggle_shim; kaggle_shim.run()"],
            env={**base, **variables, **environment},
            cwd=self.working,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        report = self.working / "run-report.json"
        return Ran(
            done.returncode,
            done.stdout + done.stderr,
            json.loads(report.read_text()) if report.exists() else {},
            self.working,
        )


@pytest.fixture(params=refs.LAYOUTS)
def notebook(tmp_path: Path, request: pytest.FixtureRequest) -> Notebook:
    return Notebook(tmp_path, request.param)


@pytest.fixture
def plain(tmp_path: Path) -> Notebook:
    return Notebook(tmp_path, "namespaced")


def test_a_good_run_leaves_submission_and_report(notebook: Notebook) -> None:
    notebook.competition()
    notebook.codes(exp001_py=GOOD)
    ran = notebook.run()
    assert ran.code == 0, ran.text
    assert (ran.working / "submission.csv").is_file()
    assert ran.report["submission"]["rows"] == 1
    assert ran.report["exit_code"] == 0
    assert set(ran.report["phases"]) == {"mounts", "codes", "wheels", "entry", "submission"}
    assert ran.report["codes"]["fingerprint"] == notebook.plan.inputs[1].fingerprint
    assert "kaggle_shim report: {" in ran.text


def test_find_gives_what_is_mounted_inside_the_entry_point(notebook: Notebook) -> None:
    folder = notebook.competition()
    notebook.codes(
        exp001_py="import kaggle_shim\nprint('FOUND', kaggle_shim.find('titanic'), kaggle_shim.find())\n"
        + GOOD
    )
    assert f"FOUND {folder} {folder}" in notebook.run().text


def test_packages_of_the_codes_can_be_imported_and_pythonpath_is_kept(plain: Notebook) -> None:
    plain.codes(
        exp001_py="import os, solution.net\nprint(solution.net.LAYERS, os.environ['PYTHONPATH'].endswith('/kept'))\n"
        + GOOD,
        solution__net_py="LAYERS = 3\n",
    )
    ran = plain.run(PYTHONPATH=f"{SHIM}{os.pathsep}/kept")
    assert "3 True" in ran.text


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (("-m", "solution.infer", "--fast"), "infer ['--fast']"),
        (("bash", "run.sh", "x"), "shell x"),
        (("exp001.py", "--n", "2"), "script ['--n', '2']"),
    ],
)
def test_scripts_modules_and_commands_are_entry_points(
    plain: Notebook, entry: tuple[str, ...], expected: str
) -> None:
    plain.codes(
        exp001_py="import sys\nprint('script', sys.argv[1:])\n" + GOOD,
        solution__infer_py="import sys\nprint('infer', sys.argv[1:])\n" + GOOD,
        run_sh='echo "shell $1"\necho id > submission.csv\n',
    )
    plain.plan = replace(plain.plan, entry=entry)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert expected in ran.text


def test_the_codes_can_build_beside_themselves(plain: Notebook) -> None:
    folder = plain.codes(
        exp001_py="import os\nopen(os.path.join(os.environ['KAGGLE_SHIM_CODES'], 'built'), 'w').close()\n"
        + GOOD
    )
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert not (folder / "built").exists()


def test_offline_variables_are_set_and_the_users_own_win(plain: Notebook) -> None:
    plain.codes(
        exp001_py="import os\nprint(os.environ['HF_HUB_OFFLINE'], os.environ['WANDB_MODE'], os.environ['MINE'])\n"
        + GOOD
    )
    plain.plan = replace(plain.plan, environment=(("WANDB_MODE", "disabled"), ("MINE", "yes")))
    assert "1 disabled yes" in plain.run().text


@pytest.mark.parametrize("rerun", [False, True])
def test_a_failing_entry_point_fails_the_notebook_with_its_last_lines(plain: Notebook, rerun: bool) -> None:
    plain.codes(exp001_py="raise ValueError('no such column: anglez')\n")
    ran = plain.run(**({"KAGGLE_IS_COMPETITION_RERUN": "1"} if rerun else {}))
    assert ran.code != 0
    assert "no such column: anglez" in ran.report["failure"]
    assert "exit code 1" in ran.report["failure"]


@pytest.mark.parametrize("rerun", [False, True])
def test_a_missing_input_fails_the_notebook(plain: Notebook, rerun: bool) -> None:
    plain.codes(exp001_py=GOOD)
    plain.plan = replace(
        plain.plan, inputs=(*plain.plan.inputs, Input(refs.DatasetRef("me", "weights"), "data"))
    )
    ran = plain.run(**({"KAGGLE_IS_COMPETITION_RERUN": "1"} if rerun else {}))
    assert ran.code != 0
    assert "me/weights" in ran.report["failure"]
    assert "exit_code" not in ran.report


def other_codes(notebook: Notebook) -> None:
    folder = notebook.codes(exp001_py=GOOD)
    (folder / "exp001.py").write_text("print('of yesterday')\n" + GOOD)
    (folder / CODES_MANIFEST).write_text(Manifest("w", "titanic", scan(folder, (CODES_MANIFEST,))).dumps())


def test_yesterdays_code_fails_the_save_run_before_it_starts(plain: Notebook) -> None:
    other_codes(plain)
    ran = plain.run()
    assert ran.code != 0
    assert "other content than was staged" in ran.report["failure"]
    assert "of yesterday" not in ran.text


def test_in_a_rerun_yesterdays_code_is_a_warning(plain: Notebook) -> None:
    other_codes(plain)
    ran = plain.run(KAGGLE_IS_COMPETITION_RERUN="1")
    assert ran.code == 0, ran.text
    assert any("other content" in warning for warning in ran.report["warnings"])


def test_wrong_columns_stop_a_save_run_and_warn_in_a_rerun(plain: Notebook) -> None:
    plain.competition("id,prediction\n1,0\n")
    plain.codes(exp001_py=GOOD)
    ran = plain.run()
    assert ran.code != 0
    assert "lacks prediction" in ran.report["failure"]
    assert plain.run(KAGGLE_IS_COMPETITION_RERUN="1").code == 0


def test_no_submission_stops_a_save_run_and_names_what_is_there(plain: Notebook) -> None:
    plain.codes(exp001_py="open('sub.csv', 'w').write('id')\n")
    ran = plain.run()
    assert ran.code != 0
    assert "sub.csv" in ran.report["failure"]


def test_a_gpu_that_is_asked_for_and_absent_fails_a_save_run_only(plain: Notebook) -> None:
    plain.codes(exp001_py=GOOD)
    plain.plan = replace(plain.plan, accelerator="gpu")
    no_gpu = {"PATH": str(Path(sys.executable).parent)}
    assert "asks for a GPU" in plain.run(**no_gpu).report["failure"]
    assert plain.run(**no_gpu, KAGGLE_SHIM_REHEARSAL="1").code == 0
    assert plain.run(**no_gpu, KAGGLE_IS_COMPETITION_RERUN="1").code == 0


def test_a_partial_file_becomes_the_submission_when_the_guard_ends_the_run(plain: Notebook) -> None:
    plain.codes(
        exp001_py="import time\nopen('partial.csv', 'w').write('id,target\\n1,0\\n')\ntime.sleep(600)\n"
    )
    plain.plan = replace(plain.plan, guard=3.0, grace=0.2, partial="partial.csv")
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert (ran.working / "submission.csv").read_text() == "id,target\n1,0\n"
    assert any("guard time" in warning for warning in ran.report["warnings"])


def test_the_guard_without_a_partial_file_fails_the_notebook(plain: Notebook) -> None:
    plain.codes(exp001_py="import time\ntime.sleep(600)\n")
    plain.plan = replace(plain.plan, guard=2.0, grace=0.2)
    assert "guard time of 2s" in plain.run().report["failure"]


def test_the_environment_is_never_printed_or_reported(plain: Notebook) -> None:
    plain.codes(exp001_py="raise SystemExit(1)\n")
    ran = plain.run(KAGGLE_USER_SECRETS_TOKEN="canary-7f3a")
    assert "canary-7f3a" not in ran.text
    assert "canary-7f3a" not in json.dumps(ran.report)


def test_without_a_plan_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    base = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
    done = subprocess.run(
        [sys.executable, "-c", "import kaggle_shim; kaggle_shim.run()"],
        env={**base, "PYTHONPATH": str(SHIM)},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode != 0
    assert "invoke rehearse" in done.stderr
