"""What was tried against this project and how it ended, as one table from real runs.

    python benchmarks/reliability.py [--sequences 1000] [--loops 50] [--everywhere]

Each line is a room of tests or a benchmark that was run just now; `--everywhere` cuts every command at every change and every write
that it makes, which takes an hour. Exit 1 when anything ended as it must not.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    (
        "tests/secrets",
        "credentials in what is sent; a canary token through every command; what is listed and asked about",
    ),
    ("tests/hostile", "broken and hostile metadata, settings, notebooks, manifests, archives and answers"),
    (
        "tests/power",
        "commands cut off or refused at changes that they make and in their writes; full, read-only and shared disks; 200 sequences of random faults",
    ),
    ("tests/scale", "many files, large files, long lists"),
    ("tests/push/test_faults.py", "every named fault of Kaggle during a push"),
    ("tests/push/test_killed.py", "SIGKILL at every request of a push"),
)
_COUNTS = re.compile(r"(\d+) (passed|failed|error|skipped)")


def room(place: str, *, everywhere: bool) -> tuple[str, bool]:
    """Run one room; returns its counts as a text, and whether all is well."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), place],
        cwd=ROOT,
        env={**os.environ, **({"CUT_EVERYWHERE": "1"} if everywhere else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
    counts = ", ".join(f"{number} {what}" for number, what in _COUNTS.findall(last)) or last
    return f"{counts} in {time.monotonic() - started:.0f} s", done.returncode == 0


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--loops", type=int, default=50)
    parser.add_argument("--everywhere", action="store_true")
    given = parser.parse_args()
    well = True
    print("| tried | what | how it ended |\n|---|---|---|", flush=True)
    for place, what in ROOMS:
        told, good = room(place, everywhere=given.everywhere)
        well = well and good
        print(f"| `{place}` | {what} | {told} |", flush=True)
    command = f"benchmarks/faults.py --sequences {given.sequences} --loops {given.loops}"
    storm = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    told = "; ".join(line.strip() for line in storm.stdout.splitlines()) or storm.stderr[-200:]
    print(
        f"| `{command}` | random faults during `push` and `ship`; the whole cycle again and again | {told} |"
    )
    return 0 if well and storm.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
