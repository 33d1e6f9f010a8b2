"""What the record costs that each run on Kaggle writes of its image: milliseconds and bytes for the package's lists.

python benchmarks/record.py: plays each image by metadata folders alone and writes the record in fresh interpreters, as a run does.

| figure | aim |
|---|---|
| what the record adds to a run, its imports included | at most 50 ms of the processor |
| size | at most 40 kB, nothing left out |
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "shim")]

from kaggle_shim.image import IMAGE_LIST  # noqa: E402 - the path is set above
from kaggle_workflow import images  # noqa: E402 - the path is set above

ROUNDS = 7
MOST_SECONDS, MOST_BYTES = 0.050, 40_000
_CHILD = """
import sys, time
from pathlib import Path
import kaggle_shim.running  # what a run has loaded before
started, used = time.perf_counter(), time.process_time()
from kaggle_shim.image import write_list
write_list(Path(sys.argv[1]), sys.argv[2:])
print(time.process_time() - used, time.perf_counter() - started)
"""


def play(image: images.Image, site: Path) -> None:
    """Write the metadata folder of each package, and as many other folders as an installed package has."""
    for name, version in image.versions.items():
        stem = name.replace("-", "_")
        (site / f"{stem}-{version or '0'}.dist-info").mkdir(parents=True)
        (site / stem).mkdir(exist_ok=True)


def main() -> None:
    """Measure and print a table; exit 1 when an aim is missed."""
    missed = False
    for name, accelerator in (("2026-08", "cpu"), ("2026-08", "gpu"), ("2026-08", "tpu")):
        with tempfile.TemporaryDirectory() as folder:
            site, working = Path(folder, "site-packages"), Path(folder, "working")
            working.mkdir()
            play(images.load(name, accelerator), site)
            seconds = []
            for _ in range(ROUNDS):
                done = subprocess.run(
                    [sys.executable, "-c", _CHILD, str(working), str(site)],
                    env={**os.environ, "PYTHONPATH": str(ROOT / "shim")},
                    capture_output=True,
                    check=True,
                    encoding="utf-8",
                )
                seconds.append([float(word) for word in done.stdout.split()])
            path = working / IMAGE_LIST
            value = json.loads(path.read_text(encoding="utf-8"))
            size = path.stat().st_size
            best, wall = (min(column) for column in zip(*seconds, strict=True))
        missed |= best > MOST_SECONDS or size > MOST_BYTES or value["left_out"] > 0
        print(
            f"{name} {accelerator}: {len(value['versions'])} packages, {best * 1000:.1f} ms "
            f"({wall * 1000:.1f} ms by the clock), {size} bytes, {value['left_out']} left out"
        )
    if missed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
