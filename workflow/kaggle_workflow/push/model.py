"""Push a model when its weights changed, and add its version to `model_sources`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kaggle_shim import local
from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import MODEL_MANIFEST, Manifest
from kaggle_shim.refs import ModelRef
from kaggle_workflow import model_files, model_upload, names
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.kaggle.errors import AnswerLost
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.intents import CREATING, SENT
from kaggle_workflow.push.session import LATE_SECONDS, PROCESSING_SECONDS, Outcome, Push
from kaggle_workflow.waiting import left_of


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
    ref = ModelRef.parse(handle) if handle else _default(push, framework, name)
    problem = names.slug_problem(ref.model)
    if problem is not None:
        raise WorkflowError(f"The model {ref.owner}/{ref.model} {problem.rstrip('.')} in --handle.")
    push.check_owner(ref.owner, f"the model {ref.name}")
    ignore = _ignored(push, folder, ref, ignore)
    unread = _look_for_secrets(push, folder, ignore)
    outcome = Outcome("model", "unchanged", ref.name, url=push.kaggle.page(f"models/{ref.name}"))

    def check(version: int, there: Manifest | None) -> None:
        intent = push.intents.read(_key(ref))
        if intent is not None and intent.name == ref.name and intent.base < version:
            # It appeared after an upload of ours that failed: its manifest may be incomplete.
            return
        if there is None or there.workspace != workspace.id:
            push.refuse(
                "take-over",
                f"The model {ref.name} has a version {version} that this workspace did not make: choose another handle, or add a version to it",
            )

    if push.options.dry_run:
        outcome.did = "would send"
        _list(push, folder, ref, ignore, unread)
        return outcome

    done = model_upload.upload(
        folder,
        ref.name,
        notes=push.options.message or name,
        licence=licence or None,
        ignore=ignore,
        workspace=workspace.id,
        force=push.options.force,
        say=push.say,
        check=check,
        kaggle=push.kaggle,
        waits=push.waits,
        sending=lambda base: _sending(push, ref, base, unread),
        pending=_pending(push, ref),
        hashes=push.workspace.build / "known" / "hashes.json",
        origin=workspace.inside(folder),
        refuse=push.refuse,
    )
    push.intents.close(_key(ref))
    outcome.did = "sent" if done.sent else "unchanged"
    outcome.version, outcome.fingerprint, outcome.seconds = (
        done.ref.version,
        done.fingerprint,
        dict(done.seconds),
    )
    push.known.note(
        ref.name, done.ref.version or 0, manifest=(folder / MODEL_MANIFEST).read_text(encoding="utf-8")
    )
    note = attach(push, notebook, done.ref) if notebook else ""
    if note:
        push.say(note)
        outcome.notes.append(note)
    return outcome


@contextmanager
def _sending(push: Push, ref: ModelRef, base: int, unread: tuple[str, ...]) -> Iterator[None]:
    """Hold the lock while a model is sent, with the intent on disk."""
    for sentence in unread:
        push.warn(sentence)
    with push.lock(f"push-model: sending {ref.name}"):
        push.intents.open(_key(ref), ref.name, "", base, CREATING)
        try:
            yield
        except AnswerLost:
            # Its time to appear starts now, however long the upload took.
            push.intents.advance(_key(ref), CREATING)
            raise
        except WorkflowError:
            push.intents.close(_key(ref))
            raise
        push.intents.advance(_key(ref), SENT)


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


def attach(push: Push, notebook: str, ref: ModelRef) -> str:
    """Put a version into a notebook's `model_sources`: in place of another version of the variation, or appended.

    Returns:
        The change as a sentence, "" when it was there already.
    """
    folder = push.workspace.notebook(notebook)
    path = folder.folder / KERNEL_FILE
    listed = [str(text) for text in folder.metadata.raw.get("model_sources") or []]
    same = next((text for text in listed if _variation(text) == _variation(str(ref))), None)
    if same == str(ref):
        return ""
    json_edit.edit_file(path, "model_sources", same, str(ref))
    was = f"{same} became " if same else "got "
    return f"{notebook}/{KERNEL_FILE}: model_sources {was}{ref}."


def _variation(handle: str) -> str:
    """The handle without its version, in lower case: frameworks are written in either case."""
    return "/".join(handle.split("/")[:4]).lower()


def _experiment(push: Push, notebook: str) -> str:
    settings = push.workspace.settings
    entry = (settings.of(notebook) if notebook else settings).entry
    if not entry:
        raise WorkflowError("No experiment and no entry point: add --exp NAME, or --path and --handle.")
    return experiment_of(entry)


def _default(push: Push, framework: str, name: str) -> ModelRef:
    codes = push.workspace.codes.id
    return ModelRef.parse(f"{codes.owner}/{codes.slug.removesuffix('-codes')}-models/{framework}/{name}")


def _pending(push: Push, ref: ModelRef) -> tuple[int, float] | None:
    """The version before an interrupted upload, and the seconds for which the new one may still appear."""
    intent = push.intents.read(_key(ref))
    if intent is None or intent.name != ref.name:
        return None
    limit = PROCESSING_SECONDS if intent.step == SENT else LATE_SECONDS
    return intent.base, left_of(limit, intent.at)


def _key(ref: ModelRef) -> str:
    return f"model--{ref.name}"


def _list(push: Push, folder: Path, ref: ModelRef, ignore: tuple[str, ...], unread: tuple[str, ...]) -> None:
    patterns = (*model_files.IGNORED, *ignore)
    manifest = model_files.list_files(
        folder, patterns, push.workspace.id, push.workspace.build / "known" / "hashes.json"
    )
    standing, packed = model_files.told(folder, (entry.path for entry in manifest.files))
    for sentence in (*unread, *standing, *packed):
        push.warn(sentence)
    push.list_files(ref.name, ((entry.path, entry.size) for entry in manifest.files))
