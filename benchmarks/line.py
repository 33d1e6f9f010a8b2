"""What bad networks cost `invoke push`, `push-model` and `ship`, against the local Kaggle, and whether they end well.

    python benchmarks/line.py [--megabytes 3]
    python benchmarks/line.py --torn 50       # a model of eight files over a line that breaks, so many times, every byte compared

Each line is a kind of network, by a forwarder that delays, narrows, tears and stops what goes over it (`tests/slow_line.py`).
A push sends that many megabytes of codes and a notebook of 700 kB, a model as many again; then an edit is shipped to a score.
"Sent" is what went up, against what there was to send: 1 says that nothing was sent twice. Exit 1 when something was not done,
or what is on Kaggle is not what was sent.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

import pytest  # noqa: E402 - the path is set above

from tests import workspaces  # noqa: E402 - the path is set above
from tests.power import storms  # noqa: E402 - the path is set above
from tests.push.conftest import make_workspace  # noqa: E402 - the path is set above
from tests.slow_line import SlowLine, Weather  # noqa: E402 - the path is set above
from tests.submit.conftest import Desk, Script, _open  # noqa: E402 - the path is set above

NETWORKS = {
    "a good line: 40 ms there and back, 4 MB/s": Weather(delay=0.02, rate=4_000_000),
    "a hotel: 300 ms and up to 400 ms more, 200 kB/s": Weather(delay=0.15, jitter=0.2, rate=200_000),
    "a full hotel: 1.2 s and more, 50 kB/s": Weather(delay=0.6, jitter=0.4, rate=50_000),
    "a train: 400 ms, 300 kB/s, connections break after about 1 MB": Weather(
        delay=0.2, jitter=0.1, rate=300_000, torn_after=1_000_000
    ),
    "a tunnel now and then: 400 ms, 300 kB/s, dead for 30 s after each MB": Weather(
        delay=0.2, rate=300_000, dead_after=1_000_000, dead_seconds=30.0
    ),
}
TRIES = 3
HANDLE = "tester/cmi-models/pytorch/eight"
NOTEBOOK_WORDS = 140_000
LONGEST_SECONDS = 3600.0
_NARROW = """
import pytest, tests.slow_line
tests.slow_line.narrow(pytest.MonkeyPatch())
from invoke.main import program
program.run()
"""


@contextmanager
def seated(base: Path, megabytes: float, seed: int) -> Iterator[Desk]:
    """A desk of its own with something to send."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        place = Path(folder)
        subprocess.run(["cp", "-a", base / "ws", place / "ws"], check=True)
        dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        root = place / "ws"
        (root / "codes" / "tables.bin").write_bytes(dice.randbytes(int(megabytes * 1e6)))
        (root / "weights").mkdir()
        (root / "weights" / "model.bin").write_bytes(dice.randbytes(int(megabytes * 1e6)))
        notebook = root / "sub" / "sub.ipynb"
        node = json.loads(notebook.read_text(encoding="utf-8"))
        node["cells"].append(
            {"cell_type": "raw", "id": "long", "metadata": {}, "source": "long " * NOTEBOOK_WORDS}
        )
        notebook.write_text(json.dumps(node), encoding="utf-8")
        with _open(place, Script(), patch) as desk:
            yield desk


def invoke(desk: Desk, line: SlowLine, *words: str, tries: int = TRIES) -> tuple[float, int]:
    """Run a command over the line until it is done, so many times at most; returns the seconds and the tries."""
    started, told = time.perf_counter(), ""
    for number in range(1, tries + 1):
        done = subprocess.run(
            [sys.executable, "-c", _NARROW, *words],
            cwd=desk.root,
            env={
                **desk.kaggle.environment(),
                "http_proxy": line.url,
                "INVOKE_WORKSPACE_POLL": "5",
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            return time.perf_counter() - started, number
        told = done.stdout + done.stderr
        print(f"  {words[0]}: {told.strip().splitlines()[-1]}", file=sys.stderr, flush=True)
    raise SystemExit(f"{' '.join(words)} was not done after {tries} tries:\n{told}")


def torn(times: int) -> int:
    """Upload a model of eight files over a line that breaks every 700 kB; returns the exit code."""
    failed = broke = 0
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_workspace(ROOT, base)
        for seed in range(times):
            with (
                seated(base, 0.1, seed) as desk,
                SlowLine(desk.kaggle.port, Weather(torn_after=700_000)) as line,
            ):
                dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
                contents = {f"{n % 3}/{n}.bin": dice.randbytes(dice.randint(0, 900_000)) for n in range(8)}
                for name, content in contents.items():
                    path = desk.root / "eight" / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                words = ("push-model", "--path", "eight", "--handle", HANDLE, "--notebook", "", "--yes")
                invoke(desk, line, *words, tries=1)
                model = desk.kaggle.model(HANDLE.rsplit("/", 2)[0])
                there = desk.kaggle.world.store.model_folder(model, model.variations[0].id, 1)
                failed += any((there / name).read_bytes() != content for name, content in contents.items())
                broke += line.torn
    print(f"{times} models of eight files, {broke} breaks: {failed} with a byte that differs.")
    return 1 if failed else 0


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--megabytes", type=float, default=3.0)
    parser.add_argument("--torn", type=int, default=0, metavar="TIMES")
    chosen = parser.parse_args()
    if chosen.torn:
        return torn(chosen.torn)
    megabytes = chosen.megabytes
    to_send = 2 * megabytes * 1e6 + 5 * NOTEBOOK_WORDS
    wrong = ""
    print("| network | push | push-model | ship | sent | broke, stopped | how it ended |")
    print("|---|---:|---:|---:|---:|---:|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        make_workspace(ROOT, base)
        for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "first")):
            workspaces.git(base / "ws", *words)
        for seed, (name, weather) in enumerate(NETWORKS.items()):
            with seated(base, megabytes, seed) as desk, SlowLine(desk.kaggle.port, weather) as line:
                push = invoke(desk, line, "push", "--yes")
                model = invoke(
                    desk, line, "push-model", "--path", "weights", "--framework", "pytorch", "--yes"
                )
                sent = line.passed["up"]
                desk.edit()
                ship = invoke(desk, line, "ship", "--yes")
                wrong = wrong or storms.state(desk, ship=True)
                told = wrong or ("done" if push[1] == model[1] == ship[1] == 1 else "done when run again")
                times = " | ".join(f"{seconds:.0f} s" for seconds, _ in (push, model, ship))
                print(
                    f"| {name} | {times} | {sent / to_send:.2f} | {line.torn}, {line.dead} | {told} |",
                    flush=True,
                )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
