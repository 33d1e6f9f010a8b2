"""The server is killed at each of its steps on the disk, and the next one with the same root goes on."""

from __future__ import annotations

import functools
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.kaggle_server.actions import NOTEBOOK
from tests.kaggle_server.asgi import ask
from tests.local_kaggle import Behaviour, LocalKaggle, ScriptedRunner
from tests.local_kaggle.blobs import start
from tests.local_kaggle.world import Caller

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kaggle_server.asgi import Told

DATASET = {"ownerSlug": "tester", "datasetSlug": "my-data"}
MODEL = {"ownerSlug": "tester", "modelSlug": "my-model"}


class Killed(BaseException):
    """Nothing that is done on the disk after this is done."""


class Power:
    """Kills at the `last`-th step on the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: float = float("inf")
        for name in ("replace", "rename", "rmdir"):
            monkeypatch.setattr(os, name, functools.partial(self.step, getattr(os, name)))

    def step(self, act: Any, *given: Any, **named: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return act(*given, **named)


def opened(root: Path) -> LocalKaggle:
    behaviour = Behaviour(processing_seconds=0.0, model_processing_seconds=0.0)
    return LocalKaggle(root, runner=ScriptedRunner(), behaviour=behaviour)


def uploaded(kaggle: LocalKaggle, name: str, content: bytes) -> list[dict[str, str]]:
    token, _ = start(kaggle.world, Caller("tester", "http://localhost"), name, len(content), 0)
    blob = kaggle.world.store.blob(token)
    assert blob is not None
    kaggle.world.store.blob_path(token).write_bytes(content)
    blob.complete = True
    kaggle.world.store.save_blob(blob)
    return [{"token": token}]


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("a.txt", "1")
    return made.getvalue()


def story(kaggle: LocalKaggle) -> list[Told]:
    """A bit of everything that is written; also when it was done before, or half done."""
    datasets, models = "datasets.DatasetApiService", "models.ModelApiService"
    zipped = {"files": uploaded(kaggle, "only.zip", archive())}
    weights = {"framework": "pyTorch", "instanceSlug": "v", "files": uploaded(kaggle, "w.bin", b"w")}
    quick = {"slug": "tester/my-sub", "text": NOTEBOOK, "kernelExecutionType": "QUICK_SAVE"}
    sent = uploaded(kaggle, "mine.csv", b"id,x\n1,2\n")[0]["token"]
    calls: list[tuple[str, object]] = [
        (
            f"{datasets}/CreateDataset",
            {"ownerSlug": "tester", "slug": "my-data", "title": "My data", **zipped},
        ),
        (f"{datasets}/CreateDatasetVersion", {**DATASET, "body": zipped}),
        (f"{datasets}/DownloadDataset", DATASET),
        ("kernels.KernelsApiService/SaveKernel", quick),
        (f"{models}/CreateModel", {"ownerSlug": "tester", "slug": "my-model", "title": "m"}),
        (f"{models}/CreateModelInstance", {**MODEL, "body": weights}),
        (
            "competitions.CompetitionApiService/CreateSubmission",
            {"competitionName": "cup", "blobFileTokens": sent},
        ),
        (f"{models}/DeleteModel", MODEL),
        ("kernels.KernelsApiService/DeleteKernel", {"userName": "tester", "kernelSlug": "my-sub"}),
        (f"{datasets}/DeleteDataset", DATASET),
    ]
    return ask(kaggle, calls)


def test_a_kill_at_any_step_leaves_a_state_that_the_next_server_goes_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    power = Power(monkeypatch)
    steps, alive = 0, False
    while not alive:
        root = tmp_path / str(steps)
        kaggle = opened(root)
        kaggle.add_competition(
            "cup", metric="exact-match", code_competition=False, public={}, solution="id,x\n1,2\n"
        )
        power.left = steps
        try:
            story(kaggle)
            alive = True
        except Killed:
            pass
        power.left = float("inf")
        kaggle.stop()
        again = opened(root)
        for path in root.rglob("*.json"):
            json.loads(path.read_text())
        answers = story(again)
        again.stop()

        assert [a.status for a in answers] == [200, 200, 302, *[200] * 7], (
            f"killed at step {steps}: {answers}"
        )
        last = again.world.store.entry("cup").submissions[-1]
        assert (last.status, last.public_score) == ("COMPLETE", "1.00000")
        assert (again.world.store.datasets, again.world.store.notebooks, again.world.store.models) == (
            {},
            {},
            {},
        )
        steps += 1
    assert steps > 20
