"""A notebook that runs an entry point: staged with its plan, saved, and proved by what the run itself found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, DATASET_MANIFEST, MODEL_MANIFEST, Manifest, short
from kaggle_workflow import attached
from kaggle_workflow.attached import Stale
from kaggle_workflow.errors import RunFailed, WorkflowError
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push import dataset_versions, looking, notebook_payload, quota, recording
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import notebook as push_notebook
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import compose, plans
from kaggle_workflow.stage import notebook as stage_notebook
from kaggle_workflow.workspace import SUB, Notebook, Workspace

CODES_ROLE = "codes"


@dataclass
class _Seen:
    """What `send` staged last, and the report of its run where it was looked at."""

    payload: notebook_payload.Payload | None = None
    report: dict[str, Any] = field(default_factory=dict)


def run(push: Push, name: str, *, rest_pushed: bool = False) -> Outcome:
    """Send one notebook and see its run through.

    Args:
        push: the command.
        name: its folder.
        rest_pushed: whether codes and wheels were brought up to date just now.

    Raises:
        WorkflowError: in all its classes.
    """
    workspace = push.workspace
    folder = runnable(workspace, name)
    name = folder.name
    push.check_owner(folder.metadata.id.owner, f"the notebook {folder.metadata.id.name}")
    manifests = attached_manifests(push, folder)
    others = tuple((ref.name, manifest.fingerprint) for ref, manifest in manifests)
    for one in stale(push, manifests):
        push.warn(f"{one}: {one.command} pushes it.")

    seen = _Seen()
    if workspace.settings.of(name).save_run == "light":
        push.warn(
            f"The save run of {name} is light (workspace.save-run): its entry point is told to be short, so it proves mounts, install and imports only."
        )

    def stage() -> notebook_payload.Payload:
        codes = stage_codes.stage(workspace, folder.metadata.competition)
        wheels = push_deps.wanted(workspace) if push_deps.attached_by(workspace, folder) is not None else ""
        known = plans.Known(codes.manifest.fingerprint, wheels, others)
        staged = stage_notebook.stage_running(workspace, folder, codes, known)
        for sentence in staged.corrections:
            push.say(f"note: {sentence}")
        seen.payload = notebook_payload.Payload.of(folder, staged, push.options.accelerator)
        return seen.payload

    if not rest_pushed:
        if workspace.settings.codes == "dataset":
            _check_codes(push, folder)
        push_deps.refuse_others(push, folder)

    def prove(push: Push, payload: notebook_payload.Payload, version: int) -> list[str]:
        seen.report = looking.report_in(push, *push.kaggle.output(payload.ref, version))
        return _prove(push, payload, version, seen.report)

    rules = notebook_payload.Rules(name, compose.same, prove, before=lambda: quota.tell(push, folder))
    outcome = push_notebook.send(push, rules, stage)
    if outcome.version is not None and seen.payload is not None and not push.options.dry_run:
        recording.pushed(push, seen.payload, outcome.version, seen.report)
    return outcome


def runnable(workspace: Workspace, name: str) -> Notebook:
    """The notebook in that folder; raises WorkflowError when there is none or it is the wheel notebook."""
    folder = workspace.notebook(name)
    if folder.collects:
        raise WorkflowError(f"{folder.name} is the wheel notebook: push it with invoke push-deps.")
    return folder


def _check_codes(push: Push, folder: Notebook) -> None:
    """The run will find what is current on Kaggle: say so before it is sent."""
    ref = push.workspace.codes.id
    there = push.kaggle.dataset(ref)
    push.versions[ref.name] = there.current if there is not None else None
    with push.lock("push-sub: staging codes"):
        wanted = stage_codes.stage(push.workspace, folder.metadata.competition).manifest.fingerprint
    found = (
        dataset_versions.fingerprint_of(push, ref, there, CODES_MANIFEST)
        if there is not None and there.current is not None
        else None
    )
    if found is None or short(found) != short(wanted):
        has = f"has the codes {short(found)}" if found else "has no codes of this workspace that are ready"
        push.refuse(
            "codes-not-current",
            f"{ref.name} {has}, and {folder.name} wants {short(wanted)}: push the codes first (invoke push-codes, or invoke push)",
        )


def stale(push: Push, manifests: Iterable[tuple[refs.ModelRef | refs.DatasetRef, Manifest]]) -> list[Stale]:
    """The attached models and datasets whose local folder holds something else by now."""
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
    """The models and datasets of our own that the notebook attaches, and their manifests on Kaggle."""
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


def model_manifest(push: Push, ref: refs.ModelRef) -> Manifest | None:
    """The manifest in a model's version, None when there is none of ours; a version never changes, so it is asked for once."""
    known = push.known.of(ref.name, ref.version).get("manifest")
    if isinstance(known, str):
        return Manifest.loads(known, str(ref)) if known else None
    with scratch(push.workspace.build) as folder:
        path = folder / MODEL_MANIFEST
        try:
            push.kaggle.fetch_model_file(ref, RemoteFile(MODEL_MANIFEST), path)
            manifest: Manifest | None = Manifest.load(path)
        except (NotThere, Denied, ManifestError):
            manifest = None
    if ref.version is not None:
        push.known.note(ref.name, ref.version, manifest=manifest.dumps() if manifest is not None else "")
    return manifest


def prove(push: Push, payload: notebook_payload.Payload, version: int) -> list[str]:
    """Hold what the run of a version found against what was staged; raises RunFailed when it is another. Returns the run's warnings."""
    return _prove(push, payload, version, looking.report_in(push, *push.kaggle.output(payload.ref, version)))


def _prove(push: Push, payload: notebook_payload.Payload, version: int, report: dict[str, Any]) -> list[str]:
    """Hold what the run found against what was staged; raises RunFailed when it is another."""
    name = f"{payload.ref.name} version {version}"
    if not report:
        push.refuse(
            "unproved-run",
            f"{name} ended well and left no run report, so nothing proves what it ran: its notebook must call kaggle_shim.run()",
        )
        return ["no run report"]
    plan = payload.staged.plan
    wanted = plan.inline_codes or next(
        (one.fingerprint for one in plan.inputs if one.role == CODES_ROLE), None
    )
    codes = report.get("codes")
    found = codes.get("fingerprint") if isinstance(codes, dict) else None
    if wanted is not None and found != wanted:
        raise RunFailed(
            f"{name} ran the codes {short(str(found))}, and {short(wanted)} was staged: Kaggle bound another version; {_again(payload)}, and should it find the same, invoke push-codes --force before it."
        )
    if report.get("template") != plan.template:
        raise RunFailed(
            f"{name} ran with the shim {report.get('template')}, and {plan.template} was staged: {_again(payload)}."
        )
    notes = [str(warning) for warning in report.get("warnings", [])]
    for note in notes:
        push.warn(f"in the run: {note}")
    return notes


def _again(payload: notebook_payload.Payload) -> str:
    """The command that sends this notebook anew and nothing else."""
    name = payload.folder.name
    which = "" if name == SUB else f" --notebook {name}"
    return f"run invoke push-sub{which} --force"
