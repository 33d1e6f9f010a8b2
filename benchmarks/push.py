"""How much `invoke push` costs beside the same done by hand with the official CLI, against the local Kaggle.

    python benchmarks/push.py [--rounds 5]

(a) one code file changed: `invoke push`, against `kaggle datasets version -r zip`, `datasets status` until ready,
`kernels push`, `kernels status` until complete. (b) nothing changed: `invoke push`, against `kaggle --version`.
Processing and runs take ten seconds each; by hand they are looked at every second. Process time is user and system time of
the processes. What is compared is measured by turns, and the fastest of the rounds counts: a busy machine only ever adds.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

from tests.local_kaggle import LocalKaggle, RunOrder, ScriptedRunner  # noqa: E402 - the path is set above
from tests.push.conftest import COMPETITION, Played, make_workspace, play  # noqa: E402 - the path is set above

UPLOADS = frozenset(("StartBlobUpload", "PUT", "CreateDataset", "CreateDatasetVersion", "SaveKernel"))
LONGEST_MORE_SECONDS = 0.5
MOST_QUESTIONS = 4
LOOKS = 60
SECONDS = 10.0
HALF = 0.5


@dataclass(frozen=True)
class Cost:
    """What one way of doing it took: seconds of process time, seconds by the clock, and the requests it made."""

    process: float
    wall: float
    requests: tuple[str, ...]


def cost(kaggle: LocalKaggle, do: Callable[[], None]) -> Cost:
    """Do it and measure it."""
    kaggle.forget_requests()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    do()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    process = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(process, wall, tuple(request.method for request in kaggle.requests()))


def slowly(played: Played, order: RunOrder) -> list[str]:
    """Play a run that takes its time."""
    time.sleep(SECONDS)
    return play(played, order)


def run(words: Sequence[str], folder: Path, kaggle: LocalKaggle) -> str:
    """Run a command in the client's environment; returns what it printed."""
    # A machine that keeps no compiled modules would measure the compiler.
    environment = {k: v for k, v in kaggle.environment().items() if k != "PYTHONDONTWRITEBYTECODE"}
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def ask(words: Sequence[str], folder: Path, kaggle: LocalKaggle) -> None:
    """Run a command for what it costs."""
    run(words, folder, kaggle)


def by_hand(root: Path, kaggle: LocalKaggle) -> None:
    """The same with the official CLI; each look at a status is a process, as it is for a person."""
    program = [sys.executable, "-m", "kaggle"]
    run([*program, "datasets", "version", "-p", "build/codes", "-m", "by hand", "-r", "zip"], root, kaggle)
    until("ready", [*program, "datasets", "status", "tester/cmi-codes"], root, kaggle)
    run([*program, "kernels", "push", "-p", "build/sub"], root, kaggle)
    until("COMPLETE", [*program, "kernels", "status", "tester/cmi-sub"], root, kaggle)


def until(word: str, words: Sequence[str], root: Path, kaggle: LocalKaggle) -> None:
    """Ask for a status until it says `word`; anything still different after some looks is a fault of this benchmark."""
    told = ""
    for _ in range(LOOKS):
        told = run(words, root, kaggle)
        if word in told:
            return
        time.sleep(1)
    raise SystemExit(f"{' '.join(words)} still says {told!r} instead of {word}.")


def change(path: Path, number: int) -> None:
    """Change one file."""
    path.write_text(path.read_text(encoding="utf-8") + f"\n# {number}\n", encoding="utf-8")


def main() -> int:
    """Measure, print the ratios, and return 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description="What invoke push costs.")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        root = make_workspace(ROOT, Path(scratch))
        hand = Path(scratch) / "hand"
        played = Played()
        with LocalKaggle(
            Path(scratch) / "kaggle", runner=ScriptedRunner(lambda order: slowly(played, order))
        ) as kaggle:
            public = root / "data" / "competitions" / COMPETITION
            # As on Kaggle, only shorter: both are waited for, and cost a tool nothing but its looks.
            kaggle.behave(processing_seconds=SECONDS, status_of="newest")
            kaggle.add_competition(
                COMPETITION, public={p.name: p.read_bytes() for p in public.iterdir()}, metric="accuracy"
            )
            push = [sys.executable, "-m", "invoke", "push"]
            run(push, root, kaggle)
            ours, theirs, idle, version = [], [], [], []
            for number in range(rounds):
                change(root / "codes" / "exp001.py", number)
                ours.append(cost(kaggle, lambda: ask(push, root, kaggle)))
                idle.append(cost(kaggle, lambda: ask(push, root, kaggle)))
                version.append(
                    cost(kaggle, lambda: ask([sys.executable, "-m", "kaggle", "--version"], root, kaggle))
                )
                # By hand the same bytes go up: what was staged last.
                shutil.copytree(root / "build", hand / "build", dirs_exist_ok=True)
                theirs.append(cost(kaggle, lambda: by_hand(hand, kaggle)))
    return report(ours, theirs, idle, version)


def report(
    ours: Sequence[Cost], theirs: Sequence[Cost], idle: Sequence[Cost], version: Sequence[Cost]
) -> int:
    """Print what was found; 1 when an aim is missed."""
    process = min(c.process for c in ours), min(c.process for c in theirs)
    requests = max(len(c.requests) for c in ours), min(len(c.requests) for c in theirs)
    wall = min(c.wall for c in idle), min(c.wall for c in version)
    idle_process = min(c.process for c in idle), min(c.process for c in version)
    asked = max(sum(name != "IntrospectToken" for name in c.requests) for c in idle)
    uploads = sum(name in UPLOADS for c in idle for name in c.requests)
    ratio, more = process[0] / process[1], wall[0] - wall[1]
    print(f"cpus: {os.cpu_count()}, rounds: {len(ours)}, the fastest counts")
    print("(a) one code file changed, against the same by hand")
    print(
        f"    process time: {process[0]:.2f} s to {process[1]:.2f} s, ratio {ratio:.2f} (aim: at most {HALF:.2f})"
    )
    print(
        f"    requests: {requests[0]} to {requests[1]}, ratio {requests[0] / requests[1]:.2f} (aim: at most 1.00)"
    )
    print(f"    {', '.join(f'{name} {count}' for name, count in Counter(ours[-1].requests).most_common())}")
    print("(b) nothing changed, against kaggle --version")
    print(
        f"    by the clock: {wall[0]:.2f} s to {wall[1]:.2f} s, ratio {wall[0] / wall[1]:.2f}, {more:+.2f} s (aim: at most {LONGEST_MORE_SECONDS:+.2f} s)"
    )
    print(
        f"    process time: {idle_process[0]:.2f} s to {idle_process[1]:.2f} s, ratio {idle_process[0] / idle_process[1]:.2f}"
    )
    print(
        f"    requests beside the token's: {asked} (aim: at most {MOST_QUESTIONS}), uploads: {uploads} (aim: 0)"
    )
    met = (
        ratio <= HALF
        and requests[0] <= requests[1]
        and more <= LONGEST_MORE_SECONDS
        and asked <= MOST_QUESTIONS
        and uploads == 0
    )
    print("every aim is met" if met else "an aim is missed")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
