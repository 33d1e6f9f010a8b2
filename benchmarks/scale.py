"""What many files, many bytes and one huge model cost: staging, checking, fingerprints; time and memory of each.

python benchmarks/scale.py [--files 20000] [--megabytes 2000] [--model-megabytes 6000]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

from kaggle_workflow import check, model_files, workspace  # noqa: E402 - the path is set above
from kaggle_workflow.stage import codes  # noqa: E402 - as above

_TOPS = 40


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and the most memory that the process had, in MB."""

    seconds: float
    megabytes: float


def stage() -> None:
    """Stage the codes of the workspace in the current folder."""
    codes.stage(workspace.load(Path()), "cup")


def check_all() -> None:
    """Check the workspace in the current folder."""
    check.find_all(workspace.load(Path()))


def fingerprint_model() -> None:
    """Fingerprint the model's folder, with the hashes kept from last time."""
    print(model_files.list_files(Path("model"), model_files.IGNORED, "w", Path("hashes.json")).fingerprint)


WORK = {one.__name__: one for one in (stage, check_all, fingerprint_model)}


def cost(root: Path, work: Callable[[], None]) -> Cost:
    """Do one piece of work in a process of its own."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), "--work", work.__name__],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return Cost(time.perf_counter() - started, int(done.stderr.split()[-1]) / 1e3)


def fill(codes: Path, files: int, megabytes: int) -> None:
    """Write that many files with that many bytes in all, text and not."""
    each = megabytes * 1_000_000 // files
    line = b"value = 12345678  # an ordinary line of code\n"
    for number in range(files):
        folder = codes / f"part{number % _TOPS:02}" / f"{number // _TOPS // 100:03}"
        folder.mkdir(parents=True, exist_ok=True)
        text = number % 2 == 0
        content = (
            (line * (each // len(line) + 1))[:each]
            if text
            else os.urandom(min(each, 4096)) * (each // 4096 + 1)
        )
        (folder / f"f{number}.{'py' if text else 'bin'}").write_bytes(
            f"# {number}\n".encode() + content[:each]
        )


def measure(root: Path, files: int, megabytes: int, model_megabytes: int) -> list[tuple[str, Cost]]:
    """Every line of the table."""
    fill(root / "codes", files, megabytes)
    what = f"{files} files, {megabytes} MB in codes"
    found = [
        (f"{what}: staged the first time", cost(root, stage)),
        (f"{what}: staged again, nothing changed", cost(root, stage)),
    ]
    for number in (0, 2, 4):
        next((root / "codes").rglob(f"f{number}.py")).write_text("changed = True\n", encoding="utf-8")
    found.append((f"{what}: staged again, three files changed", cost(root, stage)))
    found.append((f"{what}: check", cost(root, check_all)))
    (root / "model").mkdir()
    with (root / "model" / "weights.safetensors").open("wb") as file:
        file.truncate(model_megabytes * 1_000_000)
    found.append(
        (f"a model of {model_megabytes} MB: fingerprint the first time", cost(root, fingerprint_model))
    )
    found.append((f"a model of {model_megabytes} MB: fingerprint again", cost(root, fingerprint_model)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--model-megabytes", type=int, default=6000)
    parser.add_argument("--work", choices=WORK, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        WORK[given.work]()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
        return
    # Imported here: what is measured should not have pytest in its memory.
    from tests.push.conftest import make_workspace

    with tempfile.TemporaryDirectory() as folder:
        root = make_workspace(ROOT, Path(folder))
        for name, one in measure(root, given.files, given.megabytes, given.model_megabytes):
            print(f"{one.seconds:8.1f} s {one.megabytes:7.0f} MB  {name}", flush=True)


if __name__ == "__main__":
    main()
