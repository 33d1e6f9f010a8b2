"""A sweep that is killed, that meets a failing Kaggle, and that waits."""

from __future__ import annotations

import pytest

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
