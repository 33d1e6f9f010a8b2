"""How long finding the inputs takes beside a competition of a million files: `python benchmarks/find.py FOLDER [--files N]`.

FOLDER gets the files (it needs as many inodes) and is emptied again. Compared with what most public notebooks do,
`glob("/kaggle/input/**/…", recursive=True)`. All in one run, on a warm local disk; Kaggle's is a network file system, where 144 s
were reported for one such glob. Every source is found in each layout; the fastest of the rounds counts. Aim: under 10 ms.
"""

from __future__ import annotations

import argparse
import glob
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "shim"))

from kaggle_shim import mounts, refs  # noqa: E402 - the shim has to be on the path first
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan  # noqa: E402 - the path is set above

ROUNDS = 5
AIM = 10.0
IN_A_FOLDER = 1000
COMPETITION = refs.CompetitionRef("big")
CODES = refs.DatasetRef("me", "cmi-codes")
SOURCES: tuple[refs.Ref, ...] = (
    COMPETITION,
    refs.DatasetRef("somebody", "features"),
    refs.NotebookRef("me", "cmi-deps"),
    refs.ModelRef("me", "cmi-models", "PyTorch", "exp001", 3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1_000_000)
    asked = parser.parse_args()
    data = asked.folder.resolve() / "data"
    data.mkdir(parents=True)
    try:
        fill(data, asked.files)
        print(
            f"{asked.files} files in the competition's folder, {len(SOURCES) + 1} sources attached, {os.cpu_count()} processors"
        )
        for layout in refs.LAYOUTS:
            root = asked.folder.resolve() / layout
            fingerprint = attach(root, layout, data)
            elsewhere = root / "unknown" / "layout" / "cmi-codes"
            shown = root / CODES.mount(layout)
            report(f"find all, {layout}", fastest(partial(find_all, root, fingerprint)))
            elsewhere.parent.mkdir(parents=True)
            shown.rename(elsewhere)
            report(
                f"find all, {layout}, codes at a place nobody has seen",
                fastest(partial(find_all, root, fingerprint)),
            )
            # One round: it reads everything, and the file system's cache is warm by now.
            started = time.perf_counter()
            found = glob.glob(f"{root}/**/{CODES_MANIFEST}", recursive=True)  # noqa: PTH207 - what public notebooks write
            print(
                f"glob for one file, {layout}: {(time.perf_counter() - started) * 1000:.0f} ms ({len(found)} found)"
            )
    finally:
        shutil.rmtree(asked.folder)


def fill(data: Path, count: int) -> None:
    """Empty files, a thousand to a folder."""
    for number in range(count):
        folder = data / f"series{number // IN_A_FOLDER:04}"
        if number % IN_A_FOLDER == 0:
            folder.mkdir()
        os.close(os.open(f"{folder}/{number}.bin", os.O_CREAT | os.O_WRONLY))


def attach(root: Path, layout: str, data: Path) -> str:
    """Lay the sources out, the competition by moving its folder there; returns the fingerprint of the codes."""
    for ref in (*SOURCES[1:], CODES):
        (root / ref.mount(layout)).mkdir(parents=True)
    place = root / COMPETITION.mount(layout)
    place.parent.mkdir(parents=True, exist_ok=True)
    before = next(
        p for p in (data, root.parent / refs.LAYOUTS[0] / COMPETITION.mount(refs.LAYOUTS[0])) if p.is_dir()
    )
    before.rename(place)
    codes = root / CODES.mount(layout)
    (codes / "exp001.py").write_text("print('hello')\n", encoding="utf-8")
    manifest = Manifest("w", "big", scan(codes))
    (codes / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    return manifest.fingerprint


def find_all(root: Path, fingerprint: str) -> None:
    for ref in SOURCES:
        mounts.locate(ref, root)
    mounts.locate_ours(CODES, root, CODES_MANIFEST, fingerprint, [COMPETITION])


def fastest(action: Callable[[], None]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def report(name: str, milliseconds: float) -> None:
    print(f"{name}: {milliseconds:.2f} ms (aim: under {AIM:.0f}) {'ok' if milliseconds < AIM else 'MISSED'}")


if __name__ == "__main__":
    main()
