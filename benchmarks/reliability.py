"""What was tried against this project and how it ended, as one table from real runs.

    python benchmarks/reliability.py [--sequences 1000] [--loops 50] [--everywhere [HOW]]

Each line is a room of tests or a benchmark that was run just now; `--everywhere` cuts every command off at every change and every
write that it makes, which takes more than an hour: by SIGKILL, or as HOW says (see tests/power/test_cuts.py). Exit 1 when anything
ended as it must not.
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
        "commands cut off or refused at changes and in writes; full, read-only and shared disks; 200 sequences of random faults; bad lines",
    ),
    ("tests/scale", "many files, large files, an account with 50 datasets and 200 notebooks"),
    (
        "tests/workflow/test_usb_stick.py",
        "a workspace on exFAT: no modes, no links, whole seconds, no capitals",
    ),
    ("tests/submit/test_whatever_kaggle_does.py", "a day of work under each answer that Kaggle may give"),
    ("tests/tools/test_supply.py", "the environment against its lock"),
    ("tests/push/test_faults.py", "every named fault of Kaggle during a push"),
    ("tests/push/test_killed.py", "SIGKILL at every request of a push"),
)
_COUNTS = re.compile(r"(\d+) (passed|failed|error|skipped)")


def room(place: str, everywhere: str) -> tuple[str, bool]:
    """Run one room; returns its counts as a text, and whether all is well."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), place],
        cwd=ROOT,
        env={**os.environ, "CUT_EVERYWHERE": everywhere},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
    counts = ", ".join(f"{number} {what}" for number, what in _COUNTS.findall(last)) or last
    return f"{counts} in {time.monotonic() - started:.0f} s", done.returncode == 0


def benchmark(command: str) -> tuple[str, bool]:
    """Run one of these files; returns what it printed in one line, and whether it ended well."""
    done = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = [" ".join(line.replace("|", " ").split()) for line in done.stdout.splitlines()]
    return "; ".join(filter(None, lines)) or done.stderr[-200:], done.returncode == 0


def main() -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--loops", type=int, default=50)
    parser.add_argument("--everywhere", nargs="?", const="kill", default="", metavar="HOW")
    given = parser.parse_args()
    well = True
    print("| tried | what | how it ended |\n|---|---|---|", flush=True)
    for place, what in ROOMS:
        told, good = room(place, given.everywhere)
        well = well and good
        print(f"| `{place}` | {what} | {told} |", flush=True)
    for command, what in (
        (
            f"benchmarks/faults.py --sequences {given.sequences} --loops {given.loops}",
            "random faults during `push` and `ship`; the whole cycle again and again",
        ),
        ("benchmarks/line.py", "networks of hotels and trains"),
        ("benchmarks/scale.py", "20,000 files and 2 GB in `codes/`, a model of 6 GB"),
    ):
        told, good = benchmark(command)
        well = well and good
        print(f"| `{command}` | {what} | {told} |", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
