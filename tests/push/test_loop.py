"""The whole loop with nothing played: real workspace, real commands, real clients, real runs, a real score."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_shim.refs import CompetitionRef, NotebookRef
from kaggle_workflow.kaggle.client import Kaggle
from tests.local_kaggle import LocalKaggle
from tests.push.conftest import COMPETITION

HANDLE = "tester/cmi-models/pytorch/exp001"
USES_WEIGHTS = f"""
print("weights:", (kaggle_shim.find("{HANDLE}") / "model.bin").read_text())
"""


@pytest.fixture
def kaggle(tmp_path: Path, made: Path, image_python: Path) -> Iterator[LocalKaggle]:
    kaggle = LocalKaggle(tmp_path / "kaggle", python=image_python)
    public = made / "data" / "competitions" / COMPETITION
    files = {p.name: p.read_bytes() for p in public.iterdir()}
    kaggle.add_competition(
        COMPETITION,
        public=files,
        hidden={"test_series.parquet": files["test_series.parquet"]},
        metric="accuracy",
        row_id="row_id",
    )
    with kaggle:
        yield kaggle


def invoke(
    root: Path, kaggle: LocalKaggle, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=root,
        env={
            **kaggle.environment(),
            "INVOKE_WORKSPACE_POLL": "0.5",
            "HOME": os.environ["HOME"],
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize(
    ("layout", "codes"), [("namespaced", "dataset"), ("classic", "dataset"), ("namespaced", "inline")]
)
def test_from_copier_copy_to_a_score(
    made: Path, tmp_path: Path, kaggle: LocalKaggle, layout: str, codes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kaggle.behave(layout=layout)
    root = tmp_path / "ws"
    shutil.copytree(made, root, symlinks=True)
    weights = root / "data" / "working" / "models" / "exp001"
    weights.mkdir(parents=True)
    (weights / "model.bin").write_text("w1", encoding="utf-8")
    entry = root / "codes" / "exp001.py"
    entry.write_text(entry.read_text(encoding="utf-8") + USES_WEIGHTS, encoding="utf-8")
    environment = {"INVOKE_WORKSPACE_CODES": codes}

    assert invoke(root, kaggle, "push-model", **environment).returncode == 0
    pushed = invoke(root, kaggle, "push", "--json", **environment)
    assert pushed.returncode == 0, pushed.stderr
    things = json.loads(pushed.stdout)["things"]
    assert [thing["did"] for thing in things] == ["sent" if codes == "dataset" else "inline", "sent", "sent"]
    assert "weights: w1" in kaggle.notebook_log("tester/cmi-sub")

    # The competition takes what the save run left for the truth, so that a rerun which finds the same scores 1.
    left = kaggle.notebook_output("tester/cmi-sub") / "submission.csv"
    shutil.copy(left, kaggle.world.store.competition_folder(COMPETITION) / "solution.csv")
    for name, value in kaggle.environment().items():
        if name.startswith("KAGGLE") or name == "http_proxy":
            monkeypatch.setenv(name, value)
    client = Kaggle(print)
    submission = client.submit(
        CompetitionRef(COMPETITION),
        NotebookRef("tester", "cmi-sub"),
        things[-1]["version"],
        "submission.csv",
        "loop",
    )
    kaggle.wait_for_runs()
    scored = client.submission(submission)
    assert (scored.status, scored.public_score) == ("COMPLETE", "1.00000"), scored.error

    if (layout, codes) == ("namespaced", "dataset"):
        _binds_an_old_version(root, kaggle)


def _binds_an_old_version(root: Path, kaggle: LocalKaggle) -> None:
    """The server binds the old codes although the new ones are current: the run says so in its first second."""
    entry = root / "codes" / "exp001.py"
    entry.write_text(entry.read_text(encoding="utf-8") + "\nprint('newer')\n", encoding="utf-8")
    metadata = root / "sub" / "kernel-metadata.json"
    value = json.loads(metadata.read_text(encoding="utf-8"))
    metadata.write_text(json.dumps({**value, "dataset_sources": ["tester/cmi-codes/1"]}), encoding="utf-8")
    kaggle.behave(pin_dataset_versions=True)
    failed = invoke(root, kaggle, "push")
    assert failed.returncode == 4, failed.stdout + failed.stderr
    assert "tester/cmi-sub version 2 failed" in failed.stderr
    assert "cmi-codes" in failed.stderr
    report = json.loads(
        (kaggle.notebook_output("tester/cmi-sub") / "run-report.json").read_text(encoding="utf-8")
    )
    assert sum(report["phases"].values()) < 1.0
