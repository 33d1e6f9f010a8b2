"""A pushed workspace against a local Kaggle whose runs are played: what a save run and a rerun leave is said by the test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kaggle_shim.manifest import CODES_MANIFEST, Manifest
from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import PUSHED, Event
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.stage import compose
from kaggle_workflow.submit import shipping, submitting, watching
from kaggle_workflow.submit.submitting import Request, Submitted
from tests import workspaces
from tests.local_kaggle import LocalKaggle, RunOrder, ScriptedRunner
from tests.push import conftest as pushing
from tests.push.conftest import COMPETITION, Played, Scene

NOTEBOOK = "tester/cmi-sub"
HEAD = "row_id,series_id,step,event,score\n"
GOOD = f"{HEAD}0,a,1,onset,0.5\n1,a,2,wakeup,0.5\n"
SOLUTION = "row_id,event,Usage\n0,onset,Public\n1,onset,Private\n"

made = pushing.made


@dataclass
class Script:
    """What the runs do.

    Attributes:
        save: what the save run writes as the submission, None for no file.
        rerun: called in a rerun with its order; what it returns is written, None for no file.
        report: fields of the save run's report in place of the usual ones.
    """

    save: str | None = GOOD
    rerun: Callable[[RunOrder], str | None] = lambda _: GOOD
    report: dict[str, Any] = field(default_factory=dict)


class Desk(Scene):
    """A workspace that was pushed once, against its own Kaggle."""

    script: Script

    def submit(self, request: Request | None = None, **options: Any) -> Submitted:
        return submitting.submit(self.push(**{"yes": True, **options}), request or Request())

    def watch(self, *refs: int, **options: Any) -> tuple[Submission, ...]:
        session = self.push(**{"limit": 20.0, **options})
        return watching.watch(session, watching.open_ones(session, [str(ref) for ref in refs]))

    def ship(
        self, request: Request | None = None, *, detach: bool = False, **options: Any
    ) -> shipping.Shipped:
        return shipping.ship(
            self.push(**{"yes": True, "limit": 20.0, **options}), request or Request(), detach=detach
        )

    def repush(self, **script: Any) -> int:
        """Push a changed state whose save run goes as said; returns the version."""
        for name, value in script.items():
            setattr(self.script, name, value)
        self.edit()
        version = self.all()[-1].version
        assert version is not None
        return version

    def history(self) -> tuple[Submission, ...]:
        return history_fold.fold(ledger.read(self.root).events)

    def history_of_pushes(self) -> list[Event]:
        return [event for event in ledger.read(self.root).events if event.event == PUSHED]

    def on_kaggle(self) -> list[Any]:
        return self.kaggle.submissions(COMPETITION)


def play(script: Script, order: RunOrder) -> list[str]:
    """What the shim would do."""
    plan = compose.plan_of(order.notebook.read_text(encoding="utf-8"))
    if plan is None or plan.role == "deps":
        return pushing.play(Played(), order)
    if order.environment.get("KAGGLE_IS_COMPETITION_RERUN"):
        return _leave(order, script.rerun(order))
    folder = next((mount.source for mount in order.mounts if mount.target.endswith("cmi-codes")), None)
    codes = Manifest.load(folder / CODES_MANIFEST) if folder is not None else None
    report: Mapping[str, Any] = {
        "schema": 1,
        "notebook": plan.notebook,
        "template": plan.template,
        "light": plan.light,
        "codes": {
            "fingerprint": codes.fingerprint if codes else plan.inline_codes,
            "commit": codes.commit if codes else None,
            "dirty": codes.dirty if codes else None,
        },
        "image": {"docker_image": "gcr.io/kaggle-images/python@sha256:1234", "git_commit": "abcd"},
        "entry_seconds": 100.0,
        "peak_memory": 2_000_000_000,
        "submission": {"rows": 2},
        "phases": {"mounts": 5.0, "entry": 100.0},
        "warnings": [],
        **script.report,
    }
    line = json.dumps(report)
    (order.working / "run-report.json").write_text(line, encoding="utf-8")
    return [*_leave(order, script.save), f"{LOG_PREFIX}{line}"]


def _leave(order: RunOrder, text: str | None) -> list[str]:
    if text is not None:
        (order.working / "submission.csv").write_text(text, encoding="utf-8")
    return ["played"]


@pytest.fixture(scope="session")
def pushed_once(made: Path, shared_folder: Path) -> Path:
    """A folder with a workspace in git (`ws`) and the Kaggle it was pushed to (`kaggle`); not to be changed."""

    def push(base: Path) -> None:
        shutil.copytree(made, base / "ws", symlinks=True)
        workspaces.git(base / "ws", "init", "--quiet", "--initial-branch=main")
        workspaces.git(base / "ws", "add", "--all")
        workspaces.git(base / "ws", "commit", "--quiet", "-m", "wider windows")
        with pytest.MonkeyPatch.context() as patch, _open(base, Script(), patch) as desk:
            assert [outcome.did for outcome in desk.all()] == ["sent", "sent", "sent"]

    return workspaces.once(shared_folder / "pushed", push)


@pytest.fixture
def desk(pushed_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A workspace that was pushed, and a Kaggle of its own."""
    for name in ("ws", "kaggle"):
        shutil.copytree(pushed_once / name, tmp_path / name, symlinks=True)
    with _open(tmp_path, Script(), monkeypatch) as opened:
        yield opened


class _open:  # noqa: N801 - a context manager that reads as a function
    def __init__(self, base: Path, script: Script, patch: pytest.MonkeyPatch) -> None:
        self.base, self.script, self.patch = base, script, patch
        runner = ScriptedRunner(lambda order: play(script, order))
        self.kaggle = LocalKaggle(base / "kaggle", runner=runner)

    def __enter__(self) -> Desk:
        root = self.base / "ws"
        public = root / "data" / "competitions" / COMPETITION
        self.kaggle.add_competition(
            COMPETITION,
            public={path.name: path.read_bytes() for path in public.iterdir()},
            metric="accuracy",
            row_id="row_id",
            solution=SOLUTION,
            daily_limit=5,
        )
        self.kaggle.behave(processing_seconds=0.05, model_processing_seconds=0.05)
        for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "no_proxy", "NO_PROXY", "KAGGLE_CONFIG_DIR"):
            self.patch.delenv(name, raising=False)
        self.kaggle.start()
        for name, value in self.kaggle.environment().items():
            if name.startswith("KAGGLE") or name in ("http_proxy", "HOME", "TMPDIR"):
                self.patch.setenv(name, value)
        self.patch.setenv("INVOKE_WORKSPACE_POLL", "0.05")
        pushing.hurry(self.patch)
        desk = Desk(root, self.kaggle, Played())
        desk.script = self.script
        return desk

    def __exit__(self, *_: object) -> None:
        self.kaggle.stop()
