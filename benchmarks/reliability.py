"""What was tried against this project and how it ended, as one table from real runs.

    python benchmarks/reliability.py [--sequences 200] [--loops 50]

Each line is a room of tests or a benchmark that was run just now; exit 1 when anything ended as it must not.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    (
        "secrets",
        "credentials in what is sent; a canary token through every command; what is listed and asked about",
    ),
    ("hostile", "broken and hostile metadata, settings, notebooks, manifests, names and answers"),
    (
        "power",
        "SIGKILL at writes, full and read-only disks, two commands at once, random faults of the network",
    ),
    ("scale", "many files, large files, long lists"),
    ("push/test_faults.py", "every named fault of Kaggle during a push"),
    ("push/test_killed.py", "SIGKILL at every request of a push"),
)
_COUNTS = re.compile(r"(\d+) (passed|failed|error|skipped)")


def room(name: str) -> tuple[str, bool]:
    """Run one room; returns its counts as a text, and whether all is well."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", f"tests/{name}"],
        cwd=ROOT,
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
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--loops", type=int, default=50)
    given = parser.parse_args()
    well = True
    print("| tried | how it ended |\n|---|---|")
    for name, what in ROOMS:
        told, good = room(name)
        well = well and good
        print(f"| {what} | {told} |", flush=True)
    words = ["benchmarks/faults.py", "--sequences", str(given.sequences), "--loops", str(given.loops)]
    storm = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    for line in storm.stdout.splitlines():
        if not line.startswith("Kaggle limits"):
            print(f"| faults at random, soak | {line.strip()} |")
    return 0 if well and storm.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
