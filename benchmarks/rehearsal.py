"""What rehearsal, check, listing and copying cost: `python benchmarks/rehearsal.py`, ratios and differences of one run.

| figure | aim |
|---|---|
| rehearsal with unchanged deps, beyond its entry point | at most 3 s |
| `invoke check` | at most 1 s |
| `invoke --list`, against a bare tasks.py | at most 1.3 times |
| `copier copy`, against an empty template | at most 1.25 times |

What of the last figure is copier's own is measured beside it: a template with the same files as plain copies and nothing to
ask, alone (copier 9.19 starts a git process for every file that it writes) and in a repository as large as ours (copier
clones all of it). What is left is ours: the questions of copier.yml and the names and texts that are rendered.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
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


def static_template(folder: Path, files: dict[str, bytes]) -> Path:
    """A template of plain files, without questions, in `folder` and whatever lies in it."""
    for name, content in files.items():
        path = folder / "template" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "copier.yml").write_text("_subdirectory: template\n", encoding="utf-8")
    workspaces.git(folder, "init", "--quiet")
    workspaces.git(folder, "add", "--all")
    workspaces.git(folder, "commit", "--quiet", "-m", "static")
    workspaces.git(folder, "tag", "v1")
    return folder


def process_seconds() -> float:
    """User and system time of the processes that were started and ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure_copies(base: Path, template: Path) -> list[tuple[str, float, float | None]]:
    """Compare `copier copy` of ours with what copier takes for the same files; rows of name, ratio and aim."""
    names = iter(range(1_000))

    def copy(source: Path) -> Path:
        target = base / f"copy{next(names)}"
        run(base, "copier", "copy", "--quiet", "--defaults", str(source), str(target))
        return target

    made = copy(template)
    # Copier would not write its answers file as a plain one.
    files = {
        path.relative_to(made).as_posix().lstrip("."): path.read_bytes()
        for path in made.rglob("*")
        if path.is_file()
    }
    large = base / "large"
    shutil.copytree(template, large, ignore=shutil.ignore_patterns(".git", "template"))
    empty = static_template(base / "empty", {"tasks.py": b""})
    static = static_template(base / "static", files)
    # Process time by turns: a copy waits for nothing, and a busy machine slows down all of them.
    times: dict[Path, list[float]] = {}
    for _ in range(ROUNDS):
        for source in (
            empty,
            static,
            static_template(large, files) if large not in times else large,
            template,
        ):
            before = process_seconds()
            copy(source)
            times.setdefault(source, []).append(process_seconds() - before)
    floor = min(times[empty])
    count = f"{len(files)} static files"
    return [
        ("copier copy / an empty template", min(times[template]) / floor, 1.25),
        (f"  {count} / an empty template", min(times[static]) / floor, None),
        (f"  {count}, large repository / empty", min(times[large]) / floor, None),
        (f"copier copy / {count}, large", min(times[template]) / min(times[large]), None),
    ]


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
        rehearsal = best(lambda: run(workspace, "invoke", "rehearse"))
        rows: list[tuple[str, float, float | None]] = [
            ("rehearsal beyond its entry point (s)", rehearsal - entry_seconds(workspace), 3.0),
            ("invoke check (s)", best(lambda: run(workspace, "invoke", "check")), 1.0),
            (
                "invoke --list / bare tasks.py",
                best(lambda: run(workspace, "invoke", "--list"))
                / best(lambda: run(bare, "invoke", "--list")),
                1.3,
            ),
            *measure_copies(base, template),
        ]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, best of {ROUNDS} rounds")
    for name, value, aim in rows:
        verdict = "" if aim is None else f"at most {aim:4.2f} | {'holds' if value <= aim else 'MISSED'}"
        print(f"| {name:<46} | {value:5.2f} | {verdict} |")
    if any(aim is not None and value > aim for _, value, aim in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
