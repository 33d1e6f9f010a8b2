"""How `invoke sweep` does on the local Kaggle: its schedule, its requests while it waits, and what kills leave.

    python benchmarks/sweep.py [--kills 100] [--seconds 6]

Exit 1 when jobs of equal length took more than 1.1 times the ideal schedule, when an hour of waiting cost more than 200
requests, or when a job ran twice or not at all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

import pytest  # noqa: E402 - the path is set above

from tests.push.conftest import make_workspace, scene_in  # noqa: E402 - the path is set above
from tests.sweep import proofs  # noqa: E402 - the path is set above
from tests.sweep.conftest import Cluster, cluster_of  # noqa: E402 - the path is set above

_JOBS = 20
_MOST_OVER_IDEAL = 1.1
_MOST_REQUESTS = 200


@contextmanager
def cluster(made: Path, **behaviour: int) -> Iterator[tuple[Cluster, pytest.MonkeyPatch]]:
    """A workspace with a training notebook and its own local Kaggle."""
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        scene_in(made, Path(folder), patch) as scene,
    ):
        scene.kaggle.behave(**behaviour)
        yield cluster_of(scene), patch


def main() -> int:
    """Measure all of it; see above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each job of the schedule runs")
    options = parser.parse_args()
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        made = make_workspace(ROOT, Path(folder))
        with cluster(made) as (one, _):
            ratio = proofs.schedule(one, _JOBS, options.seconds, sessions=2)
        print(
            f"{_JOBS} jobs of {options.seconds:g} s on two GPU sessions: {ratio:.3f} times the ideal schedule",
            flush=True,
        )
        bad |= ratio > _MOST_OVER_IDEAL
        for gpu in (True, False):
            with cluster(made) as (one, patch):
                asked = proofs.requests_in_an_hour(one, patch, _JOBS, gpu=gpu)
            print(
                f"an hour of waiting for {_JOBS} {'GPU' if gpu else 'CPU'} jobs: {asked} requests", flush=True
            )
            bad |= asked > _MOST_REQUESTS
        for mixed in (False, True):
            with cluster(made, cpu_sessions=2) as (one, _):
                one.training.seconds = 0.1 * options.kills
                wrong = proofs.killed(one, _JOBS, options.kills, seed=1, mixed=mixed)
            what = "killed and failed by Kaggle" if mixed else "killed"
            print(
                f"{_JOBS} jobs, {what} {options.kills} times: {'; '.join(wrong) or 'each ran once, all results there'}",
                flush=True,
            )
            bad |= bool(wrong)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
