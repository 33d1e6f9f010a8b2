"""Where the jobs of a sweep run when they don't run on Kaggle: threads of this command, or the workers of a Dask cluster.

Dask, because its client takes plain functions and the address of a scheduler that runs already, and because `distributed` is 1 MB of plain
Python. Ray does the same with services of its own from a wheel of 79 MB for each platform and Python (ray 2.60.0, distributed 2026.8.0).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

from kaggle_workflow.errors import RunFailed, WorkflowError
from kaggle_workflow.rehearsal.machine import Machine
from kaggle_workflow.sweep import ending, sandboxed
from kaggle_workflow.sweep.sandboxed import Task


@dataclass(frozen=True)
class Run:
    """A run that began.

    Attributes:
        future: its end, or what ended it.
        stop: ends it as soon as that can be done.
    """

    future: Future[ending.End]
    stop: Callable[[], Any]


class Here:
    """Threads of this command, each of which waits for its sandbox."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._pool = ThreadPoolExecutor(jobs)

    def slots(self) -> int:
        """How many runs it takes at once."""
        return self._jobs

    def start(self, task: Task, machine: Machine) -> Run:
        """Begin a run in a thread."""
        stop = Event()
        return Run(self._pool.submit(sandboxed.run, task, machine, stop.is_set), stop.set)

    def close(self) -> None:
        """Wait for the threads."""
        self._pool.shutdown()


class Dask:
    """The workers of a Dask cluster, one run for each of their threads."""

    def __init__(self, address: str, root: Path) -> None:
        """Connect; raises WorkflowError when the scheduler does not answer, or a worker does not see the workspace."""
        try:
            from distributed import Client
            from distributed.comm import get_address_host_port
        except ImportError as error:
            raise WorkflowError(
                "--dask needs the package distributed, which is not installed: install the version that the cluster has."
            ) from error
        try:
            # A client that a bad address ends holds up the exit of Python.
            get_address_host_port(address)
            self._client = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise WorkflowError(
                f"No Dask scheduler answers at {address} ({error}): start one with `dask scheduler`, or correct --dask."
            ) from error
        try:
            self._check(address, str(root))
        except BaseException:
            self._client.close()
            raise

    def _check(self, address: str, root: str) -> None:
        # Sent as a whole, because it is no name of a module: it runs where this package is missing, too.
        def lacks() -> str:
            import importlib.util
            import os

            if importlib.util.find_spec("kaggle_workflow") is None:
                return "does not have kaggle-workflow: install the workspace's requirements.txt there"
            if not os.path.isfile(os.path.join(root, "invoke.yaml")):  # noqa: PTH113, PTH118 - on another machine
                return f"does not see {root}: put the workspace on a disk that all workers mount at that path"
            return ""

        answers = {
            f"The scheduler {address}": self._client.run_on_scheduler(lacks),
            **{f"The worker {name}": said for name, said in self._client.run(lacks).items()},
        }
        for name, said in answers.items():
            if said:
                raise WorkflowError(f"{name} {said}.")
        if not self.slots():
            raise WorkflowError(
                f"The scheduler {address} has no workers: start some with `dask worker {address} --nthreads 1`."
            )

    def slots(self) -> int:
        """The threads of all workers that are there now; raises RunFailed when the scheduler is gone."""
        try:
            return sum(self._client.nthreads().values())
        except OSError as error:
            raise RunFailed(
                "The Dask scheduler is gone: start it again, then run `invoke sweep --resume` with --dask and its address."
            ) from error

    def start(self, task: Task, machine: Machine) -> Run:  # noqa: ARG002 - a worker has a machine of its own
        """Begin a run on a worker."""
        future = self._client.submit(sandboxed.run, task, key=f"{task.key}-{uuid4().hex}", pure=False)
        return Run(future, future.cancel)

    def close(self) -> None:
        """Disconnect; what a worker has begun goes on there, and its result is dropped."""
        self._client.close()


Cluster = Here | Dask
