"""Describe a submission: its message, its event in the ledger, its validation score."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kaggle_shim import blend_file, local
from kaggle_shim.manifest import Manifest, hash_file
from kaggle_shim.refs import DatasetRef, ModelRef
from kaggle_workflow import attached, git, metrics
from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger import made_of
from kaggle_workflow.ledger.event import PENDING, SUBMITTED, Event, now
from kaggle_workflow.metrics import Metrics
from kaggle_workflow.push import dataset_versions
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.looking import Target
from kaggle_workflow.push.session import Push
from kaggle_workflow.workspace import CODES

METRICS = metrics.FILE
# Where weights lie in a workspace, below its data folder.
_WEIGHTS = "working/models/"

_Own = tuple[ModelRef | DatasetRef, Manifest]


def message_of(push: Push, target: Target, given: str) -> str:
    """The description before the marker: as given, or the entry point and the subject of the commit that was pushed."""
    if given:
        return given
    entry = " ".join(target.plan.entry) if target.plan else target.ref.slug
    made = _made_of(push, target)
    subject = git.subject(push.workspace.root, made.get("git_commit") or "")
    changed = " (with changes)" if subject and made.get("git_dirty") else ""
    return f"{entry}: {subject}{changed}" if subject else entry


def event_of(push: Push, target: Target, message: str, found: Metrics) -> Event:
    """The `submitted` event: what the push recorded about the version, completed from the version itself."""
    return Event(
        event=SUBMITTED,
        time=now(),
        account=push.checked_account,
        status=PENDING,
        cv=found.cv,
        cv_folds=found.folds or None,
        cv_rows=found.rows,
        overruled=tuple(dict.fromkeys(push.overruled)) or None,
        message=message,
        **{
            **_made_of(push, target),
            "notebook": target.ref.name,
            "notebook_version": target.version,
            "sub": target.part,
            "competition": target.competition.slug,
        },
    )


def _made_of(push: Push, target: Target) -> dict[str, Any]:
    """Fields of an `Event`: what the version's push wrote into the ledger, the rest as read off the version itself."""
    facts: dict[str, Any] = {}
    if target.plan is not None:
        facts = made_of.facts(
            push.workspace,
            target.folder.name,
            target.plan,
            target.report or {},
            target.part,
            machine_shape=target.there.machine_shape,
            image=target.there.docker_image,
        )
    pushed = history_fold.pushed(ledger.read(push.workspace.root).events)
    return {**facts, **pushed.get((target.ref.name, target.version), {})}


def validation_of(push: Push, target: Target, given: float | None) -> Metrics:
    """The validation score: as given, that of a blend, or `cv` in `metrics.json` beside the weights that the version used, with its folds and rows.

    If the weights are a model or dataset of ours, the file that was pushed with them is read: the local folder may have changed. If the
    version attaches weights of another experiment only, it did not run the local ones, and no score is recorded.
    """
    if given is not None or target.plan is None:
        return Metrics(given)
    entry, _ = made_of.split_entry(push.workspace, target.folder.name, target.plan)
    if not entry:
        return Metrics()
    experiment = experiment_of(entry)
    folder = local.data_folder(push.workspace.root) / "working" / "models" / experiment
    attached_here = _attached(push, target)
    ran = _weights(push, attached_here, experiment, folder)
    if ran is None:
        return _local_cv(push, attached_here, experiment, folder)
    ref, manifest = ran
    stated = next((entry for entry in manifest.files if entry.path == METRICS), None)
    if stated is None:
        return Metrics()
    here = attached.folder_of(push.workspace, ref, manifest)
    if here is not None and (here / METRICS).is_file() and hash_file(here / METRICS) == stated.sha256:
        return _read_cv(push, here / METRICS, here / METRICS)
    with scratch(push.workspace.build) as copy:
        if isinstance(ref, ModelRef):
            push.kaggle.fetch_model_file(ref, RemoteFile(METRICS), copy / METRICS)
        else:
            push.kaggle.fetch_dataset_file(ref, ref.version, RemoteFile(METRICS), copy / METRICS)
        return _read_cv(push, copy / METRICS, Path(f"{METRICS} of {ref}"))


def _local_cv(push: Push, found: Iterable[_Own], experiment: str, folder: Path) -> Metrics:
    """The score of a blend, or that in the local folder, unless the version attaches other weights: then it did not run those in the folder."""
    if blend_file.is_ours(path := push.workspace.root / CODES / experiment / blend_file.FILE):
        blend = blend_file.Blend.load(path)
        if blend.cv is None or blend.cv_of == blend.average:
            return Metrics(blend.cv)
        push.warn(
            f"The CV of {experiment} is not recorded: {path.name} averages something else by now. Give the score with --cv."
        )
        return Metrics()
    others = [str(ref) for ref, manifest in found if isinstance(ref, ModelRef) or _WEIGHTS in manifest.folder]
    if others and (folder / METRICS).is_file():
        push.warn(
            f"{METRICS} of {experiment} is not recorded: the version runs other weights ({', '.join(others)}). "
            f"Push them with `invoke push-model --exp {experiment}`, or give the score with --cv."
        )
        return Metrics()
    return _read_cv(push, folder / METRICS, folder / METRICS)


def _attached(push: Push, target: Target) -> list[_Own]:
    """The models and datasets of ours that the version attaches, with their manifests."""
    found: list[_Own] = []
    for one in target.plan.inputs if target.plan else ():
        if one.role != "data" or one.fingerprint is None:
            continue
        if isinstance(one.ref, ModelRef):
            manifest = push_sub.model_manifest(push, one.ref)
            if manifest is not None:
                found.append((one.ref, manifest))
        elif isinstance(one.ref, DatasetRef):
            version = dataset_versions.with_fingerprint(push, one.ref, one.fingerprint)
            if version is not None:
                found.append(version)
    return found


def _weights(push: Push, found: Iterable[_Own], experiment: str, folder: Path) -> _Own | None:
    """The one with the experiment's weights, None when none has them."""
    for ref, manifest in found:
        here = attached.folder_of(push.workspace, ref, manifest)
        was = push.workspace.root / manifest.folder if manifest.folder else here
        if folder in (here, was) or (isinstance(ref, ModelRef) and ref.variation == experiment):
            return ref, manifest
    return None


def _read_cv(push: Push, path: Path, shown: Path) -> Metrics:
    if not path.is_file():
        return Metrics()
    found = metrics.read(path)
    if found.cv is None:
        push.warn(
            f'{shown} has no number under "cv", so this submission is recorded without a validation score: set it with --cv.'
        )
        return Metrics()
    return found
