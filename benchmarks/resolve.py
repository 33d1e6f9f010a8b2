"""Seconds that `invoke check --deps` takes for the worked example's requirements against the package's image list.

Run it from the repository's root: python benchmarks/resolve.py. The first resolution fills pip's cache. The second, with the
answer of the first removed, is the one that counts. The last one reads the stored answer, without network. The CPU time includes
pip's and doesn't depend on what else the machine does.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from kaggle_workflow import workspace  # noqa: E402 - the path is set above
from kaggle_workflow.images import from_kaggle, resolving  # noqa: E402 - the path is set above
from tests.push.conftest import ROOT, make_workspace  # noqa: E402 - the path is set above


def main() -> None:
    """Resolve three times and print the seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        found = workspace.load(make_workspace(ROOT, Path(folder)))
        count = len(from_kaggle.image_of(found, "deps").versions)
        for name in ("first", "warm cache", "stored answer"):
            if name == "warm cache":
                shutil.rmtree(found.build / "images")
            started, cpu = time.monotonic(), sum(os.times()[:4])
            resolving.resolve(found, lambda _: None)
            seconds, busy = time.monotonic() - started, sum(os.times()[:4]) - cpu
            print(f"{name}: {seconds:.2f} s against {count} packages, CPU {busy:.2f} s")


if __name__ == "__main__":
    main()
