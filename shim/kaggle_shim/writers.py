"""The processes that write: how many, who writes what, and how they are started, awaited and ended."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kaggle_shim import unpack
from kaggle_shim.errors import InstallError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence

# What opening and closing one more file costs, in bytes that could be unpacked meanwhile; seen on local disk.
_COST_OF_A_FILE = 30_000
# Below this, starting a process takes longer than it saves.
_WORTH_A_PROCESS = 12_000_000


def count(jobs: Sequence[unpack.Job], wanted: int | None) -> int:
    """How many processes should write: as wanted, else one per processor, and just this one for little."""
    if wanted is not None:
        return wanted
    if sum(_cost(job) for job in jobs) < _WORTH_A_PROCESS or not sys.executable:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cost(job: unpack.Job) -> int:
    return job[4] + _COST_OF_A_FILE


def shares(jobs: Sequence[unpack.Job], number: int) -> list[list[unpack.Job]]:
    """Deal the jobs out, the largest first and each to who has least; then each in the order of its archives."""
    dealt: list[list[unpack.Job]] = [[] for _ in range(number)]
    loads = [0] * number
    for job in sorted(jobs, key=_cost, reverse=True):
        least = loads.index(min(loads))
        dealt[least].append(job)
        loads[least] += _cost(job)
    return [sorted(share, key=lambda job: job[:2]) for share in dealt]


def start(dealt: Sequence[list[unpack.Job]]) -> list[subprocess.Popen[bytes]]:
    """Start one process per share.

    Raises:
        InstallError: there is no room for another process.
    """
    import marshal
    import subprocess
    import tempfile

    command = [sys.executable, "-I", "-S", str(unpack.__file__)]
    children: list[subprocess.Popen[bytes]] = []
    try:
        for share in dealt:
            # A file, not a pipe: nobody waits until a child has started and reads.
            with tempfile.TemporaryFile() as jobs:
                marshal.dump(share, jobs)
                jobs.seek(0)
                children.append(subprocess.Popen(command, stdin=jobs, stdout=subprocess.PIPE))
    except OSError as error:
        stop(children)
        raise InstallError(
            f"No process can be started to unpack the wheels ({error}): free memory, or room on the disk."
        ) from error
    return children


def wait(children: Sequence[subprocess.Popen[bytes]]) -> unpack.Problem | None:
    """Wait for all of them; answers the first problem.

    Raises:
        InstallError: one ended without saying why.
    """
    import marshal

    first: unpack.Problem | None = None
    for child in children:
        answer, _ = child.communicate()
        code = child.returncode
        if answer:
            first = first or marshal.loads(answer)  # noqa: S302 - written by our own child
        elif code != 0:
            raise InstallError(
                f"A process that unpacks wheels ended with exit code {code}: most likely memory ran out, free some."
            )
    return first


def stop(children: Iterable[subprocess.Popen[bytes]]) -> None:
    """End what still runs."""
    for child in children:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
