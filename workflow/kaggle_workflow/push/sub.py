"""Push a notebook that runs an entry point, and check the run by its own report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kaggle_shim import refs
from kaggle_shim.manifest import CODES_MANIFEST, DATASET_MANIFEST, Manifest, short
from kaggle_workflow import accelerators, attached, model_upload
from kaggle_workflow.attached import Stale
from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import KaggleRefused, RunFailed, Unreachable, WorkflowError
from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.jobs import sweeps
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push import dataset_versions, looking, notebook_payload, recording
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import images as push_images
from kaggle_workflow.push.notebook import update_notebook
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import compose, plans
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.workspace import SUB, Notebook, Workspace


@dataclass
class _Seen:
    """What was staged last, and the report of its run once it was read."""

    payload: notebook_payload.Payload | None = None
    report: dict[str, Any] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)


def push_notebook(push: Push, name: str, *, rest_pushed: bool = False) -> Outcome:
    """Push one notebook and wait for its run.

    Args:
        push: the command.
        name: its folder.
        rest_pushed: whether codes and wheels were pushed just now.

    Raises:
        WorkflowError: in all its classes.
    """
    workspace = push.workspace
    folder = runnable(workspace, name)
    name = folder.name
    push.check_owner(folder.metadata.id.owner, f"the notebook {folder.metadata.id.name}")
    manifests = attached_manifests(push, folder)
    others = tuple((ref.name, manifest.fingerprint) for ref, manifest in manifests) + _of_jobs(
        workspace, folder
    )
    for one in stale(push, manifests):
        push.warn(f"{one}: `{one.command}` pushes it.")

    seen = _Seen()
    if workspace.settings.of(name).save_run == "light":
        push.warn(
            f"The save run of {name} is light (workspace.save-run): it checks mounts, install and imports only."
        )

    def stage() -> notebook_payload.Payload:
        # The push or the check of the codes staged them already. Right before the upload they are staged again.
        codes, push.staged_codes = push.staged_codes, None
        if codes is None:
            codes = stage_codes.stage(workspace, folder.metadata.competition)
        wheels = push_deps.wanted(workspace) if push_deps.attached_by(workspace, folder) is not None else ""
        known = plans.Known(codes.manifest.fingerprint, wheels, others)
        staged = stage_notebook.stage_running(workspace, folder, codes, known)
        for sentence in staged.corrections:
            push.say(f"note: {sentence}")
        seen.payload = notebook_payload.Payload.from_staged(
            folder, staged, push.options.accelerator, codes.manifest
        )
        return seen.payload

    if not rest_pushed:
        if workspace.settings.codes == "dataset":
            push.staged_codes = _check_codes(push, folder)
        push_deps.refuse_others(push, folder)

    def prove(push: Push, payload: notebook_payload.Payload, version: int) -> list[str]:
        files, log = push.kaggle.output(payload.ref, version)
        seen.report = looking.read_report(push, files, log)
        notes = _prove(push, payload, version, seen.report)
        seen.moved = push_images.record(push, payload.ref, version, files)
        return [*notes, *seen.moved]

    rules = notebook_payload.Rules(
        name, compose.same, prove, before=lambda: _warn_about_accelerator(push, folder)
    )
    outcome = update_notebook(push, rules, stage)
    if outcome.version is not None and seen.payload is not None and not push.options.dry_run:
        recording.record_push(push, seen.payload, outcome.version, seen.report, seen.moved)
    return outcome


def runnable(workspace: Workspace, name: str) -> Notebook:
    """The notebook in that folder; raises WorkflowError when there is none or it is the wheel notebook."""
    folder = workspace.notebook(name)
    if folder.collects:
        raise WorkflowError(f"{folder.name} is the wheel notebook: push it with invoke push-deps.")
    return folder


def _check_codes(push: Push, folder: Notebook) -> stage_codes.Staged:
    """Stage the codes, and check that Kaggle has them; raises Refused `codes-not-current`."""
    ref = push.workspace.codes.id
    there = push.kaggle.dataset(ref)
    push.versions[ref.name] = there.current if there is not None else None
    with push.lock("push-sub: staging codes"):
        staged = stage_codes.stage(push.workspace, folder.metadata.competition)
    wanted = staged.manifest.fingerprint
    found = (
        dataset_versions.fingerprint_of(push, ref, there, CODES_MANIFEST)
        if there is not None and there.current is not None
        else None
    )
    if found is None or short(found) != short(wanted):
        has = f"has the codes {short(found)}" if found else "has no codes of this workspace that are ready"
        push.refuse(
            "codes-not-current",
            f"{ref.name} {has}, but {folder.name} needs {short(wanted)}: push the codes first (invoke push-codes, or invoke push)",
        )
    return staged


def stale(push: Push, manifests: Iterable[tuple[refs.ModelRef | refs.DatasetRef, Manifest]]) -> list[Stale]:
    """The attached models and datasets whose local folder changed since they were pushed."""
    found = []
    for ref, manifest in manifests:
        try:
            one = attached.stale(push.workspace, ref, manifest)
        except WorkflowError as error:
            push.warn(f"{error}")
            continue
        if one is not None:
            found.append(one)
    return found


def attached_manifests(
    push: Push, folder: Notebook
) -> list[tuple[refs.ModelRef | refs.DatasetRef, Manifest]]:
    """The workspace's own models and datasets that the notebook attaches, with their manifests on Kaggle."""
    workspace = push.workspace
    ours = folder.metadata.id.owner
    found: list[tuple[refs.ModelRef | refs.DatasetRef, Manifest]] = []
    for ref in folder.metadata.sources:
        if isinstance(ref, refs.ModelRef) and ref.owner == ours:
            manifest = model_manifest(push, ref)
            if manifest is not None:
                found.append((ref, manifest))
        elif isinstance(ref, refs.DatasetRef) and ref.owner == ours and ref.name != workspace.codes.id.name:
            there = push.kaggle.dataset(ref)
            if there is not None and there.current is not None:
                manifest = dataset_versions.manifest_of(
                    push, ref, ref.version or there.current, DATASET_MANIFEST
                )
                if manifest is not None:
                    found.append((ref, manifest))
    return found


def _of_jobs(workspace: Workspace, folder: Notebook) -> tuple[tuple[str, str], ...]:
    """The jobs of sweeps that the notebook attaches, each with the fingerprint of the codes that it ran."""
    pinned = {(ref.name, ref.version) for ref in folder.metadata.sources if isinstance(ref, refs.NotebookRef)}
    if not any(version for _, version in pinned):
        return ()
    jobs = [job for one in sweeps(book.read(workspace.root).events) for job in one.jobs]
    return tuple(
        (job.ref, ran)
        for job in jobs
        if (ran := job.codes.fingerprint) is not None and (job.ref, job.version) in pinned
    )


def attach(push: Push, name: str, ref: refs.ModelRef | refs.DatasetRef, outcome: Outcome) -> None:
    """Add what was pushed to a notebook's metadata: a dataset, or a model's version.

    Another version of the model's variation is replaced, and so is a version to which the dataset was pinned.
    """
    folder = push.workspace.notebook(name)
    key = "dataset_sources" if isinstance(ref, refs.DatasetRef) else "model_sources"
    listed = [str(text) for text in folder.metadata.raw.get(key) or []]
    if isinstance(ref, refs.DatasetRef):
        old = next((text for text in listed if refs.DatasetRef.parse(text).name == ref.name), None)
        pinned = old is not None and refs.DatasetRef.parse(old).version is not None
        new = f"{ref.name}/{outcome.version}" if pinned else ref.name
    else:
        old, new = next((text for text in listed if _variation(text) == _variation(str(ref))), None), str(ref)
    if old == new:
        return
    json_edit.edit_file(folder.folder / KERNEL_FILE, key, old, new)
    change = f"replaced {old} by {new} in" if old else f"added {new} to"
    note = f"{name}/{KERNEL_FILE}: {change} {key}."
    push.say(note)
    outcome.notes.append(note)


def _variation(handle: str) -> str:
    """The handle without its version, in lower case: frameworks are written in either case."""
    return "/".join(handle.split("/")[:4]).lower()


def model_manifest(push: Push, ref: refs.ModelRef) -> Manifest | None:
    """The manifest in a model's version, None when there is none of ours; a version never changes, so it is read once."""
    known = push.known.of(ref.name, ref.version).get("manifest")
    if isinstance(known, str):
        return Manifest.loads(known, str(ref)) if known else None
    manifest = model_upload.manifest_of(push.kaggle, ref)
    if ref.version is not None:
        push.known.note(ref.name, ref.version, manifest=manifest.dumps() if manifest is not None else "")
    return manifest


def prove(push: Push, payload: notebook_payload.Payload, version: int) -> list[str]:
    """Compare what the run of a version found with what was staged; raises RunFailed when they differ. Returns the run's warnings."""
    return _prove(
        push, payload, version, looking.read_report(push, *push.kaggle.output(payload.ref, version))
    )


def _prove(push: Push, payload: notebook_payload.Payload, version: int, report: dict[str, Any]) -> list[str]:
    """Compare what the run found with what was staged; raises RunFailed when they differ."""
    name = f"{payload.ref.name} version {version}"
    if not report:
        push.refuse(
            "unproved-run",
            f"{name} completed and left no run report, so what it ran can't be checked: its notebook must call kaggle_shim.run()",
        )
        return ["no run report"]
    other = push_answers.ran_other(payload.staged.plan, report)
    if other is not None:
        raise RunFailed(
            f"{name} {other}: Kaggle attached another version; {_again(payload)}. If it finds the same again, run `invoke push-codes --force` before it."
        )
    notes = [str(warning) for warning in report.get("warnings", [])]
    for note in notes:
        push.warn(f"in the run: {note}")
    return notes


def _again(payload: notebook_payload.Payload) -> str:
    """The command that pushes this notebook again, and nothing else."""
    name = payload.folder.name
    which = "" if name == SUB else f" --notebook {name}"
    return f"run `invoke push-sub{which} --force`"


def _warn_about_accelerator(push: Push, folder: Notebook) -> None:
    """Print the quota of the accelerator on the command line or in the metadata; nothing for a notebook without one."""
    shape = push.options.accelerator
    advice = accelerators.shape_advice(shape) if shape else None
    if advice is not None:
        push.warn(advice)
    kind = _kind_of(shape) or folder.metadata.accelerator
    if kind is None:
        return
    try:
        quota = push.kaggle.quota()[kind]
    except (KaggleRefused, Unreachable) as error:
        push.warn(f"The {kind.upper()} quota can't be read: {error}")
        return
    if quota is None:
        push.say(f"{kind.upper()} quota: Kaggle does not say how much is left.")
        return
    push.say(f"{kind.upper()} quota: {quota.used:.1f} of {quota.allowed:.0f} h used this week.")
    if quota.used >= quota.allowed:
        push.warn(f"This week's {kind.upper()} quota is used up: Kaggle may refuse the run.")


def _kind_of(shape: str) -> str | None:
    """`gpu` or `tpu`, from the name of an accelerator."""
    if shape.startswith("Nvidia"):
        return "gpu"
    return "tpu" if shape.startswith("Tpu") else None
