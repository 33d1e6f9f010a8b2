"""`invoke sweep --here` and `--dask`: the same jobs in sandboxes on this machine, and on the workers of a real cluster."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.jobs import Job, sweeps
from kaggle_workflow.rehearsal import sandbox
from tests import wheelhouse, workspaces

TRAIN = """
import argparse, json, pathlib, time
import kaggle_shim

parser = argparse.ArgumentParser()
parser.add_argument("--fold", type=int)
parser.add_argument("--fail", default="")
parser.add_argument("--line", default="")
given = parser.parse_args()
print("begins", flush=True)
while given.fail == "wait" and not (kaggle_shim.find() / "go").exists():
    time.sleep(0.05)
if given.fail.startswith("by"):
    raise ValueError(given.fail)
rows = (kaggle_shim.find() / "gender_submission.csv").read_text().splitlines()[1:]
score = sum(row.endswith("1") for row in rows[given.fold :: 5]) / len(rows[given.fold :: 5])
pathlib.Path("weights.txt").write_text(str(score))
if given.line:
    print("metrics:", json.dumps({"cv": score}))
else:
    pathlib.Path("metrics.json").write_text(json.dumps({"cv": score, "note": "no number"}))
"""
ROWS = "".join(f"{number},{int(number % 7 > 2)}\n" for number in range(303))
WAIT_SECONDS = 120.0


def score(fold: int) -> float:
    rows = ROWS.splitlines()[fold::5]
    return sum(row.endswith("1") for row in rows) / len(rows)


class Workspace:
    """A workspace with a training notebook, whose image has nothing but what executes a notebook."""

    def __init__(self, root: Path, cache_home: Path) -> None:
        self.root = root
        self.environment = {"XDG_CACHE_HOME": str(cache_home), "INVOKE_WORKSPACE_POLL": "0.1"}

    def sweep(self, *words: str, code: int = 0) -> str:
        done = workspaces.invoke(self.root, "sweep", *words, env=self.environment)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said
        return said

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a command, and return when all of its jobs have begun."""
        logs = self.root / "build/sweeps"
        for log in logs.rglob("log.txt"):
            log.unlink()
        command = subprocess.Popen(
            [sys.executable, "-m", "invoke", "sweep", *words],
            cwd=self.root,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        wait(
            lambda: (
                [log.read_text(encoding="utf-8").count("begins") for log in logs.rglob("log.txt")] == [1, 1]
            )
        )
        return command

    def jobs(self, sweep: str) -> dict[str, Job]:
        found = {one.name: one for one in sweeps(book.read(self.root).events)}
        return {job.name: job for job in found[sweep].jobs}

    def statuses(self, sweep: str) -> list[str]:
        return [job.status for job in self.jobs(sweep).values()]

    def processes(self) -> list[str]:
        """What still runs for a job of this workspace."""
        lines = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
        return [line for line in lines if str(self.root / "build/sweeps") in line]


def wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("here")
    root = workspaces.make(template, folder / "ws", competition="titanic", accelerator="NvidiaTeslaT4")
    (root / "deps/image.txt").write_text("# nothing\n", encoding="utf-8")
    (root / "deps/requirements.txt").write_text("", encoding="utf-8")
    data = root / "data/competitions/titanic"
    data.mkdir(parents=True)
    (data / "gender_submission.csv").write_text(f"PassengerId,Survived\n{ROWS}", encoding="utf-8")
    assert workspaces.invoke(root, "new-notebook").returncode == 0
    (root / "codes/train.py").write_text(TRAIN, encoding="utf-8")
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path, cache_home: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(made, tmp_path / "ws")), cache_home)


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path, cache_home: Path) -> None:
        self.folder, self.cache_home = folder, cache_home
        self.processes: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self.start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self.file))
        wait(self.file.is_file)
        self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]

    def start(self, program: str, *words: str, before: tuple[str, ...] = (), **environment: str) -> None:
        options = ("-S",) if "PYTHONPATH" in environment else ()
        line = [
            *before,
            sys.executable,
            *options,
            "-m",
            f"distributed.cli.{program}",
            "--no-dashboard",
            *words,
        ]
        env = {**os.environ, "XDG_CACHE_HOME": str(self.cache_home), **environment}
        with (self.folder / "log.txt").open("ab") as log:
            self.processes.append(subprocess.Popen(line, cwd=self.folder, env=env, stdout=log, stderr=log))

    def worker(self, before: tuple[str, ...] = (), **environment: str) -> None:
        """Start a worker, and return when the scheduler has it."""
        count = self.registered()
        words = (self.address, "--nthreads", "1", "--no-nanny", "--local-directory", str(self.folder))
        self.start("dask_worker", *words, before=before, **environment)
        wait(lambda: self.registered() > count)

    def registered(self) -> int:
        return (self.folder / "log.txt").read_text(encoding="utf-8").count("Registered to:")

    def end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(WAIT_SECONDS)


@pytest.fixture
def cluster(tmp_path: Path, cache_home: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = Cluster(folder, cache_home)
    try:
        yield made
    finally:
        for process in reversed(made.processes):
            made.end(process)


def test_five_folds_leave_the_same_here_and_on_a_cluster(ws: Workspace, cluster: Cluster) -> None:
    cluster.worker()
    cluster.worker()
    wheelhouse.make_wheel(ws.root / "deps/wheels", "tinypkg")
    (ws.root / "deps/requirements.txt").write_text("tinypkg\n", encoding="utf-8")
    (ws.root / "codes/train.py").write_text(f"import tinypkg\n{TRAIN}", encoding="utf-8")
    folds = ("--grid", "fold=0,1,2,3,4")
    said = ws.sweep(*folds, "--here", "--jobs", "2")
    assert "train asks for a GPU, which its 2 runs at once share on this machine" in said
    here = ws.jobs("s1")
    assert [(job.status, job.place, job.attempt) for job in here.values()] == [("complete", "here", 1)] * 5, (
        said
    )
    assert here["fold3"].metrics == {"cv": score(3)}
    assert len({job.metrics["cv"] for job in here.values()}) > 1
    began = [job.began or 0.0 for job in here.values()]
    assert began[1] - began[0] < 1.0, "two run at once"
    said = ws.sweep(*folds, "--dask", cluster.address)
    there = ws.jobs("s2")
    assert [(job.status, job.place) for job in there.values()] == [("complete", "dask")] * 5, said
    assert [job.metrics for job in there.values()] == [job.metrics for job in here.values()]
    assert len([*(ws.root / "build/sweeps").glob("wheels-*")]) == 1, "collected once"
    for sweep in ("s1", "s2"):
        # As if it were downloaded from Kaggle.
        find = f"import kaggle_shim; print((kaggle_shim.find('you/cmi-train-{sweep}-fold3') / 'weights.txt').read_text())"
        assert float(workspaces.python("-c", find, cwd=ws.root).stdout) == here["fold3"].metrics["cv"]
    assert not [*(ws.root / "data/notebooks/you").glob(".*")]


def test_an_interrupted_sweep_goes_on_and_a_cancelled_one_ends(ws: Workspace) -> None:
    words = ("--grid", "fold=0,1", "--grid", "fail=wait", "--here", "--jobs", "2")
    command = ws.begin(*words)
    command.send_signal(signal.SIGINT)
    assert command.wait(WAIT_SECONDS) == 130
    assert ws.processes() == []
    assert [(job.status, job.reason) for job in ws.jobs("s1").values()] == [("waiting", "interrupted")] * 2
    command = ws.begin("--resume", "--jobs", "2")
    command.kill()
    command.wait(WAIT_SECONDS)
    assert ws.statuses("s1") == ["running"] * 2
    wait(lambda: ws.processes() == [])
    command = ws.begin(*words, "--name", "s2")
    assert "begins" in ws.sweep("--name", "s2")
    ws.sweep("--cancel", "--name", "s2")
    assert command.wait(WAIT_SECONDS) == 0
    assert ws.processes() == []
    assert ws.statuses("s2") == ["cancelled"] * 2
    (ws.root / "data/competitions/titanic/go").touch()
    ws.sweep("--resume", "--jobs", "2")
    assert [(job.status, job.attempt) for job in ws.jobs("s1").values()] == [("complete", 3)] * 2


def test_three_equal_failures_hold_the_rest_until_the_codes_are_right(ws: Workspace) -> None:
    said = ws.sweep("--grid", "fold=0,1,2,3", "--grid", "fail=by-zero", "--here", code=4)
    assert ws.statuses("s1") == ["error"] * 3 + ["held"], said
    assert "3 jobs failed with the same error (ValueError: by-zero), so 1 job will not begin" in said
    assert {job.reason for job in ws.jobs("s1").values() if job.status == "error"} == {"ValueError: by-zero"}
    assert not (ws.root / "data/notebooks").exists()
    codes = ws.root / "codes/train.py"
    codes.write_text(TRAIN.replace('"by"', '"never"'), encoding="utf-8")
    ws.sweep("--recode", "--jobs", "2")
    assert ws.statuses("s1") == ["complete"] * 4
    # What it prints counts where it leaves no metrics.json.
    ws.sweep("--grid", "fold=2", "--grid", "line=1", "--here")
    assert ws.jobs("s2")["fold2-line1"].metrics == {"cv": score(2)}


def test_workers_that_cant_run_jobs_are_named(ws: Workspace, cluster: Cluster) -> None:
    words = ("--grid", "fold=0", "--dask", cluster.address)
    assert f"has no workers: start some with `dask worker {cluster.address}" in ws.sweep(*words, code=2)
    # Without `site`, Python has what lies in its folder of packages, and nothing that is installed from a checkout.
    cluster.worker(PYTHONPATH=sysconfig.get_path("purelib"))
    said = ws.sweep(*words, code=2)
    assert "The worker tcp://127.0.0.1" in said
    assert "does not have kaggle-workflow: install the workspace's requirements.txt there" in said
    cluster.end(cluster.processes[-1])
    bwrap = sandbox.detect().bwrap
    if bwrap is not None:
        hidden = ("--dev-bind", "/", "/", "--tmpfs", str(ws.root), "--die-with-parent", "--")
        cluster.worker((str(bwrap), *hidden))
        said = ws.sweep(*words, code=2)
        assert f"does not see {ws.root}: put the workspace on a disk that all workers mount" in said
    assert not (ws.root / "ledger.jsonl").exists()


def test_bad_input_is_one_sentence_and_nothing_runs(ws: Workspace) -> None:
    taken = ws.root / "data/notebooks/you/cmi-train-s1-fold1"
    taken.mkdir(parents=True)
    grid = ("--grid", "fold=0,1")
    cases = {
        (*grid, "--here", "--dask", "tcp://127.0.0.1:1"): "--here and --dask say where the jobs run",
        (*grid, "--here", "--detach"): "Without this command nothing runs the jobs",
        (*grid, "--here", "--jobs", "0"): "--jobs 0 runs nothing",
        (*grid, "--dask", "nonsense"): "No Dask scheduler answers at nonsense",
        (*grid, "--here"): f"{taken} exists already",
    }
    for words, sentence in cases.items():
        assert sentence in ws.sweep(*words, code=2), words
    assert not (ws.root / "ledger.jsonl").exists()
    taken.rmdir()
    (ws.root / "data/competitions").rename(ws.root / "data/elsewhere")
    for _ in range(2):
        # The same command continues what it began.
        assert "The data of titanic is not on this machine" in ws.sweep(*grid, "--here", code=2)
    assert ws.statuses("s1") == ["waiting"] * 2
