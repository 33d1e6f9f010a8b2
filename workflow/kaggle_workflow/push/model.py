"""Push a model when its weights changed, and add its version to `model_sources`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kaggle_shim import local
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import MODEL_MANIFEST, Manifest
from kaggle_shim.refs import ModelRef
from kaggle_workflow import model_files, model_upload, names
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.files import sweep
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Outcome, Push


def push_model(
    push: Push,
    *,
    exp: str,
    path: str,
    handle: str,
    framework: str,
    licence: str,
    ignore: tuple[str, ...],
    notebook: str,
) -> Outcome:
    """Push one model.

    Args:
        push: the command.
        exp: the experiment, for the defaults of `path` and `handle`; "" for that of the entry point.
        path: folder of the weights, "" for `data/working/models/<exp>`.
        handle: `owner/model/framework/variation`, "" for `<username>/<prefix>-models/<framework>/<exp>`.
        framework: as Kaggle names it.
        licence: of a new variation, "" for none.
        ignore: patterns of files to exclude.
        notebook: folder of the notebook to attach the version to, "" for none.

    Raises:
        WorkflowError: in all its classes.
    """
    workspace = push.workspace
    # Check names before gigabytes are sent.
    notebook = push_sub.runnable(workspace, notebook).name if notebook else ""
    name = exp or _experiment(push, notebook)
    # Joining with an absolute path gives that path.
    folder = (
        workspace.root / Path(path).expanduser()
        if path
        else local.data_folder(workspace.root) / "working" / "models" / name
    )
    ref = replace(ModelRef.parse(handle), version=None) if handle else _default(push, framework, name)
    problem = names.slug_problem(ref.model)
    if problem is not None:
        raise WorkflowError(f"The model {ref.owner}/{ref.model} {problem.rstrip('.')} in --handle.")
    push.check_owner(ref.owner, f"the model {ref.name}")
    ignore = _ignored(push, folder, ref, ignore)
    unread = _look_for_secrets(push, folder, ignore)
    outcome = Outcome("model", "unchanged", ref.name, url=push.kaggle.page(f"models/{ref.name}"))
    sweep(folder)
    listed = model_files.list_files(
        folder, (*model_files.IGNORED, *ignore), workspace.id, workspace.build / "known" / "hashes.json"
    )
    manifest = replace(listed, handle=ref.name, folder=workspace.inside(folder), ignore=ignore)
    if push.options.dry_run:
        outcome.did = "would send"
        _list(push, folder, manifest, unread)
        return outcome
    upload = model_upload.ModelUpload(push.kaggle, push.waits, ref, folder, manifest, push.refuse)
    version = _upload(push, upload, unread, outcome, push.options.message or name, licence or None)
    push.intents.close(_key(ref))
    outcome.version, outcome.fingerprint, outcome.seconds = version, manifest.fingerprint, upload.seconds
    push.known.note(ref.name, version, manifest=manifest.dumps())
    if notebook:
        push_sub.attach(push, notebook, replace(ref, version=version), outcome)
    return outcome


def _upload(
    push: Push,
    upload: model_upload.ModelUpload,
    unread: tuple[str, ...],
    outcome: Outcome,
    notes: str,
    licence: str | None,
) -> int:
    """Upload the folder unless Kaggle's newest version is up to date; returns the number of the version that has it."""
    ref = upload.ref
    intent = push.intents.read(_key(ref))
    version = push.kaggle.model_version(ref) or 0
    if intent is not None and version <= intent.base and intent.seconds_left:
        version = (
            push.waits.find_interrupted(
                f"the version of {ref}",
                intent.seconds_left,
                lambda show: upload.newer_than(intent.base, show),
            )
            or version
        )
    there = model_upload.manifest_of(push.kaggle, replace(ref, version=version)) if version else None
    if not push.options.force and upload.is_current(there, version):
        return version
    # What appeared after an upload of ours that failed is ours, even when its manifest is incomplete.
    ours = intent is not None and intent.base < version
    if version and not ours and (there is None or there.workspace != push.workspace.id):
        push.refuse(
            "take-over",
            f"The model {ref.name} has a version {version} that this workspace did not make: choose another handle, or take it over",
        )
    upload.check_files()
    for sentence in unread:
        push.warn(sentence)
    lost = False
    with push.lock(f"push-model: sending {ref.name}"):
        try:
            with push.intents.sending(_key(ref), "", version):
                upload.send(notes, licence)
        except AnswerLost as error:
            lost = True
            push.warn(f"{error}")
    outcome.did = "sent"
    return upload.wait(version, lost=lost)


def _ignored(push: Push, folder: Path, ref: ModelRef, given: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns to exclude: as given, or as in the last push of this model; `--ignore ''` resets them."""
    if given:
        return tuple(pattern for pattern in given if pattern)
    try:
        last: Manifest | None = Manifest.load(folder / MODEL_MANIFEST)
    except ManifestError:
        version = push.kaggle.model_version(ref) if folder.is_dir() else None
        last = push_sub.model_manifest(push, replace(ref, version=version)) if version else None
    if last is None or last.handle.lower() != ref.name.lower() or not last.ignore:
        return ()
    push.say(
        f"excluded, as in the last push of {ref.name}: {', '.join(last.ignore)} (--ignore '' resets that)."
    )
    return last.ignore


def _look_for_secrets(push: Push, folder: Path, ignore: tuple[str, ...]) -> tuple[str, ...]:
    """Raise WorkflowError for a credential in the notes or in a file to send; returns warnings about what can't be searched."""
    secrets_workspace.refuse_in_message(push.workspace, push.options.message, given=True)
    if not folder.is_dir():
        return ()
    sent = model_files.paths(folder, (*model_files.IGNORED, *ignore))
    found = secrets_workspace.search_files(
        push.workspace, folder, ((path, folder / path) for path in sent), f"model-{folder.name}"
    )
    return secrets_scan.refuse(found)


def _experiment(push: Push, notebook: str) -> str:
    settings = push.workspace.settings
    entry = (settings.of(notebook) if notebook else settings).entry
    if not entry:
        raise WorkflowError("No experiment and no entry point: add --exp NAME, or --path and --handle.")
    return experiment_of(entry)


def _default(push: Push, framework: str, name: str) -> ModelRef:
    codes = push.workspace.codes.id
    return ModelRef.parse(f"{codes.owner}/{codes.slug.removesuffix('-codes')}-models/{framework}/{name}")


def _key(ref: ModelRef) -> str:
    return f"model--{ref.name}"


def _list(push: Push, folder: Path, manifest: Manifest, unread: tuple[str, ...]) -> None:
    standing, packed = model_files.told(folder, (entry.path for entry in manifest.files))
    for sentence in (*unread, *standing, *packed):
        push.warn(sentence)
    push.list_files(manifest.handle, ((entry.path, entry.size) for entry in manifest.files))
