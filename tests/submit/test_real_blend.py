"""Three experiments with contradicting wheels, submitted one after the other, then their blend: rehearsed and shipped."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim.manifest import DepsManifest, FileEntry, hash_file
from kaggle_shim.plan import Plan
from kaggle_workflow.stage import compose
from tests import workspaces
from tests.local_kaggle import LocalKaggle, RunOrder
from tests.local_kaggle.runner import RunOutcome, SandboxRunner
from tests.push.conftest import COMPETITION
from tests.wheelhouse import make_wheel

ENTRY = """
import csv, random, kaggle_shim, tiny
with open(kaggle_shim.find() / "sample_submission.csv") as file:
    rows = list(csv.reader(file))
rng = random.Random(tiny.VERSION)
with open("submission.csv", "w", newline="") as file:
    csv.writer(file).writerows([rows[0], *([*row[:-1], repr(rng.random())] for row in rows[1:])])
print("TINY", tiny.VERSION)
"""


class Season:
    """A workspace whose experiments are shipped; sub notebooks really run, the wheel notebook is played."""

    def __init__(self, root: Path, kaggle: LocalKaggle) -> None:
        self.root, self.kaggle = root, kaggle
        self.environment = {
            **kaggle.environment(),
            "INVOKE_WORKSPACE_POLL": "0.2",
            "HOME": os.environ["HOME"],
        }

    def invoke(self, *words: str, allow: Sequence[str] = ()) -> dict[str, Any]:
        allowed = [word for name in allow for word in ("--allow", name)]
        done = workspaces.invoke(self.root, *words, *allowed, "--json", env=self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def submit(self, version: str) -> str:
        """Push and submit an experiment with its own codes, which work with its own version of a package."""
        (self.root / "codes/exp001.py").write_text(
            f"{ENTRY}assert tiny.VERSION == {version!r}\n", encoding="utf-8"
        )
        own = self.root / "deps/wheels"
        shutil.rmtree(own, ignore_errors=True)
        make_wheel(own, "tiny", version)
        self.invoke("push", "--yes")
        return str(self.invoke("submit", "--yes")["ref"])

    def scored(self, ref: str) -> list[list[str]]:
        with (self.kaggle.root / "reruns" / ref / "output/submission.csv").open(newline="") as file:
            return list(csv.reader(file))


def collect(plan: Plan, order: RunOrder) -> None:
    """What the wheel notebook leaves: the wheels of deps/wheels."""
    order.working.mkdir(parents=True)
    source = next(mount.source for mount in order.mounts if mount.target.endswith("cmi-wheels"))
    wheels = [Path(shutil.copy(path, order.working)) for path in source.glob("*.whl")]
    entries = tuple(FileEntry(path.name, path.stat().st_size, hash_file(path)) for path in wheels)
    manifest = DepsManifest(
        plan.workspace, plan.deps_fingerprint or "", "py3", "any", {}, "1", ("tiny",), (), entries
    )
    (order.working / "deps-manifest.json").write_text(manifest.dumps(), encoding="utf-8")


@pytest.fixture
def season(made: Path, tmp_path: Path, image_python: Path) -> Iterator[Season]:
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    (root / "deps/requirements.txt").write_text("", encoding="utf-8")
    files = {path.name: path.read_bytes() for path in (root / "data/competitions" / COMPETITION).iterdir()}
    sandbox = SandboxRunner(image_python)

    def execute(order: RunOrder, on_line: Callable[[str], None]) -> RunOutcome:
        plan = compose.plan_of(order.notebook.read_text(encoding="utf-8"))
        if plan is not None and plan.role == "deps":
            collect(plan, order)
            return RunOutcome(0, 0.1)
        return sandbox(order, on_line)

    rows = files["sample_submission.csv"].decode().splitlines()
    solution = ["row_id,score,Usage", *(f"{row.split(',')[0]},1,Public" for row in rows[1:])]
    solution[-1] = solution[-1].replace("Public", "Private")
    with LocalKaggle(tmp_path / "kaggle", runner=execute) as kaggle:
        kaggle.add_competition(
            COMPETITION, public=files, metric="accuracy", row_id="row_id", solution="\n".join(solution) + "\n"
        )
        yield Season(root, kaggle)


def test_a_blend_of_contradicting_wheels_is_the_mean_to_the_last_digit(season: Season) -> None:
    refs = [season.submit(version) for version in ("1.0", "2.0", "3.0")]
    season.invoke("watch")
    words = [word for ref in refs for word in ("--ref", ref)]
    refused = workspaces.invoke(season.root, "blend", *words, "--target", "score", env=season.environment)
    assert refused.returncode == 2
    names = [f"exp001-{ref}" for ref in refs]
    assert f"tiny 3.0 (deps and {names[2]}), 1.0 ({names[0]}), 2.0 ({names[1]})" in refused.stderr
    told = season.invoke("blend", *words, "--target", "score", allow=["blend-wheels"])
    assert (told["entry"], told["wheels"]) == (["blend001/run.py"], "tester/cmi-blend001-wheels")
    assert told["attached"] == ["tester/cmi-blend001-wheels"]
    rehearsed = season.invoke("rehearse")
    assert [member["left_out"] for member in rehearsed["report"]["blend"]["members"]] == [False] * 3
    ref = str(season.invoke("ship", "--yes")["submission"]["ref"])
    apart = [season.scored(one) for one in refs]
    blended = season.scored(ref)
    for row, *parts in zip(blended[1:], *(table[1:] for table in apart), strict=True):
        a, b, c = (float(part[-1]) for part in parts)
        assert row == [*parts[0][:-1], repr((a + b + c) / 3)]
