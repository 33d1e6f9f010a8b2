"""`history --reproduce`: what a submission was made of, back in `build/`, from git where git has it and from Kaggle where it has not.

The notebook that ran is on Kaggle, plan and shim inside; the codes are in git at their commit, or in the dataset's version
(a dirty work tree never was in git). Whatever comes back is held against the fingerprint that the ledger or the plan states.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_shim.manifest import CODES_MANIFEST, Manifest
from kaggle_shim.plan import Plan
from kaggle_workflow.errors import KaggleRefused, WorkflowError
from kaggle_workflow.files import remove_tree
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Notebook
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push import dataset_payload, looking, notebook_payload, recording
from kaggle_workflow.push import notebook as push_notebook
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import compose
from kaggle_workflow.stage.notebook import StagedNotebook
from kaggle_workflow.submit import old_codes
from kaggle_workflow.submit.old_codes import Reproduced, metadata_text
from kaggle_workflow.workspace import CODES
from kaggle_workflow.workspace import Notebook as Folder

_KINDS = {
    "dataset": ("dataset_sources", refs.DatasetRef),
    "competition": ("competition_sources", refs.CompetitionRef),
    "notebook": ("kernel_sources", refs.NotebookRef),
    "model": ("model_sources", refs.ModelRef),
}


def restore(push: Push, ref: str) -> Reproduced:
    """Restore the staged state of a submission into `build/`.

    Raises:
        WorkflowError: the ledger does not know it, or does not know what it was made of, or neither git nor Kaggle has its source.
    """
    one = _find(push, ref)
    done = Reproduced(one.ref)
    folder = _folder(push, one)
    done.folder = folder.name
    there = push.kaggle.notebook(folder.metadata.id, one.notebook_version)
    plan = compose.plan_of(there.text) if there is not None else None
    if there is None or plan is None:
        raise WorkflowError(
            f"{one.notebook} version {one.notebook_version} is not on Kaggle any more, and with it the plan of {ref} is lost: "
            f"check out {(one.git_commit or 'its commit')[:12]} and push that state."
        )
    done.notebook = f"{one.notebook} version {one.notebook_version}"
    with push.lock(f"history --reproduce {ref}"):
        old_codes.restore(push, one, plan, there.text, done)
        _restore_notebook(push, one, folder, there, plan)
    _look_for_the_rest(push, one, plan, done)
    return done


def push_again(push: Push, done: Reproduced) -> list[Outcome]:
    """Push what was reproduced as it lies in `build/`: the codes as a new version of the dataset, then the notebook.

    Raises:
        WorkflowError: in all its classes.
    """
    folder = push.workspace.notebook(done.folder)
    build = push.workspace.build
    outcomes = []
    payload = _staged(build / folder.name, folder)
    if payload.staged.plan.inline_codes is None:
        outcomes.append(
            push_dataset.upload_dataset(push, lambda: _codes_payload(push, build / CODES, done.ref))
        )
    rules = notebook_payload.Rules(folder.name, compose.same, push_sub.prove)
    outcome = push_notebook.update_notebook(push, rules, lambda: payload)
    if outcome.version is not None:
        report = looking.report_in(push, *push.kaggle.output(payload.ref, outcome.version))
        recording.pushed(push, payload, outcome.version, report)
    return [*outcomes, outcome]


def _find(push: Push, ref: str) -> Submission:
    known = {one.ref: one for one in history_fold.fold(ledger.read(push.workspace.root).events)}
    one = known.get(ref)
    if one is None:
        raise WorkflowError(
            f"The ledger knows no submission {ref}: invoke history lists them, with --refresh those made elsewhere too."
        )
    if one.notebook is None or one.notebook_version is None:
        raise WorkflowError(
            f"The ledger does not know which notebook version {ref} was: it was not submitted by this workflow."
        )
    return one


def _folder(push: Push, one: Submission) -> Folder:
    for name in push.workspace.notebook_names():
        folder = push.workspace.notebook(name)
        if folder.metadata.id.name == one.notebook:
            return folder
    raise WorkflowError(
        f"No folder here is the notebook {one.notebook} any more: add one whose kernel-metadata.json has that id."
    )


def _restore_notebook(push: Push, one: Submission, folder: Folder, there: Notebook, plan: Plan) -> None:
    """`build/<notebook>`: the source that ran, and metadata whose sources name the versions that were used."""
    target = push.workspace.build / folder.name
    remove_tree(target)
    target.mkdir(parents=True)
    metadata: dict[str, Any] = {
        **folder.metadata.raw,
        "id": folder.metadata.id.name,
        "is_private": there.private,
        "enable_gpu": there.gpu,
        "enable_tpu": there.tpu,
        "enable_internet": there.internet,
        "machine_shape": there.machine_shape,
        **{key: _sources(kind, plan) for kind, (key, _) in _KINDS.items()},
    }
    if there.docker_image or (one.image and "/" in one.image):
        metadata["docker_image"] = there.docker_image or one.image
    stage_codes.write_if_changed(target / KERNEL_FILE, metadata_text(metadata))
    stage_codes.write_if_changed(target / folder.metadata.code_file, there.text)


def _sources(kind: str, plan: Plan) -> list[str]:
    """What the plan attaches, as it was attached: ours are pinned by their fingerprints, models by their versions."""
    _, parse = _KINDS[kind]
    return [str(one.ref) for one in plan.inputs if isinstance(one.ref, parse)]


def _look_for_the_rest(push: Push, one: Submission, plan: Plan, done: Reproduced) -> None:
    """Say what else of it is gone, or is another one by now."""
    for part in plan.inputs:
        ref = part.ref
        try:
            if isinstance(ref, refs.ModelRef):
                push.kaggle.model_files(ref)
            elif isinstance(ref, refs.DatasetRef) and part.role != CODES and push.kaggle.dataset(ref) is None:
                done.lost.append(f"the dataset {ref.name} is not on Kaggle any more")
        except (NotThere, Denied):
            done.lost.append(f"the {ref.kind} {ref} is not on Kaggle any more, or not for this account")
    if one.deps is not None:
        _deps(push, one.deps, plan, done)
    if not one.image or "/" not in one.image:
        done.differs.append(
            "the image it ran in has no name that can be pinned: a new run has the newest one"
        )


def _deps(push: Push, deps: Part, plan: Plan, done: Reproduced) -> None:
    """The wheels: Kaggle mounts the newest output of a notebook, so they are the same while nothing else was pushed there."""
    try:
        there = push.kaggle.notebook(refs.NotebookRef.parse(deps.ref))
    except (Denied, RefError):
        there = None
    if there is None:
        done.lost.append(f"the wheel notebook {deps.ref} is not on Kaggle any more")
        return
    now = compose.plan_of(there.text)
    then = next((one.fingerprint for one in plan.of_role("wheels")), None)
    if now is None or now.deps_fingerprint != then:
        done.differs.append(
            f"the wheel notebook {deps.ref} makes other wheels by now (version {there.newest}, then {deps.version or 'unknown'}): "
            f"check out deps/ of the commit and push it with invoke push-deps before this is run again"
        )


def _codes_payload(push: Push, folder: Path, ref: str) -> dataset_payload.Payload:
    if not (folder / CODES_MANIFEST).is_file():
        raise KaggleRefused(f"The codes of {ref} can't be had any more, so there is nothing to push.")
    manifest = Manifest.load(folder / CODES_MANIFEST)
    return dataset_payload.Payload(
        "codes", push.workspace.codes.id, folder, manifest, CODES_MANIFEST, f"reproduces {ref}"
    )


def _staged(target: Path, folder: Folder) -> notebook_payload.Payload:
    file = target / folder.metadata.code_file
    plan = compose.plan_of(file.read_text(encoding="utf-8"))
    if plan is None:
        raise WorkflowError(f"{file} carries no plan: run invoke history --reproduce again.")
    return notebook_payload.Payload.from_staged(folder, StagedNotebook(target, file, plan, ()))


def sentences(done: Reproduced) -> Sequence[str]:
    """What came back and what did not, for people."""
    said = [f"build/{done.folder} is {done.notebook}."]
    if done.codes:
        said.append(f"build/{CODES} is what it ran, from {done.codes}.")
    said += [f"Can't be had any more: {text}." for text in done.lost]
    said += [f"Not as it was: {text}." for text in done.differs]
    return said
