"""Push the wheel notebook when requirements, collector, image or own wheels changed, or its last run did not complete."""

from __future__ import annotations

import json

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import DEPS_MANIFEST, DepsManifest, short
from kaggle_shim.refs import NotebookRef
from kaggle_workflow.errors import RunFailed
from kaggle_workflow.files import scratch
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import images as push_images
from kaggle_workflow.push import notebook as push_notebook
from kaggle_workflow.push import notebook_payload
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import compose, plans, requirements
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.workspace import DEPS, Notebook, Workspace


def push_wheels(push: Push, *, needed: bool = False) -> list[Outcome]:
    """Push the user's own wheels, then the wheel notebook, each when it changed; nothing in a workspace without deps.

    Args:
        push: the command.
        needed: whether the next notebook attaches the wheels: their run is then waited for even with `--no-wait`.

    Raises:
        WorkflowError: in all its classes.
    """
    workspace = push.workspace
    if DEPS not in workspace.notebook_names():
        return []
    if plans.collecting(workspace) is None:
        push.say("deps: nothing to collect, so the wheel notebook is not run and not attached.")
        return []
    folder = workspace.notebook(DEPS)
    outcomes = []
    own = workspace.root / DEPS / requirements.WHEELS
    if requirements.own_packages(workspace):
        ref = plans.wheels_id(folder.metadata.id)
        outcomes.append(push_dataset.upload_dataset(push, lambda: stage_folder(push, own, ref, "wheels")))

    def stage() -> notebook_payload.Payload:
        staged = stage_notebook.stage_deps(workspace, folder)
        return notebook_payload.Payload.from_staged(folder, staged.notebook)

    outcomes.append(
        push_notebook.update_notebook(push, notebook_payload.Rules(DEPS, _same, _prove, needed=needed), stage)
    )
    return outcomes


def attached_by(workspace: Workspace, notebook: Notebook) -> NotebookRef | None:
    """The wheel notebook, when this notebook attaches it and there is anything to collect."""
    deps = plans.collecting(workspace)
    names = {ref.name for ref in notebook.metadata.sources if isinstance(ref, NotebookRef)}
    return deps if deps is not None and deps.name in names else None


def wanted(workspace: Workspace) -> str:
    """The fingerprint of the wheels that the workspace needs now."""
    return requirements.read_asked(workspace, stage_notebook.image_of(workspace.notebook(DEPS))).fingerprint


def refuse_others(push: Push, notebook: Notebook) -> None:
    """Check that the wheels on Kaggle are those that the notebook needs; raises Refused `wheels-not-current`."""
    ref = attached_by(push.workspace, notebook)
    if ref is None:
        return
    there = push.kaggle.notebook(ref)
    push.versions[ref.name] = there.newest if there is not None else None
    plan = compose.plan_of(there.text) if there is not None else None
    fingerprint = wanted(push.workspace)
    if there is None or plan is None or plan.deps_fingerprint != fingerprint:
        found = short(plan.deps_fingerprint) if plan is not None and plan.deps_fingerprint else None
        state = f"has the wheels {found}" if found else "has no wheels of this workspace"
    elif push.known.of(ref.name, there.newest).get("complete") or push.kaggle.run(ref, there.newest).complete:
        return
    else:
        state = f"has no completed run of version {there.newest}"
    push.refuse(
        "wheels-not-current",
        f"{ref.name} {state}, but {notebook.name} needs {short(fingerprint)}: push the wheels first (invoke push-deps, or invoke push)",
    )


def _same(there: str, staged: str) -> bool:
    """Whether both make the same wheels: the fingerprint over requirements, collector and own wheels, and the user's cells."""
    one, other = compose.plan_of(there), compose.plan_of(staged)
    if one is None or other is None:
        return False
    cells = [compose.cells_fingerprint(json.loads(text)["cells"][1:]) for text in (there, staged)]
    return (
        one.deps_fingerprint == other.deps_fingerprint
        and one.internet == other.internet
        and cells[0] == cells[1]
    )


def _prove(push: Push, payload: notebook_payload.Payload, version: int) -> list[str]:
    """Download the manifest of exactly that version and compare its fingerprint."""
    ref = payload.ref
    files, _ = push.kaggle.output(ref, version)
    found = next((file for file in files if file.name == DEPS_MANIFEST), None)
    if found is None:
        raise RunFailed(
            f"{ref.name} version {version} completed and left no {DEPS_MANIFEST}: its notebook must call kaggle_shim.collect()."
        )
    with scratch(push.workspace.build) as folder:
        path = folder / DEPS_MANIFEST
        push.kaggle.download_url(DEPS_MANIFEST, found.url, path)
        try:
            manifest = DepsManifest.load(path)
        except ManifestError as error:
            raise RunFailed(
                f"{ref.name} version {version} left a {DEPS_MANIFEST} that can't be read: {error}"
            ) from error
    staged = payload.staged.plan.deps_fingerprint or ""
    if manifest.fingerprint != staged:
        raise RunFailed(
            f"{ref.name} version {version} made wheels of {short(manifest.fingerprint)}, but {short(staged)} was staged: "
            "it did not run the source that was sent; run invoke push-deps --force."
        )
    names = {file.name.rsplit("/", 1)[-1] for file in files}
    missing = [wheel.path for wheel in manifest.wheels if wheel.path not in names]
    if missing:
        raise RunFailed(
            f"{ref.name} version {version} lists wheels that its output lacks ({', '.join(missing[:3])}): run invoke push-deps --force."
        )
    moved = push_images.record(push, ref, version, files)
    return [f"{len(manifest.wheels)} wheels for {manifest.python}", *manifest.notes, *moved]
