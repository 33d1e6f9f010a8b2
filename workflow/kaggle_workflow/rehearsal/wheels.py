"""Collect the wheels of a rehearsal by running the wheel notebook, when the requirements or the image changed."""

from __future__ import annotations

import json

from kaggle_shim import local, refs
from kaggle_shim.manifest import DEPS_MANIFEST
from kaggle_workflow.errors import RunFailed
from kaggle_workflow.files import read_object, remove_tree, write_text
from kaggle_workflow.rehearsal import executing, image, local_inputs, sandbox
from kaggle_workflow.rehearsal.executing import Options, Say
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.stage import plans
from kaggle_workflow.workspace import DEPS, Notebook, Workspace

_STAMP = "image.json"


def stage(
    workspace: Workspace, notebook: Notebook, without: frozenset[str]
) -> stage_notebook.StagedDeps | None:
    """Stage the wheel notebook, if the notebook attaches it and this run does not leave it out."""
    deps = plans.collecting(workspace)
    if deps is None or deps.name in without:
        return None
    if not any(
        isinstance(ref, refs.NotebookRef) and ref.name == deps.name for ref in notebook.metadata.sources
    ):
        return None
    return stage_notebook.stage_deps(workspace, workspace.notebook(DEPS))


def collect(
    workspace: Workspace,
    staged: stage_notebook.StagedDeps,
    chosen: image.Image,
    isolation: sandbox.Isolation,
    options: Options,
    say: Say,
) -> str:
    """Run the wheel notebook, unless its last output was made from the same requirements for the same image."""
    output = workspace.root / local.DEPS_OUTPUT
    refs_of = [one.ref for one in staged.notebook.plan.inputs]
    left_out = sorted(str(ref) for ref in refs_of if {str(ref), getattr(ref, "name", "")} & options.without)
    stamp = {"fingerprint": staged.asked.fingerprint, "image": chosen.identity, "without": left_out}
    if not options.force and read_object(output / _STAMP) == stamp:
        return "reused"
    say("deps: collecting the wheels that the image doesn't have.")
    remove_tree(output)
    mounts = []
    if staged.wheels is not None:
        ref, folder = staged.wheels
        mounts.append(sandbox.Mount(folder, ref.mount(options.layout)))
    extra = local_inputs.gather(
        [one.ref for one in staged.notebook.plan.inputs if one.role != "wheels"],
        workspace.root,
        layout=options.layout,
        made={},
        without=options.without,
        empty=workspace.build / executing.REHEARSAL / "empty",
        rerun=False,
    )
    run = sandbox.NotebookRun(
        notebook=staged.notebook.file,
        python=chosen.python,
        mounts=(*mounts, *extra.mounts),
        working=output,
        internet=True,
        environment=executing.environment(rerun=False),
        executed=workspace.build / executing.REHEARSAL / "deps-executed.ipynb",
    )
    result, lines = executing.execute(run, isolation, say)
    if result.exit_code != 0 or not (output / DEPS_MANIFEST).is_file():
        remove_tree(output)
        raise RunFailed(executing.reason_of(workspace.notebook(DEPS), lines, result))
    write_text(output / _STAMP, json.dumps(stamp) + "\n")
    return "collected"
