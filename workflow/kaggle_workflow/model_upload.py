"""Upload weights to a Kaggle model, from the machine that trained them: needs this package and no workspace.

    from kaggle_workflow.model_upload import upload
    upload("data/working/models/exp001", "me/cmi-models/pytorch/exp001")

or `python -m kaggle_workflow.model_upload FOLDER HANDLE`. `invoke push-model` does this and adds the version to `model_sources`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import MODEL_MANIFEST, Manifest, hash_file
from kaggle_shim.refs import ModelRef
from kaggle_workflow import model_files
from kaggle_workflow.errors import KaggleRefused, Refused, WorkflowError
from kaggle_workflow.files import sweep, write_text
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push import arrived
from kaggle_workflow.waiting import Show, Waits

_PROCESSING_SECONDS = 3600.0
_LATE_SECONDS = 120.0


def _refuse(name: str, sentence: str) -> None:
    raise Refused(name, sentence)


@dataclass(frozen=True)
class Uploaded:
    """Result of an upload: the handle with its version, the fingerprint, and whether anything was sent."""

    ref: ModelRef
    fingerprint: str
    sent: bool
    seconds: dict[str, float] = field(default_factory=dict)


def upload(
    folder: str | Path,
    handle: str,
    *,
    notes: str = "",
    licence: str | None = None,
    ignore: tuple[str, ...] = (),
    workspace: str = "",
    force: bool = False,
    say: Callable[[str], None] = print,
    check: Callable[[int, Manifest | None], None] | None = None,
    kaggle: Kaggle | None = None,
    waits: Waits | None = None,
    sending: Callable[[int], AbstractContextManager[None]] | None = None,
    pending: tuple[int, float] | None = None,
    hashes: Path | None = None,
    origin: str = "",
    refuse: Callable[[str, str], None] = _refuse,
) -> Uploaded:
    """Upload a folder as a new version of a model's variation, unless its newest version holds the same files.

    Args:
        folder: the weights; a `model-manifest.json` is written into it.
        handle: `owner/model/framework/variation`, without a version.
        notes: version notes.
        licence: licence of a new variation, such as `Apache 2.0`.
        ignore: patterns (fnmatch, `/` at the end for a folder) to exclude, on top of `model_files.IGNORED`.
        workspace: id of the workspace, "" outside one.
        force: upload even if nothing changed.
        say: prints a line.
        check: called with the newest version and its manifest before anything is sent; raises to stop the upload.
        kaggle: the connection to use.
        waits: how to wait.
        sending: context manager around the upload itself; takes the newest version's number.
        pending: a version, and the seconds for which an earlier upload after it may still appear.
        hashes: file that caches hashes.
        origin: the folder relative to the workspace (posix), "" outside one; recorded in the manifest.
        refuse: called with the name of a refusal and its sentence; raises Refused, or returns to continue.

    Returns:
        The handle, with the version that has the files now.

    Raises:
        WorkflowError: the folder or the handle can't be used.
        KaggleRefused: Kaggle refused, or the version differs from what was sent.
        Unreachable: Kaggle could not be reached, or its answer was lost: run it again.
        WaitedTooLong: the version did not appear in time.
    """
    ref = ModelRef.parse(handle)
    if ref.version is not None:
        raise WorkflowError(f"{handle} ends in a version: remove it, Kaggle assigns the next one.")
    folder = Path(folder)
    patterns = (*model_files.IGNORED, *ignore)
    sweep(folder)
    manifest = replace(
        model_files.list_files(folder, patterns, workspace, hashes),
        handle=ref.name,
        folder=origin,
        ignore=tuple(ignore),
    )
    kaggle = kaggle or Kaggle(say)
    waits = waits or Waits(30.0, say)
    base = kaggle.model_version(ref) or 0
    if pending is not None and base <= pending[0] and pending[1] > 0:
        base = (
            waits.find_interrupted(str(ref), pending[1], lambda show: _newer(kaggle, ref, pending[0], show))
            or base
        )
    there = manifest_of(kaggle, replace(ref, version=base)) if base else None
    if (
        there is not None
        and there.fingerprint == manifest.fingerprint
        and not force
        and not _wrong(kaggle, replace(ref, version=base), manifest, folder, refuse)
    ):
        write_text(folder / MODEL_MANIFEST, manifest.dumps())
        return Uploaded(replace(ref, version=base), manifest.fingerprint, sent=False)
    if base and check is not None:
        check(base, there)
    standing, packed = model_files.told(folder, (entry.path for entry in manifest.files))
    for sentence in standing:
        refuse("stand-in", sentence)
    for sentence in packed:
        say(f"note: {sentence}")
    write_text(folder / MODEL_MANIFEST, manifest.dumps())
    started = time.monotonic()
    say(f"uploading {len(manifest.files) + 1} files to {ref}.")
    lost = False
    try:
        with sending(base) if sending is not None else nullcontext():
            paths = [*(entry.path for entry in manifest.files), MODEL_MANIFEST]
            kaggle.send_model(ref, folder, paths, notes, licence)
    except AnswerLost as error:
        lost = True
        say(f"{error}")
    sent = time.monotonic()
    version = _await(kaggle, waits, ref, manifest, folder, base, refuse, lost=lost)
    return Uploaded(
        replace(ref, version=version),
        manifest.fingerprint,
        sent=True,
        seconds={"upload": round(sent - started, 2), "processing": round(time.monotonic() - sent, 2)},
    )


def manifest_of(kaggle: Kaggle, ref: ModelRef) -> Manifest | None:
    """The manifest in a version on Kaggle, None when there is none of ours."""
    with _scratch() as folder:
        try:
            kaggle.fetch_model_file(ref, RemoteFile(MODEL_MANIFEST), folder / MODEL_MANIFEST)
            return Manifest.load(folder / MODEL_MANIFEST)
        except (NotThere, Denied, ManifestError):
            return None


def _newer(kaggle: Kaggle, ref: ModelRef, base: int, show: Show) -> int | None:
    version = kaggle.model_version(ref)
    if version is not None and version > base:
        return version
    show("not visible yet")
    return None


def _await(
    kaggle: Kaggle,
    waits: Waits,
    ref: ModelRef,
    manifest: Manifest,
    folder: Path,
    base: int,
    refuse: Callable[[str, str], None],
    *,
    lost: bool,
) -> int:
    """Wait for the version that was sent; returns its number."""

    def look(show: Show) -> tuple[int, list[str]] | None:
        version = kaggle.model_version(ref)
        if version is None or version <= base:
            show("in processing")
            return None
        try:
            wrong = _wrong(kaggle, replace(ref, version=version), manifest, folder, refuse)
        except (NotThere, Denied):
            show(f"version {version} lists no files yet")
            return None
        return version, wrong

    try:
        if lost:
            version, wrong = waits.find_lost(str(ref), _LATE_SECONDS, look)
        else:
            what = f"the new version of {ref} lists its files"
            version, wrong = waits.until(what, _PROCESSING_SECONDS, look)
    except Refused as error:
        raise KaggleRefused(str(error)) from error
    if wrong:
        raise KaggleRefused(
            f"Version {version} of {ref} differs from what was sent ({'; '.join(wrong[:5])}): run this again to upload it again."
        )
    return version


def _wrong(
    kaggle: Kaggle, ref: ModelRef, manifest: Manifest, folder: Path, refuse: Callable[[str, str], None]
) -> list[str]:
    """What is wrong with a version on Kaggle, one phrase for each file; refuses what another upload would not fix."""
    listed = [file for file in kaggle.model_files(ref) if file.name != MODEL_MANIFEST]

    def sha256_of(file: RemoteFile) -> str:
        with _scratch() as scratch:
            kaggle.fetch_model_file(ref, file, scratch / "file")
            return hash_file(scratch / "file")

    comparison = arrived.compare(manifest.files, listed, folder)
    wrong, lost = arrived.problems(comparison, sha256_of), arrived.lost(comparison)
    if lost is not None and not wrong:
        refuse("archive-contents", f"{ref}: {lost}. Push their contents instead of the archives")
    return wrong


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kaggle-model-") as folder:
        yield Path(folder)


def main(arguments: list[str]) -> int:
    """`python -m kaggle_workflow.model_upload FOLDER HANDLE`; returns the exit code."""
    if len(arguments) != 2:  # noqa: PLR2004 - the two words of the command line
        print(
            "usage: python -m kaggle_workflow.model_upload FOLDER OWNER/MODEL/FRAMEWORK/VARIATION",
            file=sys.stderr,
        )
        return 2
    from kaggle_shim.errors import ShimError

    try:
        done = upload(*arguments)
    except WorkflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ShimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{'uploaded as' if done.sent else 'unchanged:'} {done.ref}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
