"""Rehearse an entry of lightgbm, polars and torch on the versions of Kaggle's image, and compare every package inside with its list.

python benchmarks/true_versions.py [--accelerator cpu] [--cache FOLDER]. Where only the index of CUDA builds can be reached, torch brings
3 GB of libraries, so this is no test of the suite; tests/workflow/test_rehearse.py does the same with the smaller packages.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from kaggle_shim.wheels import normalise  # noqa: E402 - the path is set above
from kaggle_workflow.images import catalogue  # noqa: E402 - the path is set above
from tests import workspaces  # noqa: E402 - the path is set above

ENTRY = """
import importlib.metadata, json, platform
import lightgbm, numpy, polars, torch
from kaggle_shim import find

frame = polars.read_csv(find() / "train.csv")
features = frame.select("a", "b").to_numpy().astype("float64")
target = frame["target"].to_numpy()
trees = lightgbm.LGBMRegressor(n_estimators=20, min_child_samples=2, verbose=-1).fit(features, target)
line = torch.nn.Linear(2, 1).double()
with torch.no_grad():
    both = (trees.predict(features) + line(torch.from_numpy(features)).numpy()[:, 0]) / 2
polars.DataFrame({"id": frame["id"], "target": numpy.round(both, 3)}).write_csv("submission.csv")
found = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
print("inside", json.dumps({"python": platform.python_version(), "packages": found}))
"""


def main() -> None:
    """Rehearse twice; print the seconds and the versions that differ, and exit 1 when one does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accelerator", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--cache", type=Path, help="folder of the images, kept; by default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        template = workspaces.clone_template(base / "template")
        root = workspaces.make(template, base / "ws", competition="tiny")
        (root / "deps/image.txt").write_text(f"image: 2026-08 {options.accelerator}\n", encoding="utf-8")
        (root / "codes/exp001.py").write_text(ENTRY, encoding="utf-8")
        data = root / "data/competitions/tiny"
        data.mkdir(parents=True)
        rows = "".join(f"{n},{n % 5},{n % 3},{n % 7}\n" for n in range(60))
        (data / "train.csv").write_text(f"id,a,b,target\n{rows}", encoding="utf-8")
        env = {"XDG_CACHE_HOME": str((options.cache or base / "cache").resolve())}
        outputs = []
        for what in ("first rehearsal", "second rehearsal"):
            started = time.monotonic()
            done = workspaces.invoke(root, "rehearse", env=env)
            if done.returncode != 0:
                raise SystemExit(done.stdout + done.stderr)
            print(f"{what}: {time.monotonic() - started:.1f} s", flush=True)
            outputs.append(done.stdout)
    print(outputs[1][outputs[1].index("rehearsal\n") :])
    said = next(line for line in outputs[1].splitlines() if line.startswith("inside "))
    inside = json.loads(said.removeprefix("inside "))
    listed = catalogue.load("2026-08", options.accelerator).versions
    found = {normalise(name): version for name, version in inside["packages"].items()}
    both = {name: (version, listed[name]) for name, version in found.items() if listed.get(name)}
    differ = {name: pair for name, pair in both.items() if pair[0] != pair[1]}
    print(
        f"Python {inside['python']}; {len(both)} packages of the list inside, {len(differ)} at another version or build"
    )
    for name, (here, there) in sorted(differ.items()):
        print(f"  {name}: {here} for {there}")
    print("not in the list:", ", ".join(sorted(found.keys() - listed.keys())) or "nothing")
    # The libraries of CUDA belong to the build, which is another one where the index has only CUDA's.
    wrong = [
        name
        for name, (here, there) in differ.items()
        if here.partition("+")[0] != there.partition("+")[0] and not name.startswith("nvidia-")
    ]
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
