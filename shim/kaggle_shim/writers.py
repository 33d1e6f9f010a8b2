"""Processes that write the files of wheels: start them, wait for them, end them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kaggle_shim import unpack
from kaggle_shim.errors import InstallError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence

# Cost of opening and closing one file, in bytes that could be unpacked meanwhile; measured on local disk.
_COST_OF_A_FILE = 30_000
# Below this, starting a process takes longer than it saves.
_WORTH_A_PROCESS = 12_000_000


def start(jobs: Sequence[unpack.Job], wanted: int | None) -> list[subprocess.Popen[bytes]]:
    """Start `wanted` processes (by default one per processor, or one for small jobs), each with its share of the jobs.

    Raises InstallError when there is no room for one.
    """
    import marshal
    import subprocess
    import tempfile

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    number = wanted or (1 if sum(map(_cost, jobs)) < _WORTH_A_PROCESS else processors)
    # The largest first, each to the process that has least.
    shares: list[list[unpack.Job]] = [[] for _ in range(number)]
    loads = [0] * number
    for job in sorted(jobs, key=_cost, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(job)
        loads[least] += _cost(job)
    command = [sys.executable, "-I", "-S", str(unpack.__file__)]
    children: list[subprocess.Popen[bytes]] = []
    try:
        for share in shares:
            # A file, not a pipe: the parent need not wait until a child reads.
            with tempfile.TemporaryFile() as file:
                marshal.dump(sorted(share, key=lambda job: job[:2]), file)
                file.seek(0)
                children.append(subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE))
    except OSError as error:
        stop(children)
        raise InstallError(
            f"No process can be started to unpack the wheels ({error}): free memory, or room on the disk."
        ) from error
    return children


def _cost(job: unpack.Job) -> int:
    return job[4] + _COST_OF_A_FILE


def wait(children: Sequence[subprocess.Popen[bytes]]) -> unpack.Problem | None:
    """Wait for all of them and return the first problem; raises InstallError when one ended without an answer."""
    import marshal

    first: unpack.Problem | None = None
    for child in children:
        answer, _ = child.communicate()
        if answer:
            first = first or marshal.loads(answer)  # noqa: S302 - written by our own child
        elif child.returncode != 0:
            raise InstallError(
                f"A process that unpacks wheels ended with exit code {child.returncode}: most likely memory ran out, free some."
            )
    return first


def stop(children: Iterable[subprocess.Popen[bytes]]) -> None:
    """End those that still run."""
    for child in children:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
