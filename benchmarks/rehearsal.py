"""What rehearsal, check, listing and copying cost: `python benchmarks/rehearsal.py`, ratios and differences of one run.

| figure | aim |
|---|---|
| rehearsal with unchanged deps, beyond its entry point | at most 3 s |
| `invoke check` | at most 1 s |
| `invoke --list`, against a bare tasks.py | at most 1.3 times |
| `copier copy`, against a template of the same files and nothing to ask | at most 1.25 times |

Against an *empty* template the last figure is shown without an aim: copier 9.19 starts one git process for every file that it
writes (`_sync_git_index_executable_bit`), so it is the number of files that decides there, not the template.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import workspaces  # noqa: E402 - the repository's root has to be on the path first

ROUNDS = 5


def best(action: Callable[[], object]) -> float:
    """Seconds of an action: the quickest of the rounds, after one that warms caches."""
    action()
    times = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        action()
        times.append(time.monotonic() - started)
    return min(times)


def run(folder: Path, *words: str) -> None:
    """Run a command that has to succeed."""
    # As on anybody's machine: modules are compiled once and kept.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")


def entry_seconds(workspace: Path) -> float:
    """Seconds of the entry point alone, with its packages installed, as the last rehearsal's image runs it."""
    report = json.loads((workspace / "build/rehearsal/working/run-report.json").read_text(encoding="utf-8"))
    return float(report["entry_seconds"])


def empty_template(folder: Path) -> Path:
    """A template of one empty file, without questions."""
    (folder / "template").mkdir(parents=True)
    (folder / "template" / "tasks.py").touch()
    (folder / "copier.yml").write_text("_subdirectory: template\n", encoding="utf-8")
    workspaces.git(folder, "init", "--quiet")
    workspaces.git(folder, "add", "--all")
    workspaces.git(folder, "commit", "--quiet", "-m", "empty")
    workspaces.git(folder, "tag", "v1")
    return folder


def main() -> None:
    """Measure and print the table; exit 1 when an aim is missed."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        template = workspaces.clone_template(base / "template")
        workspace = workspaces.make(template, base / "ws", example="cmi-sleep")
        bare = base / "bare"
        bare.mkdir()
        (bare / "tasks.py").write_text(
            "from invoke import task\n\n\n@task\ndef hello(c):\n    print('hello')\n", encoding="utf-8"
        )
        empty = empty_template(base / "empty")
        names = iter(range(1_000))

        def copy(source: Path, *data: str) -> None:
            run(
                base,
                "copier",
                "copy",
                "--quiet",
                "--defaults",
                *data,
                str(source),
                str(base / f"copy{next(names)}"),
            )

        rehearsal = best(lambda: run(workspace, "invoke", "rehearse"))
        rows = [
            ("rehearsal beyond its entry point (s)", rehearsal - entry_seconds(workspace), 3.0),
            ("invoke check (s)", best(lambda: run(workspace, "invoke", "check")), 1.0),
            (
                "invoke --list / bare tasks.py",
                best(lambda: run(workspace, "invoke", "--list"))
                / best(lambda: run(bare, "invoke", "--list")),
                1.3,
            ),
            (
                "copier copy / an empty template",
                best(lambda: copy(template)) / best(lambda: copy(empty)),
                1.25,
            ),
        ]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, best of {ROUNDS} rounds")
    for name, value, aim in rows:
        print(f"| {name:<38} | {value:5.2f} | at most {aim:4.2f} | {'holds' if value <= aim else 'MISSED'} |")
    if any(value > aim for _, value, aim in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
