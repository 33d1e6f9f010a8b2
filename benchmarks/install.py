"""How long it takes to install wheels offline: the shim, the article's own line, uv, and a bare unzip as the limit.

Run `python benchmarks/install.py FOLDER`: FOLDER keeps the wheels between runs (they are fetched once, from the index that
pip is configured for) and holds what is installed meanwhile. All rivals take turns in one run; every one starts with no
cache and copies, as on Kaggle, where the wheels lie on another file system. The fastest of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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
ARTICLE, UV, UNZIP, SHIM = "article's line (pip)", "uv pip install", "bare unzip, two processes", "the shim"

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
    run("uv", "pip", "install", "-q", *options, "--python", python_of(place), *wheels)


def unzip(wheels: list[Path], place: Path) -> None:
    shares: list[list[Path]] = [[], []]
    loads = [0, 0]
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
        PYTHONPATH=str(ROOT / "template" / "shim"),
    )


def python_of(place: Path) -> Path:
    return place / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def seconds(rival: Callable[[list[Path], Path], None], wheels: list[Path], place: Path) -> float:
    """One turn in an empty folder, with nothing left to write from the turn before."""
    shutil.rmtree(place, ignore_errors=True)
    bare = [] if rival is article else ["--without-pip"]
    run(sys.executable, "-m", "venv", *bare, place / "venv")
    if hasattr(os, "sync"):
        os.sync()
    started = time.perf_counter()
    rival(wheels, place)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="keeps the wheels, and what is installed meanwhile")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    wheels = fetch(options.folder.resolve() / "wheels")
    size, files = sum(path.stat().st_size for path in wheels), 0
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            files += len(archive.infolist())
    print(
        f"{len(wheels)} wheels, {size / 1e6:.0f} MB, {files} files; {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    if (len(wheels), size, files) < AT_LEAST or size < AT_LEAST[1] or files < AT_LEAST[2]:
        sys.exit(f"Too few wheels in {options.folder}: empty it and run again.")
    rivals: dict[str, Callable[[list[Path], Path], None]] = {SHIM: shim, ARTICLE: article, UNZIP: unzip}
    if shutil.which("uv"):
        rivals[UV] = uv
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(options.rounds):
        for name, rival in rivals.items():
            times[name].append(seconds(rival, wheels, options.folder.resolve() / "place"))
    shutil.rmtree(options.folder.resolve() / "place")
    best = {name: min(found) for name, found in times.items()}
    print(f"\n| {'installer':<26} | seconds | all rounds{'':<{options.rounds * 6 - 11}} | against the shim |")
    print(f"|{'-' * 28}|--------:|{'-' * (options.rounds * 6 + 1)}|-----------------:|")
    for name, value in sorted(best.items(), key=lambda item: item[1]):
        rounds = " ".join(f"{one:5.2f}" for one in times[name])
        print(f"| {name:<26} | {value:7.2f} | {rounds} | {value / best[SHIM]:15.2f}x |")
    aims = {
        "at least 8 times faster than the article's line": best[ARTICLE] >= 8 * best[SHIM],
        "not slower than uv": UV not in best or best[SHIM] <= best[UV],
        "at most 1.25 times the bare unzip": best[SHIM] <= 1.25 * best[UNZIP],
    }
    print()
    for aim, met in aims.items():
        print(f"{'met   ' if met else 'MISSED'} {aim}")
    return 0 if all(aims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
