"""A workspace with a training notebook against a local Kaggle whose runs are played."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.jobs import Job, sweeps
from kaggle_workflow.stage import compose
from tests.local_kaggle import RunOrder, ScriptedRunner
from tests.push import conftest as pushing
from tests.push.conftest import Played, Scene

made, scene = pushing.made, pushing.scene


@dataclass
class Training:
    """What the played training runs do, and what they were given.

    Attributes:
        seconds: how long each takes.
        fail: the sentence with which the entry point of these parameters fails, None for success.
        given: the parameters of each run that began, in order.
    """

    seconds: float = 0.0
    fail: Callable[[Mapping[str, str]], str | None] = lambda _: None
    given: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Cluster:
    """The workspace, the local Kaggle, and what training does on it."""

    scene: Scene
    training: Training

    @property
    def root(self) -> Path:
        return self.scene.root

    def sweep(self, *words: str, code: int = 0, **environment: str) -> str:
        """Run `invoke sweep`, and return what it says."""
        done = self.scene.invoke("sweep", *words, timeout=120, INVOKE_WORKSPACE_POLL="0.02", **environment)
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def jobs(self, sweep: str = "s1") -> dict[str, Job]:
        """The jobs of a sweep as the ledger has them."""
        found = {one.name: one for one in sweeps(book.read(self.root).events)}
        return {job.name: job for job in found[sweep].jobs}

    def versions(self) -> dict[str, int]:
        """How many versions each job's notebook has on Kaggle."""
        store = self.scene.kaggle.world.store
        return {
            name: len(one.versions)
            for name, one in store.notebooks.items()
            if re.match("tester/cmi-train-", name)
        }


@pytest.fixture
def cluster(scene: Scene) -> Cluster:
    """A workspace with a training notebook; its runs leave the metrics that their parameters say."""
    return cluster_of(scene)


def cluster_of(scene: Scene) -> Cluster:
    """A workspace with a training notebook; its runs leave the metrics that their parameters say."""
    folder = scene.root / "train"
    folder.mkdir()
    about = json.loads((scene.root / "sub/kernel-metadata.json").read_text(encoding="utf-8"))
    about |= {
        "id": "tester/cmi-train",
        "title": "cmi-train",
        "code_file": "train.ipynb",
        "kernel_sources": [],
    }
    (folder / "kernel-metadata.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    (folder / "train.ipynb").write_bytes((scene.root / "sub/sub.ipynb").read_bytes())
    (scene.root / "codes/train.py").write_text("print('training')\n", encoding="utf-8")
    settings = scene.root / "invoke.yaml"
    more = '  notebooks:\n    train:\n      entry: train.py\n      submission: ""\n'
    settings.write_text(settings.read_text(encoding="utf-8") + more, encoding="utf-8")
    training = Training()

    def play(order: RunOrder) -> list[str]:
        plan = compose.plan_of(order.notebook.read_text(encoding="utf-8"))
        assert plan is not None
        given = dict(word.removeprefix("--").split("=", 1) for word in plan.entry[1:])
        if not given:
            return pushing.play(scene.played, order)
        training.given.append(given)
        time.sleep(training.seconds)
        failure = training.fail(given)
        value = {"cv": float(given.get("fold", 0)) / 10, "note": "text is no metric"}
        (order.working / "metrics.json").write_text(json.dumps(value), encoding="utf-8")
        return pushing.play(Played(fail=lambda _: failure), order)

    scene.kaggle.world.sessions.runner = ScriptedRunner(play)
    return Cluster(scene, training)
