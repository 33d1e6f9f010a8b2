"""A notebook that runs an entry point: staged with its plan, saved, and proved by what the run itself found."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import CODES_MANIFEST, DATASET_MANIFEST, MODEL_MANIFEST, Manifest, short
from workflow import accelerators
from workflow.errors import RunFailed, WorkflowError
from workflow.kaggle.errors import Denied, NotThere
from workflow.push import dataset as push_dataset
from workflow.push import looking, recording
from workflow.push import notebook as push_notebook
from workflow.push.session import Outcome, Push
from workflow.stage import codes as stage_codes
from workflow.stage import compose, plans, requirements
from workflow.stage import notebook as stage_notebook
from workflow.workspace import DEPS, Notebook

CODES_ROLE = "codes"


@dataclass
class _Seen:
    """What `send` staged last, and the report of its run where it was looked at."""

    payload: push_notebook.Payload | None = None
    report: dict[str, Any] = field(default_factory=dict)


def run(push: Push, name: str, *, codes_pushed: bool = False) -> Outcome:
    """Send one notebook and see its run through.

    Args:
        push: the command.
        name: its folder.
        codes_pushed: whether the code dataset was brought up to date just now.

    Raises:
        WorkflowError: in all its classes.
    """
    workspace = push.workspace
    folder = workspace.notebook(name)
    if folder.collects:
        raise WorkflowError(f"{name} is the wheel notebook: push it with invoke push-deps.")
    accelerator = _accelerator(push, folder)
    push.check_owner(folder.metadata.id.owner, f"the notebook {folder.metadata.id.name}")
    others = _others(push, folder)

    seen = _Seen()
    if workspace.settings.of(name).save_run == "light":
        push.warn(
            f"The save run of {name} is light (workspace.save-run): its entry point is told to be short, so it proves mounts, install and imports only."
        )

    def stage() -> push_notebook.Payload:
        codes = stage_codes.stage(workspace, folder.metadata.competition)
        known = plans.Known(codes.manifest.fingerprint, _deps_fingerprint(push, folder), others)
        staged = stage_notebook.stage_running(workspace, folder, codes, known)
        for sentence in staged.corrections:
            push.say(f"note: {sentence}")
        seen.payload = push_notebook.Payload.of(folder, staged, accelerator)
        return seen.payload

    if not codes_pushed and workspace.settings.codes == "dataset":
        _check_codes(push, folder)

    def prove(push: Push, payload: push_notebook.Payload, version: int) -> list[str]:
        seen.report = looking.report_in(push, *push.kaggle.output(payload.ref, version))
        return _prove(push, payload, version, seen.report)

    outcome = push_notebook.send(push, push_notebook.Rules(name, compose.same, prove), stage)
    if outcome.version is not None and seen.payload is not None and not push.options.dry_run:
        recording.pushed(push, seen.payload, outcome.version, seen.report)
    return outcome


def _deps_fingerprint(push: Push, folder: Notebook) -> str:
    deps = plans.deps_id(push.workspace)
    if deps is None or not any(
        isinstance(ref, refs.NotebookRef) and ref.name == deps.name for ref in folder.metadata.sources
    ):
        return ""
    staged = push.workspace.notebook(DEPS)
    return requirements.read(push.workspace, stage_notebook.image_of(staged)).fingerprint


def _check_codes(push: Push, folder: Notebook) -> None:
    """The run will find what is current on Kaggle: say so before it is sent."""
    ref = push.workspace.codes.id
    there = push.kaggle.dataset(ref)
    push.versions[ref.name] = there.current if there is not None else None
    with push.lock("push-sub: staging codes"):
        wanted = stage_codes.stage(push.workspace, folder.metadata.competition).manifest.fingerprint
    found = (
        push_dataset.fingerprint_of(push, ref, there, CODES_MANIFEST)
        if there is not None and there.current is not None
        else None
    )
    if found is None or short(found) != short(wanted):
        has = f"has the codes {short(found)}" if found else "has no codes of this workspace that are ready"
        push.refuse(
            "codes-not-current",
            f"{ref.name} {has}, and {folder.name} wants {short(wanted)}: push the codes first (invoke push-codes, or invoke push)",
        )


def _others(push: Push, folder: Notebook) -> tuple[tuple[str, str], ...]:
    """Fingerprints of the models and datasets of our own that the notebook attaches, as their manifests on Kaggle say."""
    workspace = push.workspace
    ours = folder.metadata.id.owner
    found = []
    for ref in folder.metadata.sources:
        manifest: Manifest | None = None
        if isinstance(ref, refs.ModelRef) and ref.owner == ours:
            manifest = model_manifest(push, ref)
        elif isinstance(ref, refs.DatasetRef) and ref.owner == ours and ref.name != workspace.codes.id.name:
            there = push.kaggle.dataset(ref)
            if there is not None and there.current is not None:
                manifest = push_dataset.manifest_of(push, ref, ref.version or there.current, DATASET_MANIFEST)
        if manifest is not None:
            found.append(
                (
                    ref.name if isinstance(ref, refs.ModelRef | refs.DatasetRef) else str(ref),
                    manifest.fingerprint,
                )
            )
    return tuple(found)


def model_manifest(push: Push, ref: refs.ModelRef) -> Manifest | None:
    """The manifest in a model's version, None when there is none of ours; a version never changes, so it is asked for once."""
    known = push.known.of(ref.name, ref.version).get("manifest")
    if isinstance(known, str):
        return Manifest.loads(known, str(ref)) if known else None
    push.workspace.build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".look-", dir=push.workspace.build) as scratch:
        path = Path(scratch) / MODEL_MANIFEST
        try:
            push.kaggle.download_model_file(ref, MODEL_MANIFEST, path)
            manifest: Manifest | None = Manifest.load(path)
        except (NotThere, Denied, ManifestError):
            manifest = None
    if ref.version is not None:
        push.known.note(ref.name, ref.version, manifest=manifest.dumps() if manifest is not None else "")
    return manifest


def _accelerator(push: Push, folder: Notebook) -> str:
    """The accelerator of the command line, with what there is to say about it and about the quota; all of it warns."""
    shape = push.options.accelerator
    if shape:
        advice = accelerators.shape_advice(shape)
        if advice is not None:
            push.warn(advice)
    kind = (
        "gpu"
        if shape.startswith("Nvidia")
        else "tpu"
        if shape.startswith("Tpu")
        else folder.metadata.accelerator
    )
    if kind is not None and not push.options.dry_run:
        quota = push.kaggle.quota()
        used, allowed = (
            (quota.gpu_used, quota.gpu_allowed) if kind == "gpu" else (quota.tpu_used, quota.tpu_allowed)
        )
        push.say(f"{kind.upper()} quota: {used:.1f} of {allowed:.0f} h used this week.")
        if used >= allowed:
            push.warn(f"The {kind.upper()} quota of this week is used up: Kaggle may refuse the run.")
    return shape


def prove(push: Push, payload: push_notebook.Payload, version: int) -> list[str]:
    """Hold what the run of a version found against what was staged; raises RunFailed when it is another. Returns the run's warnings."""
    return _prove(push, payload, version, looking.report_in(push, *push.kaggle.output(payload.ref, version)))


def _prove(push: Push, payload: push_notebook.Payload, version: int, report: dict[str, Any]) -> list[str]:
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
            f"{name} ran the codes {short(str(found))}, and {short(wanted)} was staged: Kaggle bound another version; push again with --force."
        )
    if report.get("template") != plan.template:
        raise RunFailed(
            f"{name} ran with the shim {report.get('template')}, and {plan.template} was staged: push again with --force."
        )
    notes = [str(warning) for warning in report.get("warnings", [])]
    for note in notes:
        push.warn(f"in the run: {note}")
    return notes
