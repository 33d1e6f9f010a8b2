"""How long it takes to install wheels offline: the shim, the article's own line, uv, and a bare unzip as the limit.

Run `python benchmarks/install.py FOLDER`: FOLDER keeps the wheels between runs (they are fetched once, from the index that
pip is configured for). Installed is into memory (`/dev/shm`) where that has room, else into FOLDER: a disk that still writes
what the rival before has left makes one and the same unzip twice as slow. Every rival starts with no cache and copies, as on
Kaggle, where the wheels lie on another file system. They take turns and each round begins with another one. What counts is the
median over the rounds of one rival's time against the shim's in the same round, because others who use the machine slow down both;
the fastest round and the processor seconds (of all its processes) stand beside it.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[1]
WANTED = (
    "pandas",
    "matplotlib",
    "scikit-learn",
    "lightgbm",
    "datasets",
    "sympy",
    "networkx",
    "loguru",
    "nltk",
    "hydra-core",
)
AT_LEAST = (40, 100_000_000, 3_000)
AT_MOST = 1.25
AT_LEAST_FASTER = 8
ARTICLE, UV, UNZIP, SHIM = "article's line (pip)", "uv pip install", "bare unzip", "the shim"
MEMORY = Path("/dev/shm")  # noqa: S108 - memory is what is wanted, in a folder that tempfile makes
# What one installation needs at most, with the environment that it goes into.
ROOM = 4_000_000_000
# pip's line takes ten times as long as all others together, and is not close to any limit.
SLOW_ROUNDS = 2
# Beside the interpreter first: in a virtual environment that is not activated it is not on the path.
UV_PROGRAM = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

_SHIM = """
import sys
from pathlib import Path
from kaggle_shim import overlay, wheels
from kaggle_shim.install import install
install(wheels.discover([Path(sys.argv[1])]), overlay.create(Path(sys.argv[2])))
"""
_UNZIP = """
import sys, zipfile
for path in sys.argv[2:]:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(sys.argv[1])
"""


class Turn(NamedTuple):
    """What one turn of a rival took: seconds on the clock, and of processors."""

    seconds: float
    processor: float


def fetch(folder: Path) -> list[Path]:
    """The wheels, fetched when they are not there yet."""
    if not any(folder.glob("*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "-w", str(folder), *WANTED], check=True)
    return sorted(folder.glob("*.whl"), key=lambda path: path.stat().st_size, reverse=True)


def run(*command: str | Path, **environment: str) -> None:
    subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def article(wheels: list[Path], place: Path) -> None:
    run(
        python_of(place),
        "-m",
        "pip",
        "install",
        "-q",
        *wheels,
        "--force-reinstall",
        "--no-deps",
        "--no-index",
        PIP_NO_CACHE_DIR="1",
    )


def uv(wheels: list[Path], place: Path) -> None:
    options = (
        "--offline",
        "--no-index",
        "--no-deps",
        "--link-mode",
        "copy",
        "--cache-dir",
        place / "cache",
        "--no-config",
    )
    run(UV_PROGRAM or "uv", "pip", "install", "-q", *options, "--python", python_of(place), *wheels)


def unzip(wheels: list[Path], place: Path) -> None:
    """As many processes as the shim starts writers."""
    shares: list[list[Path]] = [[] for _ in range(PROCESSORS)]
    loads = [0] * PROCESSORS
    for wheel in wheels:
        least = loads.index(min(loads))
        shares[least].append(wheel)
        loads[least] += wheel.stat().st_size
    children = [
        subprocess.Popen([sys.executable, "-I", "-S", "-c", _UNZIP, str(place / "out"), *map(str, share)])
        for share in shares
    ]
    codes = [child.wait() for child in children]
    if any(codes):
        sys.exit("The bare unzip failed.")


def shim(wheels: list[Path], place: Path) -> None:
    run(
        python_of(place),
        "-c",
        _SHIM,
        wheels[0].parent,
        place / "overlay",
        PYTHONPATH=str(ROOT / "shim"),
    )


def python_of(place: Path) -> Path:
    return place / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def take(rival: Callable[[list[Path], Path], None], wheels: list[Path], place: Path) -> Turn:
    """One turn in an empty folder, with nothing left to write from the turn before."""
    shutil.rmtree(place, ignore_errors=True)
    bare = [] if rival in {article, shim} else ["--without-pip"]
    run(sys.executable, "-m", "venv", *bare, place / "venv")
    os.sync()
    before = processor_seconds()
    started = time.perf_counter()
    rival(wheels, place)
    return Turn(time.perf_counter() - started, processor_seconds() - before)


def processor_seconds() -> float:
    """What the children that have ended, and theirs, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def in_turns(
    rivals: Mapping[str, Callable[[list[Path], Path], None]], rounds: int, wheels: list[Path], place: Path
) -> dict[str, list[Turn]]:
    """All rounds; each begins with another rival, so that none always follows the one that left most to clean up."""
    turns: dict[str, list[Turn]] = {name: [] for name in rivals}
    names = list(rivals)
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            if name != ARTICLE or number < SLOW_ROUNDS:
                turns[name].append(take(rivals[name], wheels, place))
                print(f"round {number + 1}: {name} {turns[name][-1].seconds:.2f} s", file=sys.stderr)
    return turns


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="keeps the wheels")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    wheels = fetch(options.folder.resolve() / "wheels")
    size, files = sum(path.stat().st_size for path in wheels), 0
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            files += len(archive.infolist())
    if any(found < least for found, least in zip((len(wheels), size, files), AT_LEAST, strict=True)):
        sys.exit(f"Too few wheels in {options.folder}: empty it and run again.")
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    rivals = {UNZIP: unzip, SHIM: shim} | ({UV: uv} if UV_PROGRAM else {}) | {ARTICLE: article}
    with tempfile.TemporaryDirectory(dir=MEMORY if in_memory else options.folder) as folder:
        print(
            f"{len(wheels)} wheels, {size / 1e6:.0f} MB, {files} files, installed into {'memory' if in_memory else options.folder}; "
            f"{PROCESSORS} processors and as many writing processes, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
        )
        turns = in_turns(rivals, options.rounds, wheels, Path(folder, "place"))
    return judge(turns)


def judge(turns: dict[str, list[Turn]]) -> int:
    """Print the table and what was aimed at; 0 when all of it was shown."""
    against = {
        name: statistics.median(
            turn.seconds / own.seconds for turn, own in zip(found, turns[SHIM], strict=False)
        )
        for name, found in turns.items()
    }
    print(f"\n| {'installer':<20} | against the shim | best, seconds | processor seconds | all rounds")
    print(f"|{'-' * 22}|-----------------:|--------------:|------------------:|{'-' * 12}")
    for name, ratio in sorted(against.items(), key=lambda item: item[1]):
        seconds, processor = (min(values) for values in zip(*turns[name], strict=True))
        rounds = " ".join(f"{turn.seconds:.2f}" for turn in turns[name])
        print(f"| {name:<20} | {ratio:15.2f}x | {seconds:13.2f} | {processor:17.2f} | {rounds}")
    aims = {
        f"at least {AT_LEAST_FASTER} times faster than the article's line": against[ARTICLE]
        >= AT_LEAST_FASTER,
        f"at most {AT_MOST} times the bare unzip (it is {1 / against[UNZIP]:.2f})": 1 / against[UNZIP]
        <= AT_MOST,
        "not slower than uv" if UV in against else "not slower than uv: it is not here": against.get(UV, 0)
        >= 1,
    }
    print()
    for aim, met in aims.items():
        print(f"{'met   ' if met else 'MISSED'} {aim}")
    return 0 if all(aims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
