"""What a sweep found: in its table, in the history, in the report, and in a tracker."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book, history, job_results
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.ledger.jobs import Job
from tests.ledger import samples
from tests.sweep.conftest import Cluster

# What is used of MLflow, whose own package is too large for these tests; the calls were tried with MLflow 3.17.2.
MLFLOW = """
import json, os, sys, types
from collections import namedtuple
from pathlib import Path

class MlflowException(Exception): pass

Metric = namedtuple("Metric", "key value timestamp step")
Param = namedtuple("Param", "key value")
exceptions = types.SimpleNamespace(MlflowException=MlflowException)
sys.modules["mlflow.entities"] = sys.modules[__name__]
STORE = Path(os.environ["MLFLOW_STORE"])
RUNS = json.loads(STORE.read_text()) if STORE.exists() else []

def set_experiment(name):
    return types.SimpleNamespace(experiment_id=name)

def as_run(value):
    info = types.SimpleNamespace(run_id=RUNS.index(value), status=value["status"])
    return types.SimpleNamespace(info=info)

class MlflowClient:
    def search_runs(self, experiments, query):
        tag, value = query.removeprefix("tags.`").removesuffix("'").split("` = '")
        return [as_run(run) for run in RUNS if run["tags"][tag] == value]

    def create_run(self, experiment, start, tags, name):
        RUNS.append({"name": name, "start": start, "tags": tags, "status": "RUNNING"})
        return as_run(RUNS[-1])

    def log_batch(self, run, metrics, params):
        RUNS[run]["metrics"] = {one.key: one.value for one in metrics}
        RUNS[run]["params"] = dict(params)

    def set_terminated(self, run, status, end):
        RUNS[run]["status"] = status
        STORE.write_text(json.dumps(RUNS))
"""

HIGHER, LOWER = Order("higher", assumed=False), Order("lower", assumed=False)
UNKNOWN = Order("higher", assumed=True)


def job(cv: float | None, **parameters: str) -> Job:
    name = "-".join(f"{key}{value}" for key, value in parameters.items())
    metrics = {} if cv is None else {"cv": cv}
    status = "running" if cv is None else "complete"
    codes = Part("ada/codes", 1, "c" * 64)
    return Job("s1", 4, name, "train", parameters, f"ada/t-s1-{name}", codes, status, metrics=metrics)


JOBS = (
    job(0.2, fold="0", lr="1"),
    job(0.4, fold="1", lr="1"),
    job(0.5, fold="0", lr="2"),
    job(0.7, fold="1", lr="2"),
    job(0.9, fold="0", lr="3"),
    job(None, fold="1", lr="3"),
)


@pytest.mark.parametrize(
    ("ranking", "values", "rates"),
    [
        (HIGHER, [0.9, 0.7, 0.5, 0.4, 0.2, None], ["2", "1", "3"]),
        (LOWER, [0.2, 0.4, 0.5, 0.7, 0.9, None], ["1", "2", "3"]),
        (UNKNOWN, [0.2, 0.4, 0.5, 0.7, 0.9, None], ["1", "2", "3"]),
    ],
)
def test_the_best_comes_first_and_what_lacks_a_fold_last(
    ranking: Order, values: list[float], rates: list[str]
) -> None:
    ranked = job_results.ranked(JOBS, "cv", ranking)
    assert [job_results.value_of(one, "cv") for one in ranked] == values
    settings = job_results.settings(JOBS, "cv", ranking)
    assert [one.parameters["lr"] for one in settings] == rates
    assert {one.parameters["lr"]: (one.folds, one.score) for one in settings} == {
        "1": ("2", "0.3 ± 0.14"),
        "2": ("2", "0.6 ± 0.14"),
        "3": ("1 of 2", "0.9"),
    }


def test_the_competitions_direction_holds_for_cv_alone() -> None:
    known = history.order("higher", None)
    assert job_results.order_of(known, "cv") == known
    assert job_results.order_of(known, "val_loss").assumed
    name, stated = job_results.of_option("val_loss:lower")
    assert job_results.order_of(known, name, stated) == history.order("lower", None)
    with pytest.raises(WorkflowError, match="--metric val_loss:small names no direction"):
        job_results.of_option("val_loss:small")


def test_the_metric_is_cv_or_the_only_one_and_a_wrong_name_is_said() -> None:
    assert job_results.metric_of(JOBS) == "cv"
    assert job_results.metric_of([]) == "cv"
    only = Job("s1", 1, "a", "train", {}, "a/b", Part("a/c"), "complete", metrics={"loss": 1.0})
    assert job_results.metric_of([only]) == "loss"
    with pytest.raises(WorkflowError, match="No job left the number f1: choose --metric from cv"):
        job_results.metric_of(JOBS, "f1")


def test_hours_count_only_what_ran_on_kaggles_accelerators() -> None:
    def ran(shape: str, seconds: float, place: str = "kaggle") -> Job:
        return Job(
            "s1", 1, "a", "t", {}, "a/b", Part("a/c"), seconds=seconds, machine_shape=shape, place=place
        )

    jobs = (ran("NvidiaTeslaT4", 1800), ran("gpu", 1800), ran("TpuV38", 3600), ran("", 3600))
    assert job_results.hours((*jobs, ran("gpu", 3600, "here"))) == {"gpu": 1.0, "tpu": 1.0}


def test_the_table_ranks_jobs_and_averages_folds_where_the_direction_is_known(cluster: Cluster) -> None:
    said = cluster.sweep("--grid", "fold=0,1", "--grid", "lr=1,2", "--yes")
    assert "the metric's direction is unknown" in said
    assert "best cv" not in said
    about = cluster.root / "train/kernel-metadata.json"
    value = json.loads(about.read_text(encoding="utf-8")) | {"enable_gpu": True}
    about.write_text(json.dumps(value), encoding="utf-8")
    cluster.sweep("--from", "s1", "--yes")
    book.append(cluster.root, replace(cluster.jobs("s2")["fold0-lr1"], seconds=5400.0).event())
    said = cluster.sweep(INVOKE_WORKSPACE_BETTER="higher")
    assert "s2: 4 complete, 1.5 GPU hours, best cv first (higher is better)" in said
    assert said.index("fold1-lr2") < said.index("fold0-lr1")
    assert "lr=1     2      0.05 ± 0.071" in said
    result = json.loads(cluster.sweep("--json", INVOKE_WORKSPACE_BETTER="lower"))["sweeps"][0]
    assert (result["name"], result["metric"], result["better"]) == ("s2", "cv", "lower")
    assert result["settings"][0]["jobs"] == ["fold0-lr1", "fold1-lr1"]
    assert result["settings"][0]["mean"] == pytest.approx(0.05)
    assert "No job left the number f1" in cluster.sweep("--metric", "f1", code=2)


def test_the_history_has_the_jobs_after_the_submissions(cluster: Cluster) -> None:
    def history(*words: str) -> str:
        done = cluster.scene.invoke("history", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = history("--csv")
    assert "sweep" not in before
    cluster.sweep("--grid", "fold=0,1", "--grid", "shift=-1,=1", "--yes")
    book.append(cluster.root, samples.submitted(1), samples.score(1))
    submission, *jobs = csv.DictReader(io.StringIO(history("--csv")))
    assert history("--csv").startswith(before.rstrip("\n"))
    assert (submission["ref"], submission["job"]) == ("51000001", "")
    assert [(one["ref"], one["param.fold"], one["param.shift"], one["metric.cv"]) for one in jobs] == [
        ("", "0", "-1", "0.0"),
        ("", "0", "'=1", "0.0"),
        ("", "1", "-1", "0.1"),
        ("", "1", "'=1", "0.1"),
    ]
    assert {one["status"] for one in jobs} == {"complete"}
    assert "job" not in history("--csv", "--filter", "public>0").splitlines()[0].split(",")
    value = json.loads(history("--json"))
    assert [job["key"] for job in value["jobs"]] == [f"s1/{one['job']}" for one in jobs]
    assert "jobs" not in json.loads(history("--json", "--group"))


def test_jobs_are_logged_to_mlflow_once_each_where_it_is_installed(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.training.fail = lambda given: "ValueError: no" if given["fold"] == "1" else None
    assert "--mlflow needs the package mlflow" in cluster.sweep(
        "--grid", "fold=0,1", "--yes", "--mlflow", code=2
    )
    (tmp_path / "mlflow.py").write_text(MLFLOW, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MLFLOW_STORE", str(tmp_path / "runs.json"))
    assert "2 new runs" in cluster.sweep("--mlflow", "--name", "s1")
    assert "0 new runs" in cluster.sweep("--mlflow", "--name", "s1")
    cluster.training.fail = lambda _: None
    assert "1 new run." in cluster.sweep("--recode", "--yes", "--name", "s1", "--mlflow")
    runs = json.loads((tmp_path / "runs.json").read_text(encoding="utf-8"))
    logged = [(run["name"], run["status"], run["params"], run["metrics"]) for run in runs]
    assert logged == [
        ("s1/fold0", "FINISHED", {"fold": "0"}, {"cv": 0.0}),
        ("s1/fold1", "FAILED", {"fold": "1"}, {}),
        ("s1/fold1", "FINISHED", {"fold": "1"}, {"cv": 0.1}),
    ]
