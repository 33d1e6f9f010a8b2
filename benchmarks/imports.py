"""What `check` costs on imports: 1,000 modules of 100 lines, the first time and with the cache of the build folder.

python benchmarks/imports.py [--modules 1000]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "shim")]

from kaggle_workflow import code_reading, reach  # noqa: E402 - the path is set above

BODY = "".join(
    f"def step{n}(rows: list[int]) -> int:\n    return sum(row * {n} for row in rows)\n\n\n"
    for n in range(24)
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=1000)
    count = parser.parse_args().modules
    with tempfile.TemporaryDirectory() as scratch:
        codes, build = Path(scratch, "codes"), Path(scratch, "build")
        codes.mkdir()
        for n in range(count):
            after = f"import module{n + 1}\n" if n + 1 < count else ""
            text = f"import numpy as np\nimport pandas\nfrom sklearn import metrics\n{after}\n\n{BODY}"
            (codes / f"module{n}.py").write_text(text, encoding="utf-8")
        for what in ("read", "from the cache"):
            code_reading._read.cache_clear()  # noqa: SLF001 - a new process has none
            start = time.perf_counter()
            found = reach.reached(["module0.py"], codes, build)
            seconds = time.perf_counter() - start
            print(f"{count} modules, {what}: {seconds:.2f} s ({len(found.imports)} imports)")


if __name__ == "__main__":
    main()
