"""Every subcommand of the official command and every function of kagglehub is called once, and answers as it should.

The command's own `main` runs once for each line, all in one process: starting it takes longer than what it does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.kaggle_server.actions import NOTEBOOK, save
from tests.local_kaggle import Behaviour, LocalKaggle, ScriptedRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kaggle_server.conftest import Script, Sdk
    from tests.local_kaggle import RunOrder

VARIATION = "tester/cup-models/pyTorch/exp001"
NOT_HERE = "The local Kaggle has no "
BROKEN = "got an unexpected keyword argument 'csv_display'"
"""Commands of kaggle 2.2.5 that fail before they call anybody."""
COMMANDS = f"""
competitions list -s cup --sort-by latestDeadline => https://www.kaggle.com/competitions/cup
competitions list --group entered => No competitions found
competitions files cup --page-size 1 => Next Page Token = ZnJvbTox
competitions files cup --page-token ZnJvbTox -v => train/a.csv,3,
competitions download cup -p got => Downloading cup.zip to got
competitions download cup -f "a+b c.csv" -p got => Downloading a%2Bb%20c.csv to got
competitions submit cup -f up/a.csv -m hello => Successfully submitted to The cup
competitions submissions cup => SubmissionStatus.COMPLETE  1.00000
competitions submission-limits cup => Remaining today: 4
competitions leaderboard cup --show -v => ,tester,
competitions leaderboard cup --download -p board => Downloading cup.zip to board
competitions team-submissions 1003 -v => 1.00000
competitions episodes 1 => {NOT_HERE}
competitions replay 1 => {NOT_HERE}
competitions logs 1 0 => {NOT_HERE}
competitions pages cup list => No competition specified
competitions pages list -c cup => {NOT_HERE}
competitions pages cup create cup --page-name rules -f up/a.csv => {BROKEN}
competitions pages cup update cup --page-name rules -f up/a.csv => {BROKEN}
competitions pages cup delete cup --page-name rules --yes => {BROKEN}
competitions hosts cup => {NOT_HERE}
competitions host-add cup -u somebody -y => {NOT_HERE}
competitions submission 1 =>
competitions submission-download 1 -p got => Submission not found
benchmarks quota => {NOT_HERE}
search cup => {NOT_HERE}
competitions data update cup -p hosted -m notes => {NOT_HERE}
competitions settings get cup => {NOT_HERE}
competitions settings update cup -f settings.json => {NOT_HERE}
competitions solution create cup -p up/a.csv => {NOT_HERE}
competitions solution status cup => {NOT_HERE}
competitions launch cup => {NOT_HERE}
competitions init new => Competition metadata template written to
competitions create -p hosted => {NOT_HERE}
competitions topics list cup => {NOT_HERE}
competitions topics show 1 => {NOT_HERE}
competitions topic-messages cup 1 => {NOT_HERE}
datasets init -p new => Data package template written to: new/dataset-metadata.json
datasets create -p up -r zip => Your private Dataset is being created.
datasets create -p up -r zip => Dataset creation error: The requested slug "my-data" is already in use
datasets status tester/my-data --format json => {{"status": "ready", "current_version_number": 1}}
datasets version -p up -m second -r tar => Dataset version is being created.
datasets status tester/my-data --format json => {{"status": "ready", "current_version_number": 2}}
datasets list --mine --file-type csv --license cc --tags tabular --min-size 1 --max-size 99 -v => tester/my-data,My data
datasets list --mine --file-type parquet => No datasets found
datasets list --user tester => No datasets found
datasets files tester/my-data -v => sub/b.txt,1,
datasets files tester/nothing => Permission 'datasets.get' was denied
datasets download tester/my-data -p got --unzip => License(s): CC0-1.0
datasets download tester/my-data -f sub/b.txt -p one => Downloading b.txt to one
datasets metadata tester/my-data -p meta => Downloaded metadata to meta/dataset-metadata.json
datasets metadata tester/my-data -p meta --update => successfully updated dataset metadata
datasets topics list tester/my-data => {NOT_HERE}
kernels init -p new => Kernel metadata template written to: new/kernel-metadata.json
kernels push -p ker => could not be added to the kernel: ['somebody/elses-data']
kernels logs tester/my-sub -f => played
kernels logs tester/my-sub => "data":"played
kernels status tester/my-sub => KernelWorkerStatus.COMPLETE
kernels files tester/my-sub -v => submission.csv,14,
kernels output tester/my-sub -p out => Output file downloaded to out/submission.csv
kernels list --mine --language python --kernel-type notebook --sort-by dateRun -v => tester/my-sub,My sub,tester,
kernels list --dataset tester/my-data -m -s SUB -v => tester/my-sub
kernels list --language r -m => Not found
kernels pull tester/my-sub/1 -p pulled -m => Source code and metadata downloaded to pulled
kernels topics list tester/my-sub => {NOT_HERE}
competitions submit cup -k tester/my-sub -v 1 -f submission.csv -m code => This competition takes files, not Notebooks.
models init -p new => Model template written to: new/model-metadata.json
models create -p mod => Your model was created. Id=
models create -p mod => The slug "cup-models" is already used by another model.
models list --owner tester --sort-by createTime -s cup -v => tester/cup-models
models get tester/cup-models => "title": "Cup models"
models update -p mod => Your model was updated. Id=
models instances init -p new => Model Instance template written to: new/model-instance-metadata.json
models instances create -p var => Your model instance was created. Id=
models instances get {VARIATION} => "framework": "MODEL_FRAMEWORK_PY_TORCH"
models instances list tester/cup-models -v => {"1"}
models instances files {VARIATION} -v => w.bin,5B,
models instances update -p var => Your model instance was updated. Id=
models instances versions create -p var {VARIATION} -n two => Your model instance version was created. Url=http://localhost/models/tester/cup-models/pytorch/exp001
models instances versions list {VARIATION} -v => 2,exp001,Cup models,True
models instances versions files {VARIATION}/2 -v => w.bin,5,
models instances versions download {VARIATION}/2 -p got --untar => Downloading cup-models.tar.gz to got
models instances versions delete {VARIATION}/2 -y => The model instance version was deleted.
models topics list tester/cup-models => {NOT_HERE}
models instances delete {VARIATION} -y => The model instance was deleted.
models delete tester/cup-models -y => The model was deleted.
files upload up/a.csv -i inbox => {NOT_HERE}
forums list => {NOT_HERE}
forums topics list => {NOT_HERE}
benchmarks leaderboard owner/bench --show => {NOT_HERE}
benchmarks auth -y => {NOT_HERE}
benchmarks init -y => {NOT_HERE}
benchmarks topics list owner/bench => {NOT_HERE}
benchmarks tasks push my-task -f task.py => {NOT_HERE}
benchmarks tasks run my-task -m model => {NOT_HERE}
benchmarks tasks list => {NOT_HERE}
benchmarks tasks status my-task => {NOT_HERE}
benchmarks tasks download my-task => {NOT_HERE}
benchmarks tasks log my-task -m model => {NOT_HERE}
benchmarks tasks models => {NOT_HERE}
benchmarks tasks publish my-task => {NOT_HERE}
benchmarks tasks delete my-task -y => Delete is not supported by the server yet.
config view => - username: tester
config set -n competition -v cup => - competition is now set to: cup
config unset -n competition => competition
auth login --no-launch-browser => You are now logged in as [tester]
auth print-access-token =>
auth revoke =>
quota => 30.00h
kernels delete tester/my-sub -y => Kernel tester/my-sub deleted successfully
datasets delete tester/my-data -y => Dataset "tester/my-data" deleted successfully.
"""  # noqa: S608  # commands, no SQL

DRIVER = '''
import argparse, contextlib, io, json, re, shlex, sys, traceback
import requests

offered, called, told = set(), set(), []
set_defaults, parse_args = argparse.ArgumentParser.set_defaults, argparse.ArgumentParser.parse_args
def watch_offer(parser, **values):
    if "func" in values:
        offered.add(values["func"].__name__)
    set_defaults(parser, **values)
def watch_call(parser):
    found = parse_args(parser)
    called.add(found.func.__name__)
    return found
argparse.ArgumentParser.set_defaults, argparse.ArgumentParser.parse_args = watch_offer, watch_call
import kaggle.cli

class Browser:
    """Opens the last address that was printed, as `kaggle auth login` asks for, and types the code that it shows."""
    def readline(self):
        return requests.get(re.findall("http://[^ \\n]+", printed.getvalue())[-1], timeout=5).text + "\\n"

for line in json.load(sys.stdin):
    printed = io.StringIO()
    sys.argv = ["kaggle", *shlex.split(line)]
    sys.stdin = Browser()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            kaggle.cli.main()
        except SystemExit:
            pass
        except BaseException:
            traceback.print_exc()
    told.append(printed.getvalue())
print(json.dumps({"offered": sorted(offered), "called": sorted(called), "told": told}))
'''


@pytest.fixture
def kaggle(tmp_path: Path) -> Iterator[LocalKaggle]:
    behaviour = Behaviour(processing_seconds=0.0, model_processing_seconds=0.0)
    with LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner(), behaviour=behaviour) as server:
        server.add_competition(
            "cup",
            metric="accuracy",
            code_competition=False,
            title="The cup",
            public={"a+b c.csv": "id\n1", "train/a.csv": "id\n"},
            solution="id,x\n1,2\n",
        )
        yield server


def write(folder: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    model = {"ownerSlug": "tester", "modelSlug": "cup-models", "framework": "pyTorch", "licenseName": "MIT"}
    write(
        tmp_path,
        {
            "up/a.csv": "id,x\n1,2\n",
            "up/sub/b.txt": "b",
            "up/dataset-metadata.json": {
                "id": "tester/my-data",
                "title": "My data",
                "licenses": [{"name": "CC0-1.0"}],
                "keywords": ["tabular"],
            },
            "ker/nb.ipynb": NOTEBOOK,
            "ker/kernel-metadata.json": {
                "id": "tester/my-sub",
                "title": "My sub",
                "code_file": "nb.ipynb",
                "language": "python",
                "kernel_type": "notebook",
                "dataset_sources": ["tester/my-data", "somebody/elses-data"],
            },
            "mod/model-metadata.json": {
                "ownerSlug": "tester",
                "slug": "cup-models",
                "title": "Cup models",
                "isPrivate": True,
                "description": "",
            },
            "var/w.bin": "12345",
            "var/model-instance-metadata.json": {**model, "instanceSlug": "exp001", "overview": "o"},
            "new/x.txt": "",
            "meta/x.txt": "",
            "hosted/x.csv": "1",
            "hosted/competition-metadata.json": {
                "title": "Mine",
                "slug": "mine",
                "briefDescription": "d",
                "privacy": "private",
            },
            "settings.json": {"title": "x"},
            "task.py": "@task\ndef my_task(llm): ...\n",
        },
    )
    return tmp_path


def test_every_command_of_the_official_client_answers(kaggle: LocalKaggle, filled: Path) -> None:
    lines = [line.partition(" =>")[::2] for line in COMMANDS.strip().splitlines()]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps([line for line, _ in lines]),
        env=kaggle.environment(),
        cwd=filled,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)

    wrong = [
        f"kaggle {line}: {told}"
        for (line, wanted), told in zip(lines, answer["told"], strict=True)
        if wanted.strip() not in told
    ]
    assert not wrong, "\n".join(wrong)
    assert answer["called"] == answer["offered"]
    assert {request.status for request in kaggle.requests()} <= {200, 302, 400, 403, 404, 501}


HUB = f"""
    import getpass, pathlib
    import kagglehub
    from kagglehub import KaggleDatasetAdapter
    from kagglehub.exceptions import KaggleApiHTTPError

    def refused(call, *given, **named):
        try:
            call(*given, **named)
        except KaggleApiHTTPError as error:
            return error.response.status_code, str(error)
        raise AssertionError("not refused")

    def text(folder, name):
        return (pathlib.Path(folder) / name).read_text()

    assert kagglehub.whoami() == {{"username": "tester"}}
    getpass.getpass = lambda prompt: kagglehub.config.get_kaggle_credentials().api_key
    kagglehub.login()

    kagglehub.dataset_upload("tester/hub-data", "up", version_notes="one", ignore_patterns="*.txt")
    kagglehub.dataset_upload("tester/hub-data", "up", version_notes="two")
    assert text(kagglehub.dataset_download("tester/hub-data"), "sub/b.txt") == "b"
    assert not (pathlib.Path(kagglehub.dataset_download("tester/hub-data/versions/1")) / "sub").exists()
    assert pathlib.Path(kagglehub.dataset_download("tester/hub-data", path="a.csv")).read_text() == "id,x\\n1,2\\n"
    assert text(kagglehub.dataset_download("tester/hub-data", output_dir="here", force_download=True), "a.csv")
    for load in (kagglehub.dataset_load, kagglehub.load_dataset):
        assert load(KaggleDatasetAdapter.PANDAS, "tester/hub-data", "a.csv").to_dict("list") == {{"id": [1], "x": [2]}}
    assert refused(kagglehub.dataset_download, "tester/nothing")[0] == 403
    assert refused(kagglehub.dataset_download, "tester/hub-data/versions/9")[0] == 404

    kagglehub.model_upload("{VARIATION}", "var", license_name="MIT", version_notes="one", ignore_patterns=["*.json"])
    kagglehub.model_upload("{VARIATION}", "var", version_notes="two")
    many = pathlib.Path("many"); many.mkdir()
    for number in range(26):
        (many / f"{{number}}.txt").write_text(str(number))
    kagglehub.model_upload("{VARIATION}", "many")
    assert text(kagglehub.model_download("{VARIATION}/1"), "w.bin") == "12345"
    assert pathlib.Path(kagglehub.model_download("{VARIATION}/1", path="w.bin")).read_text() == "12345"
    assert text(kagglehub.model_download("{VARIATION}"), "25.txt") == "25"  # more than 25 files come as one archive
    assert refused(kagglehub.model_download, "{VARIATION}/9")[0] == 404

    assert text(kagglehub.notebook_output_download("tester/my-pkg"), "package/__init__.py")
    assert kagglehub.package_import("tester/my-pkg/versions/1", bypass_confirmation=True).ANSWER == 42
    assert kagglehub.utility_script_install("tester/my-pkg") in __import__("sys").path
    assert refused(kagglehub.notebook_output_download, "tester/nothing")[0] == 403

    assert text(kagglehub.competition_download("cup"), "train/a.csv") == "id\\n"
    assert pathlib.Path(kagglehub.competition_download("cup", path="a+b c.csv")).read_text() == "id\\n1"
    assert text(kagglehub.competition_download("cup"), "train/a.csv")  # from the cache, by Last-Modified
    assert "/competitions/shut/rules" in refused(kagglehub.competition_download, "shut")[1]
"""


def leave_package(order: RunOrder) -> list[str]:
    write(order.working, {"package/__init__.py": "ANSWER = 42\n"})
    return []


@pytest.mark.usefixtures("filled")
@pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"),
    reason="kagglehub 1.0.2 unpacks models by a filter that Python before 3.11.4 lacks",
)
def test_every_function_of_kagglehub_works(kaggle: LocalKaggle, sdk: Sdk, script: Script) -> None:
    kaggle.world.sessions.runner = ScriptedRunner(leave_package)
    save(sdk(), "tester/my-pkg", category_ids=["utility script"])
    kaggle.add_competition("shut", metric="accuracy", rules_accepted=False, public={"a.csv": ""})
    kaggle.wait_for_runs(20)

    script(HUB)

    assert [v.notes for v in kaggle.dataset("tester/hub-data").versions] == ["Initial release", "two"]
    whole = [r for r in kaggle.requests("storage", "GET") if r.path.endswith("/cup.zip")]
    assert [r.status for r in whole] == [200, 200]
