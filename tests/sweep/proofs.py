"""What a sweep has to hold whatever happens: used by the tests with small numbers, by benchmarks/sweep.py with large ones."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from kaggle_workflow.errors import WaitedTooLong
from kaggle_workflow.sweep import queue
from tests.local_kaggle import faults
from tests.power.virtual_time import VirtualTime
from tests.sweep.conftest import Cluster

_READS = ("GetKernel", "GetKernelSessionStatus", "ListKernelSessionOutput", "GetDataset", "ListKernels")
_END_SECONDS = 600.0


def killed(cluster: Cluster, jobs: int, kills: int, seed: int, *, mixed: bool) -> list[str]:
    """Start a sweep, kill the command so many times at random, let it end; returns what is wrong.

    Args:
        cluster: the workspace and its Kaggle.
        jobs: number of jobs.
        kills: number of kills; as long as jobs are left.
        seed: what gives the same kills again.
        mixed: whether Kaggle also fails every now and then.
    """
    dice = random.Random(seed)  # noqa: S311 - a dice for faults
    grid = ",".join(map(str, range(jobs)))
    cluster.scene.kaggle.world.sessions.hold()
    cluster.sweep("--grid", f"fold={grid}", "--yes", "--detach")
    cluster.scene.kaggle.world.sessions.release()
    done = 0
    for _ in range(kills):
        if mixed:
            cluster.scene.kaggle.fault(*_some(dice))
        done += _killed(cluster, ("sweep", "--resume"), dice.uniform(0.3, 2.5))
    cluster.scene.kaggle.world.faults.clear()
    cluster.sweep("--resume")
    found = cluster.jobs()
    wrong = [
        f"{name} is {job.status}: {job.reason}" for name, job in found.items() if job.status != "complete"
    ]
    wrong += [
        f"{name} has no metrics" for name, job in found.items() if job.metrics != {"cv": int(name[4:]) / 10}
    ]
    runs = Counter(given["fold"] for given in cluster.training.given)
    wrong += [f"job {fold} ran {count} times" for fold, count in runs.items() if count != 1]
    wrong += [f"job {fold} never ran" for fold in map(str, range(jobs)) if fold not in runs]
    wrong += [f"{name} has {count} versions" for name, count in cluster.versions().items() if count != 1]
    return [*wrong, *([] if done else ["nothing was killed"])]


def _some(dice: random.Random) -> Sequence[faults.Fault]:
    """Two faults, as a bad evening has them; none of them fails a run, so that each job still has one version."""
    kinds = [
        faults.status(dice.choice(_READS), dice.choice((429, 500, 503)), times=2),
        faults.drop_before(dice.choice((*_READS, "SaveKernel")), times=1),
        faults.drop_after(dice.choice((*_READS, "SaveKernel")), times=1),
        faults.status("SaveKernel", dice.choice((500, 503)), times=1),
    ]
    return dice.sample(kinds, 2)


def _killed(cluster: Cluster, words: Sequence[str], seconds: float) -> bool:
    """Run a command and kill it after so many seconds; whether it still ran then."""
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", *words],
        cwd=cluster.root,
        env={**cluster.scene.kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.02"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        return True
    return False


def requests_in_an_hour(cluster: Cluster, patch: pytest.MonkeyPatch, jobs: int, *, gpu: bool) -> int:
    """How many requests an hour of waiting costs: some of the jobs run and do not end, the others wait for a free session.

    Args:
        cluster: the workspace and its Kaggle.
        patch: what puts virtual time in place.
        jobs: number of jobs.
        gpu: whether they ask for a GPU.
    """
    if gpu:
        cluster.scene.metadata("train", enable_gpu=True)
    cluster.scene.kaggle.world.sessions.hold()
    grid = ",".join(map(str, range(jobs)))
    cluster.sweep("--grid", f"fold={grid}", "--yes", "--detach")
    clock = VirtualTime(cluster.scene.kaggle, patch)
    patch.setenv("INVOKE_WORKSPACE_POLL", "30")
    push = cluster.scene.push(limit=3600.0)
    before = len(cluster.scene.kaggle.requests())
    with pytest.raises(WaitedTooLong):
        queue.run(push, ["s1"], wait_quota=False)
    # The rest passed on the machine's own clock.
    assert clock.passed > 3500
    return len(cluster.scene.kaggle.requests()) - before


def schedule(cluster: Cluster, jobs: int, seconds: float, sessions: int) -> float:
    """How much longer than the ideal schedule jobs of equal length took: 1.0 is ideal.

    Args:
        cluster: the workspace and its Kaggle.
        jobs: number of jobs.
        seconds: how long each runs.
        sessions: how many run at a time.
    """
    cluster.scene.kaggle.behave(gpu_sessions=sessions)
    cluster.scene.metadata("train", enable_gpu=True)
    cluster.scene.codes()
    cluster.training.seconds = seconds
    started = time.monotonic()
    cluster.sweep("--grid", "fold=" + ",".join(map(str, range(jobs))), "--yes")
    return (time.monotonic() - started) / (seconds * -(-jobs // sessions))
