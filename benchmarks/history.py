"""How much longer `invoke history` takes than `invoke --list`, with 2,000 submissions in the ledger.

Run with `python benchmarks/history.py`; it ends with exit code 1 when the difference is above half a second.
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

SUBMISSIONS = 2000
ALLOWED = 0.5
RUNS = 7


def main() -> int:
    from kaggle_workflow.ledger import book as ledger
    from tests.ledger import samples

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copy(ROOT / "template" / "tasks.py", root)
        (root / "invoke.yaml").write_text("workspace:\n  entry: exp001.py\n", encoding="utf-8")
        ledger.append(root, *samples.events(SUBMISSIONS))
        size = (root / ledger.FILE).stat().st_size
        print(
            f"{SUBMISSIONS} submissions, {3 * SUBMISSIONS} events, {size / 1e6:.1f} MB; the best of {RUNS} runs, alternating:"
        )
        commands = {
            "invoke --list": ["--list"],
            "invoke history": ["history"],
            "invoke history --limit 0": ["history", "--limit", "0"],
            "invoke history --group": ["history", "--group"],
            "invoke history --json --limit 0": ["history", "--json", "--limit", "0"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS + 1):
            for name, words in commands.items():
                seconds[name].append(run(root, words))
        base = min(seconds["invoke --list"][1:])
        worst = 0.0
        for name, taken in seconds.items():
            best = min(taken[1:])
            worst = max(worst, best - base)
            print(f"  {name:<34} {best:.2f} s  (+{best - base:.2f} s)")
        print(f"the slowest takes {worst:.2f} s more than invoke --list; allowed {ALLOWED} s")
        return 0 if worst <= ALLOWED else 1


def run(root: Path, words: list[str]) -> float:
    """Seconds of one command on a terminal, where tables cost most."""
    reading, writing = pty.openpty()
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", *words], cwd=root, stdin=writing, stdout=writing, stderr=writing
    )
    os.close(writing)
    while True:
        try:
            if not os.read(reading, 1 << 16):
                break
        except OSError:
            # Linux says so when the other end of a pseudo-terminal is closed.
            break
    code = child.wait()
    taken = time.monotonic() - started
    os.close(reading)
    if code != 0:
        raise SystemExit(f"invoke {' '.join(words)} ended with {code}")
    return taken


if __name__ == "__main__":
    raise SystemExit(main())
