"""One job of a sweep in the rehearsal sandbox: what is made ready once, and the run, on this machine or on a cluster's worker."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from kaggle_shim import local
from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import REPORT_NAME
from kaggle_workflow import lock, metrics, workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import keep_copy, make_folder, read_object, remove_tree
from kaggle_workflow.ledger.event import COMPLETE, ERROR
from kaggle_workflow.push.notebook_payload import Payload
from kaggle_workflow.push.session import Push
from kaggle_workflow.rehearsal import executing, image, local_inputs, machine, sandbox, wheels
from kaggle_workflow.rehearsal.executing import Options
from kaggle_workflow.rehearsal.machine import Machine
from kaggle_workflow.rehearsal.streaming import Stopped, never
from kaggle_workflow.sweep import ending, staging
from kaggle_workflow.sweep.board import LIMIT_SECONDS
from kaggle_workflow.workspace import Notebook, Workspace

LOG = "log.txt"


@dataclass(frozen=True)
class Prepared:
    """What all jobs of a sweep use: the machine of this command, and the mounts."""

    machine: Machine
    mounts: tuple[sandbox.Mount, ...]


@dataclass(frozen=True)
class Task:
    """A job to run; each of its paths is the same on every worker.

    Attributes:
        key: names the job.
        root: the workspace.
        folder: the notebook's folder in it.
        run: the run, without the interpreter.
        output: where the output goes when the run completes.
    """

    key: str
    root: Path
    folder: str
    run: sandbox.NotebookRun
    output: Path


def prepare(push: Push, notebook: Notebook, sweep: str, base: staging.Base) -> Prepared:
    """Make the image, collect the wheels, and find the inputs of a sweep's jobs; raises WorkflowError."""
    ws = push.workspace
    with lock.held(ws.build / executing.REHEARSAL, f"invoke sweep ({sweep})", push.say):
        made = machine.prepare(ws, notebook, push.say)
        folders = {
            ws.codes.id.name: staging.codes_of(ws, sweep, base.fingerprint),
            **_wheels(push, notebook, base, made),
        }
        mounted = local_inputs.gather(
            [one.ref for one in base.plan.inputs],
            ws.root,
            layout=Options.layout,
            made=folders,
            without=frozenset(),
            empty=ws.build,
            rerun=False,
        )
    for note in mounted.notes:
        push.say(f"note: {note}")
    return Prepared(made, mounted.mounts)


def _wheels(push: Push, notebook: Notebook, base: staging.Base, made: Machine) -> dict[str, Path]:
    """A copy of the wheels that the jobs install, by the notebook that collects them; a rehearsal may replace its own meanwhile."""
    wanted = next((one for one in base.plan.inputs if one.role == "wheels" and one.fingerprint), None)
    if wanted is None:
        return {}
    digest = image.digest([wanted.fingerprint, made.image.identity])
    place = staging.folder_of(push.workspace, f"wheels-{digest}")
    staged = wheels.stage(push.workspace, notebook, frozenset())
    if staged is not None and staged.asked.fingerprint == wanted.fingerprint and not place.is_dir():
        wheels.collect(push.workspace, staged, made.image, made.isolation, Options(notebook.name), push.say)
        keep_copy(push.workspace.root / local.DEPS_OUTPUT, place)
    return {wanted.ref.name: place} if place.is_dir() else {}


def task_of(ws: Workspace, key: str, payload: Payload, prepared: Prepared) -> Task:
    """The task that runs a job's notebook."""
    folder = payload.staged.folder
    run = sandbox.NotebookRun(
        notebook=payload.staged.file,
        python=Path(),
        mounts=prepared.mounts,
        working=folder / "working",
        internet=payload.folder.metadata.enable_internet,
        environment=executing.environment(rerun=False),
        limit=ws.settings.limit,
        executed=folder / "executed.ipynb",
    )
    return Task(key, ws.root, payload.folder.name, run, output_of(ws, payload.ref))


def output_of(ws: Workspace, ref: NotebookRef) -> Path:
    """Where the output of a job's notebook lies, as if it were downloaded from Kaggle."""
    return local.data_folder(ws.root) / ref.mount(Options.layout)


def run(task: Task, here: Machine | None = None, stopped: Stopped = never) -> ending.End:
    """Run a job, and keep its output if it completes.

    Args:
        task: the job.
        here: the machine that it runs on, None on a worker, which finds out.
        stopped: whether to end it now.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    began, working = time.monotonic(), task.run.working
    with (
        lock.held(working.parent, f"invoke sweep ({task.key})", print, LIMIT_SECONDS),
        (working.parent / LOG).open("w", encoding="utf-8") as log,
    ):

        def say(line: str) -> None:
            print(line, file=log, flush=True)

        try:
            ws = workspace.load(task.root)
            notebook = ws.notebook(task.folder)
            here = here or machine.prepare(ws, notebook, say)
            remove_tree(working)
            job = replace(task.run, python=here.image.python)
            report = executing.complete(notebook, job, here.isolation, say, stopped)
        except (WorkflowError, OSError) as error:
            reason = str(read_object(working / REPORT_NAME).get("failure") or error)
            return ending.End(ERROR, ending.essence(reason), time.monotonic() - began)
        seconds = time.monotonic() - began
        if not report:
            return ending.End(ERROR, ending.NO_REPORT, seconds)
        file, printed = working / metrics.FILE, (working.parent / LOG).read_text(encoding="utf-8")
        found = metrics.read(file).numbers if file.is_file() else ending.of_log(printed)
        _keep(working, task.output)
    return ending.End(COMPLETE, "", seconds, found)


def _keep(working: Path, output: Path) -> None:
    """Move the output to its place, which may be on another disk, in one step."""
    unfinished = make_folder(output)
    shutil.move(working, unfinished / output.name)
    remove_tree(output)
    (unfinished / output.name).rename(output)
    unfinished.rmdir()
