"""Seconds that `check` takes for 1,000 modules of 100 lines, the first time and with the caches of the build folder.

Run it from the repository's root: python benchmarks/imports.py [--modules 1000]. The time for the imports alone is part of the
time for `check`. The CPU time doesn't depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

from kaggle_workflow import check, workspace  # noqa: E402 - the path is set above
from kaggle_workflow.reach import reached  # noqa: E402 - the path is set above
from tests.push.conftest import make_workspace  # noqa: E402 - the path is set above

HEAD = "import os\nimport sys\nfrom pathlib import Path\n\nimport numpy as np\nimport pandas\nfrom sklearn import metrics\n"
BODY = "".join(
    f"def step{n}(rows: list[int]) -> int:\n    return sum(row * {n} for row in rows)\n\n\n"
    for n in range(23)
)


def main() -> None:
    """Measure the imports alone, then all of `check`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=1000)
    count = parser.parse_args().modules
    with tempfile.TemporaryDirectory() as scratch:
        root = make_workspace(ROOT, Path(scratch))
        for n in range(count):
            after = f"import module{n + 1}\n" if n + 1 < count else ""
            (root / f"codes/module{n}.py").write_text(f"{HEAD}{after}\n\n{BODY}", encoding="utf-8")
        (root / "invoke.yaml").write_text("workspace:\n  entry: module0.py\n", encoding="utf-8")
        found = workspace.load(root)
        for run in ("first", "again"):
            measure(f"imports, {run}", lambda: reached(["module0.py"], root / "codes", found.build))
        shutil.rmtree(found.build)
        for run in ("first", "again"):
            measure(f"check, {run}", lambda: check.find_all(found))


def measure(name: str, work: Callable[[], object]) -> None:
    """Print the seconds that something takes."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    print(f"{name}: {time.perf_counter() - start:.2f} s, CPU {time.process_time() - cpu:.2f} s")


if __name__ == "__main__":
    main()
