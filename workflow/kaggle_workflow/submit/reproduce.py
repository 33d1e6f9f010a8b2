"""`history --reproduce`: restore into `build/` what a submission was made of.

The notebook that ran is on Kaggle, with its plan and the shim. The codes come from git or, if they were not committed, from the
dataset's version on Kaggle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_shim.manifest import CODES_MANIFEST, Manifest
from kaggle_shim.plan import Plan
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import KaggleRefused, WorkflowError
from kaggle_workflow.files import remove_tree
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Notebook
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.metadata_reading import SOURCES
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


@dataclass(frozen=True)
class Made:
    """What a submission was made of: its notebook's folder here, the version on Kaggle, and the plan in it."""

    submission: Submission
    folder: Folder
    there: Notebook
    plan: Plan


def read(push: Push, ref: str) -> Made:
    """Read what a submission was made of.

    Raises:
        WorkflowError: the ledger does not have it or its notebook version, or Kaggle no longer has that version.
    """
    one = _find(push, ref)
    folder = _folder(push, one)
    there = push.kaggle.notebook(folder.metadata.id, one.notebook_version)
    plan = compose.plan_of(there.text) if there is not None else None
    if there is None or plan is None:
        raise WorkflowError(
            f"{one.notebook} version {one.notebook_version} is no longer on Kaggle, so the plan of submission {ref} is lost: "
            f"check out {(one.git_commit or 'its commit')[:12]}, then run invoke push."
        )
    return Made(one, folder, there, plan)


def restore(push: Push, ref: str) -> Reproduced:
    """Restore the staged state of a submission into `build/`.

    Raises:
        WorkflowError: the ledger does not have it or its notebook version, or Kaggle no longer has that version.
    """
    made = read(push, ref)
    one, folder, there, plan = made.submission, made.folder, made.there, made.plan
    done = Reproduced(one.ref, folder=folder.name, notebook=f"{one.notebook} version {one.notebook_version}")
    with push.lock(f"history --reproduce {ref}"):
        old_codes.restore(push, one, plan, there.text, done)
        _restore_notebook(push, one, folder, there, plan)
    look_for_the_rest(push, one, plan, done)
    return done


def push_again(push: Push, done: Reproduced) -> list[Outcome]:
    """Push what was restored in `build/`: the codes as a new version of the dataset, then the notebook.

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
        report = looking.read_report(push, *push.kaggle.output(payload.ref, outcome.version))
        recording.record_push(push, payload, outcome.version, report)
    return [*outcomes, outcome]


def _find(push: Push, ref: str) -> Submission:
    known = {one.ref: one for one in history_fold.fold(ledger.read(push.workspace.root).events)}
    one = known.get(ref)
    if one is None:
        raise WorkflowError(
            f"The ledger has no submission {ref}: run invoke history --refresh to add those made elsewhere."
        )
    if one.notebook is None or one.notebook_version is None:
        raise WorkflowError(
            f"The ledger does not have the notebook version of submission {ref}: it was not submitted with invoke submit or invoke ship."
        )
    return one


def _folder(push: Push, one: Submission) -> Folder:
    for name in push.workspace.notebook_names():
        folder = push.workspace.notebook(name)
        if folder.metadata.id.name == one.notebook:
            return folder
    raise WorkflowError(
        f"No folder of this workspace is the notebook {one.notebook}: add one whose kernel-metadata.json has that id."
    )


def _restore_notebook(push: Push, one: Submission, folder: Folder, there: Notebook, plan: Plan) -> None:
    """Restore `build/<notebook>`: the source that ran, and metadata whose sources name the versions that were used."""
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
        # As they were attached: fingerprints pin what is ours, versions pin models.
        **{
            key: [str(one.ref) for one in plan.inputs if one.ref.kind == kind]
            for key, kind in SOURCES.items()
        },
    }
    if there.docker_image or (one.image and "/" in one.image):
        metadata["docker_image"] = there.docker_image or one.image
    stage_codes.write_if_changed(target / KERNEL_FILE, metadata_text(metadata))
    stage_codes.write_if_changed(target / folder.metadata.code_file, there.text)


def look_for_the_rest(push: Push, one: Submission, plan: Plan, done: Reproduced) -> None:
    """Note which inputs are gone and which have changed."""
    for part in plan.inputs:
        ref = part.ref
        try:
            if isinstance(ref, refs.ModelRef):
                push.kaggle.model_files(ref)
            elif isinstance(ref, refs.DatasetRef) and part.role != CODES and push.kaggle.dataset(ref) is None:
                done.lost.append(f"the dataset {ref.name} (no longer on Kaggle)")
        except (NotThere, Denied):
            done.lost.append(f"the {ref.kind} {ref} (no longer on Kaggle, or not for this account)")
    if one.deps is not None:
        _deps(push, one.deps, plan, done)
    if not one.image or "/" not in one.image:
        done.differs.append("the image can't be pinned, so a new run uses the newest one")


def _deps(push: Push, deps: Part, plan: Plan, done: Reproduced) -> None:
    """Note whether the wheels are gone or have changed: Kaggle mounts the output of the wheel notebook's newest version."""
    try:
        there = push.kaggle.notebook(refs.NotebookRef.parse(deps.ref))
    except (Denied, RefError):
        there = None
    if there is None:
        done.lost.append(f"the wheel notebook {deps.ref} (no longer on Kaggle)")
        return
    now = compose.plan_of(there.text)
    then = next((one.fingerprint for one in plan.of_role("wheels")), None)
    if now is None or now.deps_fingerprint != then:
        done.differs.append(
            f"the wheel notebook {deps.ref} now makes other wheels (version {there.newest}, then {deps.version or 'unknown'}): "
            f"check out deps/ at that commit and run invoke push-deps first"
        )


def _codes_payload(push: Push, folder: Path, ref: str) -> dataset_payload.Payload:
    if not (folder / CODES_MANIFEST).is_file():
        raise KaggleRefused(f"The codes of submission {ref} are lost, so it can't be pushed again.")
    manifest = Manifest.load(folder / CODES_MANIFEST)
    files = ((entry.path, folder / entry.path) for entry in manifest.files)
    # Named as in codes/, so that what is allowed there is allowed here.
    secrets_scan.refuse(
        secrets_workspace.search_files(push.workspace, push.workspace.root / CODES, files, "reproduced")
    )
    return dataset_payload.Payload(
        "codes", push.workspace.codes.id, folder, manifest, CODES_MANIFEST, f"reproduces {ref}"
    )


def _staged(target: Path, folder: Folder) -> notebook_payload.Payload:
    file = target / folder.metadata.code_file
    plan = compose.plan_of(file.read_text(encoding="utf-8"))
    if plan is None:
        raise WorkflowError(f"{file} has no plan: run invoke history --reproduce again.")
    return notebook_payload.Payload.from_staged(folder, StagedNotebook(target, file, plan, ()))


def sentences(done: Reproduced) -> Sequence[str]:
    """What was restored, what is lost and what differs, as sentences."""
    said = [f"Restored build/{done.folder}: {done.notebook}."]
    if done.codes:
        said.append(f"Restored build/{CODES} from {done.codes}.")
    said += [f"Lost: {text}." for text in done.lost]
    said += [f"Different now: {text}." for text in done.differs]
    return said
