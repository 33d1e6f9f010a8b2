"""What the shim adds to `python entry.py`: `python benchmarks/start.py`, everything in one run, the fastest of the rounds counts.

Measured is what a notebook without wheels does: unpack the shim from its first cell, import it, find the inputs, copy the codes,
start the entry point. The clock stops at the entry point's first line. The shim is unpacked anew each time, as on Kaggle: no
module of it is compiled yet. A kernel has imported much of the standard library already: that is what Kaggle has, and what the
aim (at most 100 ms) is for. A bare interpreter, which has imported nothing, is measured for comparison.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "shim")]

from kaggle_shim import refs  # noqa: E402 - the template has to be on the path first
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan  # noqa: E402 - the path is set above
from kaggle_shim.plan import Input, Plan  # noqa: E402 - the path is set above
from kaggle_workflow.stage import bundle, compose  # noqa: E402 - the path is set above

ROUNDS = 15
AIM = 100.0
ENTRY = "import time\nprint('STARTED', repr(time.time()))\nopen('submission.csv', 'w').write('id,target\\n1,0\\n')\n"
KERNEL = "import ipykernel.ipkernel, ipykernel.zmqshell"
NOTEBOOK = "{warm}\nimport time\n_begun = time.time()\n{cell}\nimport kaggle_shim\nkaggle_shim.run()\nprint('BEGUN', repr(_begun))\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plan = attach(root)
        cell = first_cell(plan)
        direct = root / "entry.py"
        direct.write_text(ENTRY, encoding="utf-8")
        scripts = {}
        for name, warm in (("in a kernel", KERNEL), ("in a bare interpreter", "")):
            scripts[name] = root / f"{name.replace(' ', '-')}.py"
            scripts[name].write_text(NOTEBOOK.format(warm=warm, cell=cell), encoding="utf-8")
        times: dict[str, list[float]] = {"python entry.py": [], **{name: [] for name in scripts}}
        for _ in range(ROUNDS):
            times["python entry.py"].append(started_alone(root, direct))
            for name, script in scripts.items():
                times[name].append(started_by_shim(root, script))
    alone = min(times["python entry.py"])
    print(
        f"python entry.py, to its first line: {alone:.0f} ms (Python {sys.version.split()[0]}, {ROUNDS} rounds)"
    )
    more = {name: min(times[name]) - alone for name in scripts}
    verdict = "ok" if more["in a kernel"] <= AIM else "MISSED"
    print(f"by the shim, in a kernel: {more['in a kernel']:.0f} ms more (aim: at most {AIM:.0f}) {verdict}")
    print(f"by the shim, in a bare interpreter: {more['in a bare interpreter']:.0f} ms more")


def attach(root: Path) -> Plan:
    """A competition with a sample and a code dataset, and the plan that wants them."""
    competition, dataset = refs.CompetitionRef("titanic"), refs.DatasetRef("me", "cmi-codes")
    folders = [root / "input" / ref.mount("namespaced") for ref in (competition, dataset)]
    for place in (*folders, root / "working", root / "tmp"):
        place.mkdir(parents=True)
    (folders[0] / "sample_submission.csv").write_text("id,target\n1,0\n", encoding="utf-8")
    (folders[1] / "entry.py").write_text(ENTRY, encoding="utf-8")
    manifest = Manifest("w", "titanic", scan(folders[1]))
    (folders[1] / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    inputs = (Input(competition, "data"), Input(dataset, "codes", manifest.fingerprint))
    return Plan("sub", "me/cmi-sub", "w", "titanic", "benchmark", inputs, entry=("entry.py",), limit=60.0)


def first_cell(plan: Plan) -> str:
    """What staging puts in front of a notebook."""
    import json

    source = compose.read_source(ROOT / "template" / "sub" / "sub.ipynb")
    text = compose.compose(source, plan, "benchmark", bundle.pack_shim(plan.role))
    cell = str(json.loads(text)["cells"][0]["source"])
    ast.parse(cell)
    return cell


def started_alone(root: Path, script: Path) -> float:
    """Milliseconds from starting an interpreter to the script's first line."""
    code = f"import subprocess, sys, time; print('BEGUN', repr(time.time()), flush=True); subprocess.run([sys.executable, {str(script)!r}])"
    return between(root, [sys.executable, "-c", code])


def started_by_shim(root: Path, script: Path) -> float:
    """Milliseconds from the first cell's first line to the entry point's first line."""
    return between(root, [sys.executable, str(script)])


def between(root: Path, command: list[str]) -> float:
    # As on anybody's machine: the standard library is compiled and kept. The shim is new in its folder each time.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {f"KAGGLE_SHIM_{name.upper()}": str(root / name) for name in ("input", "working", "tmp")}
    done = subprocess.run(
        command, cwd=root / "working", env=environment, capture_output=True, encoding="utf-8", check=True
    )
    marks = dict(
        line.split()[:2] for line in done.stdout.splitlines() if line.startswith(("BEGUN ", "STARTED "))
    )
    return (float(marks["STARTED"]) - float(marks["BEGUN"])) * 1000


if __name__ == "__main__":
    main()
