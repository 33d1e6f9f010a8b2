"""A sweep that is killed, that meets a failing Kaggle, and that waits."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from kaggle_workflow.sweep import queue
from tests.local_kaggle import faults
from tests.power.virtual_time import VirtualTime
from tests.sweep import proofs
from tests.sweep.conftest import Cluster


@pytest.mark.parametrize("mixed", [False, True], ids=["killed", "killed on a bad evening"])
def test_killed_at_random_each_job_runs_once(cluster: Cluster, mixed: bool) -> None:
    cluster.scene.kaggle.behave(cpu_sessions=2)
    cluster.training.seconds = 0.5
    assert proofs.killed(cluster, jobs=6, kills=6, seed=1, mixed=mixed) == []


@pytest.mark.parametrize("gpu", [True, False], ids=["gpu", "cpu"])
def test_an_hour_of_waiting_costs_few_requests(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    gpu: bool,
) -> None:
    asked = proofs.requests_in_an_hour(cluster, monkeypatch, jobs=20, gpu=gpu)
    assert 100 < asked <= 200


def test_with_wait_quota_the_rest_runs_after_the_reset(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    kaggle = cluster.scene.kaggle
    cluster.scene.metadata("train", enable_gpu=True)
    kaggle.behave(gpu_hours=0)
    cluster.sweep("--grid", "fold=0,1", "--yes", code=3)
    reset = datetime.now(UTC) + timedelta(hours=1)
    kaggle.fault(faults.change("GetAcceleratorQuotaStatistics", {"quotaRefreshTime": reset.isoformat()}))
    clock = VirtualTime(kaggle, monkeypatch)
    sleep = clock.sleep

    def passes(seconds: float) -> None:
        sleep(seconds)
        if clock.passed > 3600:
            kaggle.behave(gpu_hours=30)

    monkeypatch.setattr(time, "sleep", passes)
    monkeypatch.setenv("INVOKE_WORKSPACE_POLL", "30")
    before = len(kaggle.requests(method="SaveKernel"))
    queue.run(cluster.scene.push(limit=None), ["s1"], wait_quota=True)
    assert {job.status for job in cluster.jobs().values()} == {"complete"}
    # One refusal, then the two jobs.
    assert len(kaggle.requests(method="SaveKernel")) - before == 3
