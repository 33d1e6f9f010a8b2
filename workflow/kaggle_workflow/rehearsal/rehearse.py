"""Rehearsal: the same notebooks that would be pushed, on the same mounts, executed the way Kaggle executes them."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_shim import local, refs
from kaggle_workflow import lock
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import remove_tree
from kaggle_workflow.rehearsal import (
    executing,
    gateway,
    image,
    local_inputs,
    local_score,
    machine,
    sandbox,
    wheels,
)
from kaggle_workflow.rehearsal.executing import Options, Say
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.stage import plans
from kaggle_workflow.workspace import Notebook, Workspace


@dataclass
class Outcome:
    """Result of a rehearsal.

    Attributes:
        phases: seconds by phase, in order.
        report: the run report of the notebook, {} when it wrote none.
        image: the environment that stood for Kaggle's image.
        kaggle_python: the Python of Kaggle's image, "" where it is not known.
        notes: differences from Kaggle, and missing isolation.
        wheels: `collected`, `reused` or `none`.
        submission: the file that the run left, None when it left none.
        score: the local score of that file, None without a metric of the user's.
    """

    phases: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    image: image.Image | None = None
    kaggle_python: str = ""
    notes: list[str] = field(default_factory=list)
    wheels: str = "none"
    submission: Path | None = None
    score: float | None = None

    def timed(self, name: str, started: float) -> None:
        """Note the seconds since `started` under `name`."""
        self.phases[name] = round(time.monotonic() - started, 2)


def rehearse(workspace: Workspace, options: Options, say: Say) -> Outcome:
    """Stage, make the image, collect wheels if needed, run the notebook.

    Args:
        workspace: the workspace.
        options: what to run, and how.
        say: takes each line to show.

    Raises:
        WorkflowError: something here is wrong; nothing ran.
        RunFailed: a notebook ran and failed.
        WaitedTooLong: another rehearsal of this workspace did not end.
    """
    if options.light and options.rerun:
        raise WorkflowError("A scored rerun is never light: leave out --light or --rerun.")
    with lock.held(workspace.build / executing.REHEARSAL, "invoke rehearse", say):
        outcome = _rehearse(workspace, options, say)
    if outcome.report.get("light") is True:
        outcome.notes.append(
            "This was a light rehearsal: the entry point saw KAGGLE_SHIM_LIGHT=1, and a full run was not tried."
        )
    return outcome


def _rehearse(workspace: Workspace, options: Options, say: Say) -> Outcome:
    outcome = Outcome()
    notebook = workspace.notebook(options.notebook)
    if notebook.collects:
        raise WorkflowError(
            "deps runs as part of every rehearsal: name a notebook that runs an entry point, such as sub."
        )
    isolation, outcome.notes = machine.isolate(options, say)
    started = time.monotonic()
    codes = stage_codes.stage(workspace, notebook.metadata.competition)
    made = {workspace.codes.id.name: codes.folder}
    deps_fingerprint = ""
    staged_deps = wheels.stage(workspace, notebook, options.without)
    if staged_deps is not None:
        deps_fingerprint = staged_deps.asked.fingerprint
        made[staged_deps.notebook.plan.notebook] = workspace.root / local.DEPS_OUTPUT
    known = plans.Known(codes.manifest.fingerprint, deps_fingerprint)
    staged = stage_notebook.stage_running(
        workspace, notebook, codes, known, options.entry or None, options.without, light=options.light
    )
    for sentence in staged.corrections:
        say(f"note: {sentence}")
    empty = workspace.build / executing.REHEARSAL / "empty"
    empty.mkdir(parents=True, exist_ok=True)
    sources = [one.ref for one in staged.plan.inputs]
    collecting = [one.ref for one in staged_deps.notebook.plan.inputs] if staged_deps is not None else []
    local_inputs.check_names(options.without, [*sources, *collecting])
    mounted = local_inputs.gather(
        sources,
        workspace.root,
        layout=options.layout,
        made=made,
        without=options.without,
        empty=empty,
        rerun=options.rerun,
    )
    outcome.notes += mounted.notes
    outcome.timed("stage", started)
    started = time.monotonic()
    local_image = machine.local_image(workspace, notebook, options, isolation, say)
    outcome.image, outcome.kaggle_python = local_image.image, local_image.kaggle_python
    outcome.notes += local_image.notes
    outcome.timed("image", started)
    if staged_deps is not None:
        started = time.monotonic()
        outcome.wheels = wheels.collect(workspace, staged_deps, outcome.image, isolation, options, say)
        outcome.timed("deps", started)
    started = time.monotonic()
    _run(workspace, notebook, staged, mounted, outcome, isolation, options, say)
    outcome.timed(notebook.name, started)
    if outcome.submission is not None:
        # A container's Python does not start here; the metric is then run by the commands' own.
        python = Path(sys.executable) if isolation.container is not None else outcome.image.python
        outcome.score = local_score.score(workspace, python, outcome.submission)
    return outcome


def _run(
    workspace: Workspace,
    notebook: Notebook,
    staged: stage_notebook.StagedNotebook,
    mounted: local_inputs.Mounted,
    outcome: Outcome,
    isolation: sandbox.Isolation,
    options: Options,
    say: Say,
) -> None:
    if outcome.image is None:
        raise WorkflowError("The image was not made: run invoke rehearse again.")
    working = workspace.build / executing.REHEARSAL / "working"
    remove_tree(working)
    asking, mounts = _gateway(workspace, staged, mounted, outcome, options)
    result_folder = workspace.build / executing.REHEARSAL / "gateway"
    run = sandbox.NotebookRun(
        notebook=staged.file,
        python=outcome.image.python,
        mounts=mounts,
        working=working,
        internet=notebook.metadata.enable_internet,
        environment=executing.environment(rerun=options.rerun),
        limit=workspace.settings.limit,
        executed=workspace.build / executing.REHEARSAL / f"{notebook.name}-executed.ipynb",
        companion=None
        if asking is None
        else sandbox.Companion(asking.inside or asking.file, asking.imports, gateway.HOSTS, result_folder),
    )
    outcome.report = executing.complete(notebook, run, isolation, say)
    if asking is not None:
        outcome.submission = gateway.verdict(asking, result_folder)
        if outcome.submission is None:
            outcome.notes.append("The gateway wrote no submission file.")
        return
    submission = working / staged.plan.submission if staged.plan.submission else None
    outcome.submission = submission if submission is not None and submission.is_file() else None


def _gateway(
    workspace: Workspace,
    staged: stage_notebook.StagedNotebook,
    mounted: local_inputs.Mounted,
    outcome: Outcome,
    options: Options,
) -> tuple[gateway.Gateway | None, tuple[sandbox.Mount, ...]]:
    """The gateway of a rerun, None for a run without one, and the mounts, those that only the gateway looks for included."""
    plan = staged.plan
    if not options.rerun or plan.output != "gateway" or plan.competition is None:
        return None, mounted.mounts
    competition = refs.CompetitionRef(plan.competition)
    target = competition.mount(options.layout)
    data = next((mount.source for mount in mounted.mounts if mount.target == target), None)
    if data is None:
        raise WorkflowError(
            f"The gateway needs {competition}, which isn't attached: add it to competition_sources."
        )
    asking = gateway.choose(competition, data, workspace.root, options.layout)
    outcome.notes.append(f"{asking.file.name} runs as the gateway, in its own process.")
    places = gateway.fixed_places(asking.file.read_text(encoding="utf-8"), target)
    if places:
        outcome.notes.append(
            f"{competition} is also mounted at {', '.join(places)}, where its gateway looks for it."
        )
    return asking, (*mounted.mounts, *gateway.also_at(mounted.mounts, target, places))
