"""How pushes and ships end when the network does whatever it likes, and whether fifty loops leave anything behind.

    python benchmarks/faults.py [--sequences 1000] [--loops 50] [--first SEED]

Half of the sequences push, half go all the way to a score; a seed gives the same sequence again. Exit 1 when one ended in a
wrong state.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

import pytest  # noqa: E402 - the path is set above

from tests import workspaces  # noqa: E402 - the path is set above
from tests.power import storms  # noqa: E402 - the path is set above
from tests.power.virtual_time import VirtualTime  # noqa: E402 - the path is set above
from tests.push.conftest import make_workspace  # noqa: E402 - the path is set above
from tests.submit.conftest import Desk, Script, _open  # noqa: E402 - the path is set above

_WARM_UP = 5
_ON_ONE_DESK = 50


def storm(base: Path, sequences: int, first: int) -> list[storms.Ending]:
    """Run the sequences, fifty on each desk, and say which ended wrongly."""
    endings: list[storms.Ending] = []
    while len(endings) < sequences:
        with seated(base) as (desk, clock):
            for _ in range(min(_ON_ONE_DESK, sequences - len(endings))):
                number = len(endings)
                endings.append(storms.run(desk, clock, first + number, ship=number % 2 == 1))
                forget(desk)
                if endings[-1].wrong:
                    print(f"WRONG {endings[-1]}", flush=True)
                    break
        print(f"{len(endings)} of {sequences} sequences", file=sys.stderr, flush=True)
    return endings


@contextmanager
def seated(base: Path) -> Iterator[tuple[Desk, VirtualTime]]:
    """A desk of its own with everything pushed once."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        place = Path(folder)
        shutil.copytree(base / "ws", place / "ws", symlinks=True)
        with _open(place, Script(), patch) as desk:
            clock = storms.seat(desk, patch)
            with contextlib.redirect_stderr(io.StringIO()):
                desk.all()
                yield desk, clock


def forget(desk: Desk) -> None:
    """What the test's own desk collects is no growth of ours."""
    desk.said.clear()
    desk.warned.clear()
    desk.kaggle.forget_requests()


def soak(desk: Desk, clock: VirtualTime, loops: int) -> dict[str, tuple[float, float]]:
    """Push a change again and again; returns first and last measure of memory (MB), open files, files in build/."""
    process = psutil.Process()
    before = measured = (0.0, 0.0, 0.0)
    for number in range(_WARM_UP + loops):
        desk.edit(f"\nprint({number})\n" if number % 2 else f"\nprint({number}, {number})\n")
        clock.sleep(86_400.0)
        desk.ship()
        forget(desk)
        gc.collect()
        measured = (
            process.memory_info().rss / 1e6,
            float(process.num_fds()),
            float(storms.folder_size(desk.root / "build")),
        )
        if number == _WARM_UP - 1:
            before = measured
    return dict(
        zip(("memory (MB)", "open files", "files in build/"), zip(before, measured, strict=True), strict=True)
    )


def main() -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--loops", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_workspace(ROOT, base)
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "first")):
            workspaces.git(base / "ws", *words)
        began = time.process_time()
        endings = storm(base, given.sequences, given.first)
        seconds = time.process_time() - began
        grown: dict[str, tuple[float, float]] = {}
        if given.loops:
            with seated(base) as (desk, clock):
                grown = soak(desk, clock, given.loops)
    kinds = Counter(ending.first.partition(":")[0] for ending in endings)
    print(
        f"{len(endings)} sequences in {seconds:.0f} s of processor time, the longest of them {max((e.seconds for e in endings), default=0) / 3600:.1f} h by its own clock"
    )
    for kind, count in kinds.most_common():
        print(
            f"  {count:5}  {'done at once' if kind == 'done' else f'ended with {kind}, done when run again'}"
        )
    wrong = [ending for ending in endings if ending.wrong]
    print(f"  {len(wrong):5}  wrong")
    for name, (first, last) in grown.items():
        print(f"soak, {given.loops} loops: {name} {first:.0f} before, {last:.0f} after")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
