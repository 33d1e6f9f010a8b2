"""`kaggle_shim.run()` as a notebook calls it, on mounts as Kaggle lays them."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim import refs
from kaggle_shim.context import Context
from kaggle_shim.manifest import (
    CODES_MANIFEST,
    DEPS_MANIFEST,
    MODEL_MANIFEST,
    DepsManifest,
    FileEntry,
    Manifest,
    scan,
)
from kaggle_shim.plan import Input, Plan
from kaggle_shim.report import Report, image_identity
from tests.fake_notebook import GOOD, SHIM, Notebook, Ran
from tests.wheelhouse import make_sdist, make_wheel


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
        (("make", "-C", "solver", "run"), "made in solver"),
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
    makefile = plain.input / "datasets/me/cmi-codes/solver/Makefile"
    makefile.parent.mkdir()
    makefile.write_text(
        f"run:\n\t@echo made in $(notdir $(CURDIR))\n\t@echo id > {plain.working}/submission.csv\n"
    )
    plain.seal()
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
    assert "different content than was staged" in ran.report["failure"]
    assert "of yesterday" not in ran.text


def test_in_a_rerun_yesterdays_code_is_a_warning(plain: Notebook) -> None:
    other_codes(plain)
    ran = plain.run(KAGGLE_IS_COMPETITION_RERUN="1")
    assert ran.code == 0, ran.text
    assert any("different content" in warning for warning in ran.report["warnings"])


def weights(notebook: Notebook, **files: bytes) -> Path:
    """A model of ours with its manifest, as it was pushed."""
    ref = refs.ModelRef("me", "cmi-models", "PyTorch", "exp001", 1)
    folder = notebook.input / ref.mount(notebook.layout)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_bytes(content)
    manifest = Manifest("w", "titanic", scan(folder))
    (folder / MODEL_MANIFEST).write_text(manifest.dumps())
    one = Input(ref, "data", manifest.fingerprint)
    notebook.plan = replace(notebook.plan, inputs=(*notebook.plan.inputs, one))
    notebook.codes(exp001_py=GOOD)
    return folder


def test_weights_that_the_upload_cut_short_or_lost_fail_the_save_run_and_warn_in_a_rerun(
    notebook: Notebook,
) -> None:
    folder = weights(notebook, fold0_pt=b"12345", fold1_pt=b"1")
    (folder / "fold0.pt").write_bytes(b"123")
    ran = notebook.run()
    assert ran.code != 0
    assert "fold0.pt arrived with 3 of 5 bytes" in ran.report["failure"]
    (folder / "fold0.pt").unlink()
    assert "fold0.pt is missing in" in notebook.run().report["failure"]
    ran = notebook.run(KAGGLE_IS_COMPETITION_RERUN="1")
    assert ran.code == 0, ran.text
    assert any("fold0.pt is missing in" in warning for warning in ran.report["warnings"])


def test_the_output_of_another_version_fails_the_save_run_and_warns_in_a_rerun(plain: Notebook) -> None:
    ref = refs.NotebookRef("me", "cmi-train-s1-fold0", 2)
    folder = plain.input / ref.mount(plain.layout)
    folder.mkdir(parents=True)
    plain.plan = replace(plain.plan, inputs=(*plain.plan.inputs, Input(ref, "data", "a" * 64)))
    plain.codes(exp001_py=GOOD)
    report = folder / "run-report.json"
    report.write_text(json.dumps({"codes": {"fingerprint": "a" * 64}}), encoding="utf-8")
    assert plain.run().code == 0
    report.write_text(json.dumps({"codes": {"fingerprint": "b" * 64}}), encoding="utf-8")
    ran = plain.run()
    assert ran.code != 0
    assert "the codes of that run are bbbbbbbbbbbb, not aaaaaaaaaaaa" in ran.report["failure"]
    ran = plain.run(KAGGLE_IS_COMPETITION_RERUN="1")
    assert ran.code == 0, ran.text
    assert any("Kaggle attached another version" in warning for warning in ran.report["warnings"])


def test_data_that_kaggle_unpacked_or_renamed_is_a_warning(plain: Notebook) -> None:
    folder = weights(plain, features_zip=b"PK", tiny_whl=b"PK", **{"a_b=c": b"1"})
    (folder / "features.zip").unlink()
    (folder / "tiny.whl").unlink()
    (folder / "tiny.whl").mkdir()
    (folder / "a.b=c").rename(folder / "a.bc")
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert sum("is missing in" in warning for warning in ran.report["warnings"]) == 2
    assert any("tiny.whl arrived in" in warning for warning in ran.report["warnings"])


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
    assert plain.run(**no_gpu, KAGGLE_KERNEL_RUN_TYPE="Batch").report["kind"] == "save run"
    session = plain.run(**no_gpu, KAGGLE_KERNEL_RUN_TYPE="Interactive")
    assert (session.code, session.report["kind"]) == (0, "interactive session")
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


@pytest.mark.parametrize("partial", [None, "partial.csv"])
def test_an_entry_point_that_ends_well_when_the_guard_asks_keeps_its_submission(
    plain: Notebook, partial: str | None
) -> None:
    plain.codes(
        exp001_py="import os, signal, sys, time\n"
        "open('partial.csv', 'w').write('id,target\\n0,0\\n')\nos.utime('partial.csv', (1, 1))\n"
        "def stop(*_):\n    open('submission.csv', 'w').write('id,target\\n1,0\\n')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\ntime.sleep(600)\n"
    )
    plain.plan = replace(plain.plan, guard=2.0, grace=60.0, partial=partial)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert (ran.working / "submission.csv").read_text() == "id,target\n1,0\n"
    assert ran.report["guarded"] is True
    assert any("submission.csv is the submission" in warning for warning in ran.report["warnings"])


def test_a_place_that_can_not_be_written_is_named(plain: Notebook) -> None:
    plain.codes(exp001_py=GOOD)
    nowhere = plain.root / "a-file"
    nowhere.write_text("")
    ran = plain.run(KAGGLE_SHIM_TMP=str(nowhere))
    assert ran.code != 0
    assert ran.report["failure"].startswith("The working folders can't be created")
    assert str(nowhere) in ran.report["failure"]


def test_a_working_folder_that_is_not_there_is_made(plain: Notebook) -> None:
    plain.codes(exp001_py=GOOD)
    elsewhere = plain.root / "new/working"
    assert plain.run(KAGGLE_SHIM_WORKING=str(elsewhere)).code == 0
    assert (elsewhere / "submission.csv").is_file()


def test_a_word_of_a_command_may_be_longer_than_any_name(plain: Notebook) -> None:
    plain.codes(exp001_py=GOOD)
    plain.plan = replace(plain.plan, entry=("bash", "-c", "echo id > submission.csv # " + "long " * 100))
    ran = plain.run()
    assert ran.code == 0, ran.text


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


def test_a_run_is_told_to_be_light_and_the_report_says_so(plain: Notebook) -> None:
    plain.codes(exp001_py="import os\nprint('light', os.environ.get('KAGGLE_SHIM_LIGHT'))\n" + GOOD)
    assert "light None" in plain.run().text
    plain.plan = replace(plain.plan, light=True)
    ran = plain.run()
    assert "light 1" in ran.text
    assert ran.report["light"] is True


def test_a_gpu_that_is_there_is_named_and_counted(plain: Notebook, tmp_path: Path) -> None:
    plain.codes(exp001_py=GOOD)
    plain.plan = replace(plain.plan, accelerator="gpu")
    driver = tmp_path / "driver/nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\necho Tesla T4\necho Tesla T4\n")
    driver.chmod(0o755)
    ran = plain.run(PATH=f"{driver.parent}{os.pathsep}{os.environ['PATH']}")
    assert ran.code == 0, ran.text
    assert ran.report["gpus"] == ["Tesla T4", "Tesla T4"]


def test_the_image_is_named_by_what_kaggle_leaves_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git_commit").write_text("abc123\n")
    monkeypatch.setenv("KAGGLE_DOCKER_IMAGE", "gcr.example/python@sha256:12")
    assert image_identity(tmp_path) == {
        "git_commit": "abc123",
        "build_date": None,
        "docker_image": "gcr.example/python@sha256:12",
    }


def test_the_report_in_the_log_is_the_one_in_the_file(plain: Notebook) -> None:
    plain.competition()
    plain.codes(exp001_py="x = bytearray(60_000_000)\nimport time\ntime.sleep(0.6)\n" + GOOD)
    ran = plain.run()
    line = next(line for line in ran.text.splitlines() if line.startswith("kaggle_shim report: "))
    assert json.loads(line.removeprefix("kaggle_shim report: ")) == ran.report
    assert ran.report["peak_memory"] > 60_000_000
    assert ran.report["python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert set(ran.report["image"]) == {"git_commit", "build_date", "docker_image"}


def test_most_of_the_limit_used_is_a_warning_while_there_is_time(plain: Notebook) -> None:
    plain.codes(exp001_py="import time\ntime.sleep(1)\n" + GOOD)
    plain.plan = replace(plain.plan, limit=60.0, warn_share=0.01)
    ran = plain.run()
    assert ran.code == 0
    assert "1% of the limit of 1m has been used." in ran.report["warnings"]


def test_an_attached_dataset_of_wheels_is_installed(notebook: Notebook) -> None:
    wheels = notebook.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels"))
    make_wheel(wheels, "foo", "2.0")
    notebook.codes(exp001_py="import foo\nprint('foo', foo.VERSION)\n" + GOOD)
    ran = notebook.run()
    assert ran.code == 0, ran.text
    assert "foo 2.0" in ran.text
    assert ran.report["wheels"] == [["foo", "2.0"]]


def test_what_a_dataset_of_wheels_brought_is_imported_too_and_warns(plain: Notebook) -> None:
    wheels = plain.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels"))
    make_wheel(wheels, "gpu-thing", files={"gpu_thing.py": "raise OSError('libcuda.so.1 is missing')\n"})
    make_wheel(wheels, "allowed", files={"allowed.py": "raise OSError('on a TPU only')\n"})
    make_wheel(wheels, "top", requires=["below>=1", "gone; extra == 'all'"])
    make_wheel(wheels, "below", files={"below.py": "raise OSError('top alone knows when')\n"})
    plain.codes(exp001_py=GOOD)
    plain.plan = replace(plain.plan, allow=("Allowed",))
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert [warning for warning in ran.report["warnings"] if "import" in warning] == [
        (
            "gpu-thing is installed but `import gpu_thing` fails: OSError: libcuda.so.1 is missing. "
            "It came with a dataset of wheels: if the entry point needs it, it will fail."
        )
    ]


def test_what_the_requirements_name_stays_the_verdict_beside_a_dataset_of_wheels(plain: Notebook) -> None:
    broken = {"foo.py": "raise OSError('undefined symbol')\n"}
    make_wheel(deps_output(plain, "foo-1.0-py3-none-any.whl"), "foo", files=broken)
    make_wheel(plain.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels")), "bar", requires=["foo"])
    plain.codes(exp001_py=GOOD)
    ran = plain.run()
    assert ran.code != 0
    assert ran.report["failure"].startswith(
        "foo is installed but `import foo` fails: OSError: undefined symbol. Ask for another version"
    )


def deps_output(notebook: Notebook, *listed: str) -> Path:
    folder = notebook.attach(Input(refs.NotebookRef("me", "cmi-deps"), "wheels", "f" * 64))
    wheels = tuple(FileEntry(name, 1, "0" * 64) for name in listed)
    manifest = DepsManifest("w", "f" * 64, "cp311", "linux_x86_64", {}, "test", ("foo",), (), wheels)
    (folder / DEPS_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    return folder


@pytest.mark.parametrize("rerun", [False, True])
def test_a_listed_wheel_that_did_not_arrive_fails_the_notebook(plain: Notebook, rerun: bool) -> None:
    make_wheel(deps_output(plain, "foo-2.0-py3-none-any.whl", "bar_baz-1.0-py3-none-any.whl"), "foo", "2.0")
    plain.codes(exp001_py=GOOD)
    ran = plain.run(**({"KAGGLE_IS_COMPETITION_RERUN": "1"} if rerun else {}))
    assert ran.code != 0
    assert "bar_baz-1.0-py3-none-any.whl is listed" in ran.report["failure"]


def test_what_the_image_of_the_wheels_had_and_this_one_lacks_fails_the_save_run(plain: Notebook) -> None:
    deps_output(plain)
    plain.codes(exp001_py=GOOD)
    ran = plain.run()
    assert ran.code != 0
    assert "foo is neither among the wheels nor in the image" in ran.report["failure"]


def test_wheels_that_moved_into_a_folder_are_the_listed_ones(plain: Notebook) -> None:
    folder = deps_output(plain, "foo-2.0-py3-none-any.whl")
    make_wheel(folder / "wheels", "foo", "2.0")
    plain.codes(exp001_py="import foo\nprint('foo', foo.VERSION)\n" + GOOD)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert "foo 2.0" in ran.text


def test_an_evaluation_package_that_nobody_asked_for_is_proposed_and_on_the_path(plain: Notebook) -> None:
    package = plain.competition() / "kaggle_evaluation"
    package.mkdir()
    (package / "__init__.py").write_text("HERE = True\n")
    plain.codes(exp001_py="import kaggle_evaluation\nprint('package', kaggle_evaluation.HERE)\n" + GOOD)
    ran = plain.run()
    assert "package True" in ran.text
    assert any("set workspace.output to gateway" in warning for warning in ran.report["warnings"])
    plain.plan = replace(plain.plan, output="gateway")
    ran = plain.run()
    assert ran.report["gateway"]["package"] == str(package)
    assert not any("workspace.output" in warning for warning in ran.report["warnings"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process could answer")
def test_a_notebook_that_is_ended_ends_the_entry_point_and_still_reports(plain: Notebook) -> None:
    plain.codes(
        exp001_py="import os, pathlib, signal, sys, time\n"
        "def stop(*_):\n    pathlib.Path('stopped').touch()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\npathlib.Path('ready').touch()\ntime.sleep(600)\n"
    )
    with plain.start() as child:
        until = time.monotonic() + 60
        while not (plain.working / "ready").exists():
            assert child.poll() is None, "it ended before its entry point started"
            assert time.monotonic() < until, "its entry point did not start within 60 s"
            time.sleep(0.02)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 128 + signal.SIGTERM
    assert (plain.working / "stopped").exists()
    assert "failure" in json.loads((plain.working / "run-report.json").read_text())


def test_a_report_that_can_not_be_written_does_not_hide_the_failure(plain: Notebook) -> None:
    plain.codes(exp001_py="raise SystemExit('the reason')\n")
    (plain.working / ".run-report.json.tmp").mkdir()
    ran = plain.run()
    assert ran.code != 0
    assert "the reason" in ran.text
    assert "the run report can't be written" in ran.text


def failed(ran: Ran, said: str) -> None:
    """The run failed, and its last word is one sentence of ours, which the report holds too."""
    assert ran.code != 0
    sentence = ran.text.rstrip().splitlines()[-1].partition(": ")
    assert sentence[0] == "kaggle_shim.errors.EntryPointError"
    assert said in sentence[2]
    assert ran.report["failure"] == sentence[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entry": ("exp\0.py",)}, "'exp\\x00.py' is not in the codes"),
        ({"entry": ("bash", "run.sh", "a\0b")}, "can't be started (embedded null byte)"),
        ({"entry": ("-m", "exp\0")}, "is not in the codes"),
        ({"entry": (f"{'x' * 300}.py",)}, "xx.py is not in the codes"),
        ({"entry": (f"./{'x' * 300}",)}, "is not in the codes"),
        ({"entry": ("-m", "x" * 300)}, "is not in the codes"),
        ({"environment": (("A", "b\0"),)}, "can't be started (embedded null byte)"),
        ({"environment": (("A=", "b"),)}, "can't be started (illegal environment variable name)"),
    ],
)
def test_an_entry_point_that_no_system_takes_is_one_sentence(
    plain: Notebook, change: dict[str, Any], said: str
) -> None:
    plain.codes(exp001_py=GOOD, run_sh="true\n")
    plain.plan = replace(plain.plan, **change)
    failed(plain.run(), said)


def test_a_competition_that_vanishes_while_the_entry_point_runs_is_a_warning(plain: Notebook) -> None:
    folder = plain.competition()
    plain.codes(exp001_py=f"import shutil\nshutil.rmtree({str(folder)!r})\n" + GOOD)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert ran.report["submission"]["rows"] == 1
    [warning] = ran.report["warnings"]
    assert warning.startswith(f"The competition's sample can't be read in {folder} (")


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
@pytest.mark.parametrize("rerun", ["", "1"])
@pytest.mark.parametrize("damaged", [False, True])
def test_a_disk_that_fills_up_while_the_codes_are_copied_is_one_sentence(
    plain: Notebook, tmp_path: Path, rerun: str, damaged: bool
) -> None:
    """The limit of a file's size stands for the disk's: both are errors of the write."""
    folder = plain.codes(exp001_py=GOOD, a_py="")
    (folder / "blob").write_bytes(bytes(1 << 20))
    plain.seal()
    if damaged:
        # Then a rerun copies the codes as they are.
        (folder / "a.py").write_text("x = 1\n", encoding="utf-8")
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -f 100\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    limited.chmod(0o755)
    ran = plain.run(str(limited), KAGGLE_IS_COMPETITION_RERUN=rerun)
    failed(ran, f"The codes can't be copied from {folder} to ")
    assert "(File too large)" in ran.report["failure"]


def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, rerun: bool) -> Context:
    monkeypatch.setenv("KAGGLE_SHIM_TMP", str(tmp_path))
    monkeypatch.setenv("KAGGLE_IS_COMPETITION_RERUN", "1" if rerun else "")
    return Context(Plan("sub", "me/sub", "w", None, "test"), Report({}), tmp_path)


def test_whatever_goes_wrong_after_the_entry_point_is_a_warning_in_a_rerun_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = context(tmp_path, monkeypatch, rerun=True)
    with run.forgiving("Looking failed"):
        int("no number")
    assert run.report.warnings[0].startswith("Looking failed: invalid literal")
    run = context(tmp_path, monkeypatch, rerun=False)
    with pytest.raises(ValueError, match="invalid literal"), run.forgiving("Looking failed"):
        int("no number")


@pytest.mark.parametrize("place", ["notebooks/me/my-utils", "notebooks/me/my_utils", "my_utils"])
def test_a_utility_script_is_found_and_imported_from_where_kaggle_mounts_it(
    plain: Notebook, place: str
) -> None:
    folder = plain.input.parent / "usr/lib" / place
    folder.mkdir(parents=True)
    (folder / "my_utils.py").write_text("ANSWER = 42\n")
    ref = refs.NotebookRef("me", "my-utils")
    plain.plan = replace(plain.plan, inputs=(*plain.plan.inputs, Input(ref, "data")))
    plain.codes(
        exp001_py="import kaggle_shim, my_utils\nprint('UTILS', my_utils.ANSWER, kaggle_shim.find('me/my-utils'))\n"
        + GOOD
    )
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert f"UTILS 42 {folder}" in ran.text


def test_the_codes_own_module_wins_over_a_utility_script_of_that_name(plain: Notebook) -> None:
    folder = plain.input.parent / "usr/lib/notebooks/me/helpers"
    folder.mkdir(parents=True)
    (folder / "helpers.py").write_text("WHOSE = 'script'\n")
    plain.plan = replace(plain.plan, inputs=(Input(refs.NotebookRef("me", "helpers"), "data"),))
    plain.codes(
        exp001_py="import helpers\nprint('WHOSE', helpers.WHOSE)\n" + GOOD, helpers_py="WHOSE = 'codes'\n"
    )
    assert "WHOSE codes" in plain.run().text


def test_of_two_versions_in_a_dataset_of_wheels_the_newest_is_installed_and_that_is_said(
    plain: Notebook,
) -> None:
    folder = plain.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels"))
    for version in ("1.9", "1.10"):
        make_wheel(folder, "foo", version)
    plain.codes(exp001_py="import foo\nprint('GOT', foo.VERSION)\n" + GOOD)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert "GOT 1.10" in ran.text
    assert sum("foo is attached 2 times" in warning for warning in ran.report["warnings"]) == 1


def test_the_wheel_notebooks_version_wins_over_a_newer_one_in_a_dataset(plain: Notebook) -> None:
    ours = plain.attach(Input(refs.NotebookRef("me", "cmi-deps"), "wheels"))
    manifest = DepsManifest("w", "f", "cp3", "linux", {}, "1", ("foo",), (), ())
    (ours / DEPS_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    make_wheel(ours, "foo", "1.0")
    make_wheel(plain.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels")), "foo", "2.0")
    plain.codes(exp001_py="import foo\nprint('GOT', foo.VERSION)\n" + GOOD)
    ran = plain.run()
    assert "GOT 1.0" in ran.text
    assert any("foo 2.0" in warning for warning in ran.report["warnings"])


def test_a_dataset_of_wheels_that_brings_none_is_named(plain: Notebook) -> None:
    sdist = make_sdist(plain.attach(Input(refs.DatasetRef("a", "sources"), "wheels")), "zzfoo")
    empty = plain.attach(Input(refs.DatasetRef("b", "nothing"), "wheels"))
    plain.codes(exp001_py=GOOD)
    ran = plain.run()
    assert ran.code == 0, ran.text
    assert any(str(sdist) in warning and "deps/wheels" in warning for warning in ran.report["warnings"])
    assert any(str(empty) in warning and "holds no wheel" in warning for warning in ran.report["warnings"])


def test_a_dataset_whose_wheels_are_older_or_packed_is_not_called_empty(
    plain: Notebook, tmp_path: Path
) -> None:
    for owner, version in (("a", "2.0"), ("b", "1.0")):
        make_wheel(plain.attach(Input(refs.DatasetRef(owner, f"wheels-{owner}"), "wheels")), "foo", version)
    packed = plain.attach(Input(refs.DatasetRef("c", "packed"), "wheels"))
    with tarfile.open(packed / "wheels.tar", "w") as tar:
        tar.add(make_wheel(tmp_path / "made", "bar"), "bar-1.0-py3-none-any.whl")
    plain.codes(exp001_py="import bar, foo\nprint('GOT', foo.VERSION, bar.VERSION)\n" + GOOD)
    ran = plain.run()
    assert "GOT 2.0 1.0" in ran.text
    assert not any("holds no wheel" in warning for warning in ran.report["warnings"])
