"""The notebooks of a sweep: staged once, then written for one job at a time.

`build/sweeps/<sweep>` keeps the notebook as it was staged at the start, so that every job runs the same codes, whatever is edited
meanwhile. A job differs in its id, its title, and in the arguments and variables of its plan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, short
from kaggle_shim.plan import Plan
from kaggle_workflow.files import keep_copy, write_text
from kaggle_workflow.ledger.jobs import Job
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.notebook_payload import Payload
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import compose, plans
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.sweep import parameters
from kaggle_workflow.workspace import Notebook, Workspace

_NOTEBOOK = "notebook.ipynb"


@dataclass(frozen=True)
class Base:
    """The notebook of a sweep as it was staged: its text, its metadata as text, its plan, and the codes."""

    text: str
    metadata: str
    plan: Plan
    codes: Manifest

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the codes that its jobs run."""
        return self.codes.fingerprint


def folder_of(workspace: Workspace, sweep: str) -> Path:
    """Where the notebooks of a sweep are staged."""
    return workspace.build / "sweeps" / sweep


def codes_of(workspace: Workspace, sweep: str, fingerprint: str) -> Path:
    """Where the codes of jobs that run here lie."""
    return folder_of(workspace, sweep) / f"codes-{short(fingerprint)}"


def stage(push: Push, notebook: Notebook, sweep: str, *, local: bool = False) -> Base:
    """Stage the notebook with the codes as they are here, and keep it for the sweep; to be called with the workspace's lock held.

    Args:
        push: the command.
        notebook: the notebook.
        sweep: name of the sweep.
        local: whether its jobs run on this machine, where models and datasets may differ from those on Kaggle.

    Raises:
        WorkflowError: something of it can't be used.
    """
    workspace = push.workspace
    others = () if local else push_sub.attached_manifests(push, notebook)
    codes = stage_codes.stage(workspace, notebook.metadata.competition)
    wheels = push_deps.wanted(workspace) if push_deps.attached_by(workspace, notebook) is not None else ""
    known = plans.Known(
        codes.manifest.fingerprint, wheels, tuple((ref.name, one.fingerprint) for ref, one in others)
    )
    staged = stage_notebook.stage_running(workspace, notebook, codes, known)
    text = staged.file.read_text(encoding="utf-8")
    metadata = (staged.folder / KERNEL_FILE).read_text(encoding="utf-8")
    folder = folder_of(workspace, sweep)
    if local:
        keep_copy(codes.folder, codes_of(workspace, sweep, codes.manifest.fingerprint))
    write_text(folder / CODES_MANIFEST, codes.manifest.dumps())
    write_text(folder / KERNEL_FILE, metadata)
    write_text(folder / _NOTEBOOK, text)
    for sentence in staged.corrections:
        push.say(f"note: {sentence}")
    return Base(text, metadata, staged.plan, codes.manifest)


def kept(workspace: Workspace, sweep: str) -> Base | None:
    """The notebook as it was kept for the sweep, None when it is not there (any more)."""
    folder = folder_of(workspace, sweep)
    try:
        text = (folder / _NOTEBOOK).read_text(encoding="utf-8")
        metadata = (folder / KERNEL_FILE).read_text(encoding="utf-8")
        codes = Manifest.load(folder / CODES_MANIFEST)
    except (OSError, UnicodeDecodeError, ManifestError):
        return None
    plan = compose.plan_of(text)
    return Base(text, metadata, plan, codes) if plan is not None else None


def plan_of(base: Base, job: Job) -> Plan:
    """The plan of a job: the sweep's, with the job's arguments and variables."""
    variables = {
        **{parameters.variable(name): value for name, value in job.parameters.items()},
        f"{parameters.VARIABLE}NAME": job.sweep,
        f"{parameters.VARIABLE}JOB": job.name,
    }
    return replace(
        base.plan,
        notebook=job.ref,
        entry=(*base.plan.entry, *parameters.arguments(job.parameters)),
        environment=(*base.plan.environment, *variables.items()),
    )


def payload(workspace: Workspace, base: Base, job: Job) -> Payload:
    """Write the notebook of a job into `build/sweeps/<sweep>/<job>`; raises WorkflowError."""
    notebook = workspace.notebook(job.folder)
    ref = job.notebook
    about = replace(notebook.metadata, id=ref, title=ref.slug)
    plan = plan_of(base, job)
    folder = folder_of(workspace, job.sweep) / job.name
    # Its code file is that of the notebook's folder.
    value = {**json.loads(base.metadata), "id": ref.name, "title": ref.slug}
    write_text(folder / KERNEL_FILE, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / about.code_file, _with_plan(base.text, plan))
    staged = stage_notebook.StagedNotebook(folder, folder / about.code_file, plan, ())
    return Payload.from_staged(Notebook(notebook.folder, about), staged, codes=base.codes)


def _with_plan(text: str, plan: Plan) -> str:
    """A composed notebook with another plan in its first cell."""
    value = json.loads(text)
    cell = value["cells"][0]
    cell["source"] = compose.PLAN_LINE.sub(lambda _: f"_PLAN = {plan.dumps()!r}", cell["source"], count=1)
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
