"""A workspace, a local Kaggle, and a runner that plays what the shim does in milliseconds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kaggle_shim import mounts
from kaggle_shim.image import IMAGE_LIST
from kaggle_shim.manifest import CODES_MANIFEST, DepsManifest, Manifest, short
from kaggle_shim.report import LOG_PREFIX, Report
from kaggle_workflow import waiting, workspace
from kaggle_workflow.kaggle import connection
from kaggle_workflow.push import codes as push_codes
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import in_order as push
from kaggle_workflow.push import model as push_model
from kaggle_workflow.push import notebook_run
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Options, Outcome, Push
from kaggle_workflow.stage import compose
from tests import workspaces
from tests.local_kaggle import LocalKaggle, RunOrder, ScriptedRunner
from tests.local_kaggle.journal import Request

ROOT = Path(__file__).resolve().parents[2]
COMPETITION = "child-mind-institute-detect-sleep-states"


def make_workspace(template: Path, scratch: Path) -> Path:
    """A workspace in `scratch`, as `copier copy` makes it, with the example and its data, from the template as it lies there."""
    root, clone = scratch / "ws", scratch / "clone"
    left_out = shutil.ignore_patterns(".git", ".venv", "*cache*", "__pycache__", "build", "tests")
    shutil.copytree(template, clone, symlinks=True, ignore=left_out)
    answers = ("example=cmi-sleep", "username=tester", "prefix=cmi", "accelerator=none")
    words = [word for answer in answers for word in ("-d", answer)]
    program = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet"]
    subprocess.run([*program, *words, str(clone), str(root)], check=True)
    return root


@pytest.fixture(scope="session")
def made(shared_folder: Path) -> Path:
    """A workspace; not to be changed."""
    return workspaces.once(shared_folder / "made", lambda scratch: make_workspace(ROOT, scratch)) / "ws"


@dataclass
class Played:
    """What the runner did: plans in order, how to make it fail, whether a run leaves no report, and the list of its image."""

    plans: list[str] = field(default_factory=list)
    fail: Callable[[str], str | None] = lambda _: None
    silent: bool = False
    image: dict[str, object] = field(default_factory=dict)


@dataclass
class Scene:
    """One workspace against one local Kaggle."""

    root: Path
    kaggle: LocalKaggle
    played: Played
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def push(self, **options: object) -> Push:
        """A command, whose lines are collected."""
        made = Push(workspace.load(self.root), Options(**{"limit": 3.0, **options}))  # type: ignore[arg-type]  # names are Options' own
        made.say = self.said.append
        made.warn = self.warned.append
        made.kaggle._warn = self.warned.append
        made.waits = type(made.waits)(made.waits.poll, self.said.append, made.waits.limit)
        return made

    def codes(self, **options: object) -> Outcome:
        return push_codes.push_codes(self.push(**options))

    def deps(self, **options: object) -> list[Outcome]:
        return push_deps.push_wheels(self.push(**options))

    def sub(self, **options: object) -> Outcome:
        return push_sub.push_notebook(self.push(**options), "sub")

    def all(self, **options: object) -> list[Outcome]:
        return push.push_all(self.push(**options), "sub")

    def model(self, *, path: str = "", ignore: tuple[str, ...] = (), **options: object) -> Outcome:
        """Push weights to the model that belongs to the entry point, and attach them to the notebook."""
        return push_model.push_model(
            self.push(**options),
            exp="",
            path=path,
            handle="",
            framework="pytorch",
            licence="",
            ignore=ignore,
            notebook="sub",
        )

    def edit(self, text: str = "\nprint('changed')\n") -> None:
        """Change one code file."""
        path = self.root / "codes" / "exp001.py"
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    def metadata(self, name: str = "sub", **changes: object) -> None:
        """Change a notebook's metadata."""
        path = self.root / name / "kernel-metadata.json"
        path.write_text(
            json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}, indent=2),
            encoding="utf-8",
        )

    def versions(self, thing: str) -> int:
        """How many versions there are on Kaggle."""
        store = self.kaggle.world.store
        found = store.datasets.get(f"tester/cmi-{thing}") or store.notebooks.get(f"tester/cmi-{thing}")
        return len(found.versions) if found is not None else 0

    def sends(self) -> int:
        """Requests that send something."""
        methods = {"CreateDataset", "CreateDatasetVersion", "SaveKernel", "PUT", "StartBlobUpload"}
        return sum(request.method in methods for request in self.kaggle.requests())

    def puts(self) -> list[Request]:
        """Requests that sent bytes, or asked how many had arrived."""
        return [request for request in self.kaggle.requests() if request.method == "PUT"]

    def invoke(
        self, *words: str, timeout: float = 60.0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command for real."""
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.root,
            env={**self.kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.1", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def play(played: Played, order: RunOrder) -> list[str]:
    """What the shim would do, from the plan inside the notebook and what is mounted."""
    plan = compose.plan_of(order.notebook.read_text(encoding="utf-8"))
    if plan is None:
        return ["a notebook without a plan"]
    played.plans.append(plan.notebook)
    if played.image:
        (order.working / IMAGE_LIST).write_text(json.dumps(played.image), encoding="utf-8")
    failure = played.fail(plan.notebook)
    if plan.role == "deps":
        if failure:
            raise ValueError(failure)
        manifest = DepsManifest(
            plan.workspace, plan.deps_fingerprint or "", "cp311", "linux_x86_64", {}, "1", (), (), ()
        )
        (order.working / "deps-manifest.json").write_text(manifest.dumps(), encoding="utf-8")
        return ["collected"]
    if played.silent:
        return ["nothing to say"]
    report = Report({"notebook": plan.notebook, "template": plan.template, "warnings": []})
    folder = next((mount.source for mount in order.mounts if mount.target.endswith("cmi-codes")), None)
    found = Manifest.load(folder / CODES_MANIFEST).fingerprint if folder is not None else plan.inline_codes
    wanted = next((one.fingerprint for one in plan.inputs if one.role == "codes"), plan.inline_codes)
    if found != wanted:
        failure = f"the codes are {short(found or '')}, the plan wants {short(wanted or '')}"
    mounted = {mount.target for mount in order.mounts}
    absent = next((one.ref for one in plan.inputs if one.ref.mount("namespaced") not in mounted), None)
    if absent is not None:
        failure = mounts._missing(absent, order.working)  # the shim's own sentence
    report.values["codes"] = {"fingerprint": found}
    line = json.dumps(
        {"schema": 1, **report.values, **({"failure": failure} if failure else {}), "phases": {}}
    )
    (order.working / "run-report.json").write_text(line, encoding="utf-8")
    (order.working / "submission.csv").write_text("row_id\n0\n", encoding="utf-8")
    if failure:
        raise ValueError(f"{failure}\n{LOG_PREFIX}{line}")
    return [f"{LOG_PREFIX}{line}"]


def hurry(patch: pytest.MonkeyPatch, seconds: float = 2.0) -> None:
    """What arrives late arrives within these seconds: fewer than the limit of most tests, which so cuts no such wait short."""
    patch.setattr(waiting, "LATE_SECONDS", seconds)
    # As often tried again, and sooner.
    patch.setattr(connection, "_PAUSES", tuple(pause / 20 for pause in connection._PAUSES))
    # No thread reads a log beside a test that counts requests, or whose time is virtual.
    patch.setattr(notebook_run, "LOG_SECONDS", float("inf"))


@pytest.fixture
def scene(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A fresh workspace and a fresh local Kaggle, which this process's clients speak to."""
    with scene_in(made, tmp_path, monkeypatch) as scene:
        yield scene


@contextmanager
def scene_in(made: Path, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A copy of a workspace and a fresh local Kaggle in a folder, which this process's clients speak to."""
    root = folder / "ws"
    shutil.copytree(made, root, symlinks=True)
    played = Played()
    kaggle = LocalKaggle(folder / "kaggle", runner=ScriptedRunner(lambda order: play(played, order)))
    files = {p.name: p.read_bytes() for p in (root / "data" / "competitions" / COMPETITION).iterdir()}
    kaggle.add_competition(COMPETITION, public=files, metric="accuracy")
    kaggle.behave(processing_seconds=0.05, model_processing_seconds=0.05)
    patch.chdir(root)
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "no_proxy", "NO_PROXY", "KAGGLE_CONFIG_DIR"):
        patch.delenv(name, raising=False)
    with kaggle:
        for name, value in kaggle.environment().items():
            if name.startswith("KAGGLE") or name in ("http_proxy", "HOME", "TMPDIR"):
                patch.setenv(name, value)
        patch.setenv("INVOKE_WORKSPACE_POLL", "0.05")
        hurry(patch)
        yield Scene(root, kaggle, played)
