"""Upload weights to a Kaggle model, from the machine that trained them: needs this package and no workspace.

    from kaggle_workflow import model_upload
    done = model_upload.upload("data/working/models/exp001", "me/cmi-models/pytorch/exp001")

or `python -m kaggle_workflow.model_upload FOLDER HANDLE`. `invoke push-model` does this and adds the version to `model_sources`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from kaggle_shim.errors import ManifestError
from kaggle_shim.manifest import MODEL_MANIFEST, Manifest, hash_file
from kaggle_shim.refs import ModelRef
from kaggle_workflow import console, model_files, waiting
from kaggle_workflow.errors import KaggleRefused, Refused, WorkflowError
from kaggle_workflow.files import sweep, write_text
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.errors import AnswerLost, Denied, NotThere
from kaggle_workflow.kaggle.values import RemoteFile
from kaggle_workflow.push import arrived
from kaggle_workflow.waiting import Show, Waits


@dataclass
class ModelUpload:
    """A folder of weights on its way to a variation of a model.

    Attributes:
        kaggle: the connection.
        waits: how to wait.
        ref: the variation, without a version.
        folder: the weights; `model-manifest.json` is written into it.
        manifest: the files to send.
        refuse: called with the name of a refusal and its sentence; raises Refused, or returns to continue.
        seconds: time of each phase, as in `Outcome`.
    """

    kaggle: Kaggle
    waits: Waits
    ref: ModelRef
    folder: Path
    manifest: Manifest
    refuse: Callable[[str, str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    def newer_than(self, base: int, show: Show) -> int | None:
        """The newest version on Kaggle, None while there is none after `base`."""
        version = self.kaggle.model_version(self.ref)
        if version is not None and version > base:
            return version
        show("in processing")
        return None

    def is_current(self, there: Manifest | None, version: int) -> bool:
        """Whether a version on Kaggle, with that manifest, has exactly these files; writes the local manifest then."""
        same = there is not None and there.fingerprint == self.manifest.fingerprint
        if not same or self._problems(version):
            return False
        self._write_manifest()
        return True

    def check_files(self) -> None:
        """Refuse files that stand in for the real ones, and print notes about archives."""
        standing, packed = model_files.told(self.folder, (entry.path for entry in self.manifest.files))
        for sentence in standing:
            self.refuse("stand-in", sentence)
        for sentence in packed:
            self.waits.say(f"note: {sentence}")

    def send(self, notes: str, licence: str | None) -> None:
        """Upload the files as a new version; raises AnswerLost when it may exist or not."""
        self._write_manifest()
        size = console.size(sum(entry.size for entry in self.manifest.files))
        self.waits.say(f"model: uploading {len(self.manifest.files) + 1} files, {size}, to {self.ref}.")
        paths = [*(entry.path for entry in self.manifest.files), MODEL_MANIFEST]
        started = time.monotonic()
        try:
            self.kaggle.send_model(self.ref, self.folder, paths, notes, licence)
        finally:
            self.seconds["upload"] = round(time.monotonic() - started, 2)

    def wait(self, base: int, *, lost: bool) -> int:
        """Wait for the version that was sent and compare it; returns its number.

        Args:
            base: the newest version before the upload, 0 for none.
            lost: whether Kaggle's answer was lost.
        """
        started = time.monotonic()

        def look(show: Show) -> tuple[int, list[str]] | None:
            version = self.newer_than(base, show)
            if version is None:
                return None
            try:
                return version, self._problems(version)
            except (NotThere, Denied):
                show(f"version {version} lists no files yet")
                return None

        try:
            if lost:
                version, wrong = self.waits.find_lost(f"the version of {self.ref}", look)
            else:
                what = f"the new version of {self.ref} lists its files"
                version, wrong = self.waits.until(what, waiting.PROCESSING_SECONDS, look)
        except Refused as error:
            raise KaggleRefused(str(error)) from error
        if wrong:
            raise KaggleRefused(
                f"Version {version} of {self.ref} differs from what was sent ({'; '.join(wrong[:5])}): run this again to upload it again."
            )
        self.seconds["processing"] = round(time.monotonic() - started, 2)
        return version

    def _write_manifest(self) -> None:
        write_text(self.folder / MODEL_MANIFEST, self.manifest.dumps())

    def _problems(self, version: int) -> list[str]:
        """What is wrong with a version on Kaggle, one phrase for each file; refuses what another upload would not fix."""
        ref = replace(self.ref, version=version)
        listed = [file for file in self.kaggle.model_files(ref) if file.name != MODEL_MANIFEST]

        def sha256_of(file: RemoteFile) -> str:
            with tempfile.TemporaryDirectory(prefix="kaggle-model-") as scratch:
                copy = Path(scratch, "file")
                self.kaggle.fetch_model_file(ref, file, copy)
                return hash_file(copy)

        comparison = arrived.compare(self.manifest.files, listed, self.folder)
        wrong, lost = arrived.problems(comparison, sha256_of), arrived.lost(comparison)
        if lost is not None and not wrong:
            self.refuse("archive-contents", f"{ref}: {lost}. Push their contents instead of the archives")
        return wrong


@dataclass(frozen=True)
class Uploaded:
    """Result of an upload: the handle with its version, the fingerprint, and whether anything was sent."""

    ref: ModelRef
    fingerprint: str
    sent: bool


def upload(
    folder: str | Path,
    handle: str,
    *,
    notes: str = "",
    licence: str | None = None,
    ignore: tuple[str, ...] = (),
    say: Callable[[str], None] = print,
) -> Uploaded:
    """Upload a folder as a new version of a model's variation, unless its newest version holds the same files.

    Args:
        folder: the weights; a `model-manifest.json` is written into it.
        handle: `owner/model/framework/variation`, without a version.
        notes: version notes.
        licence: licence of a new variation, such as `Apache 2.0`.
        ignore: patterns (fnmatch, `/` at the end for a folder) to exclude, on top of `model_files.IGNORED`.
        say: prints a line.

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
    sweep(folder)
    listed = model_files.list_files(folder, (*model_files.IGNORED, *ignore), "")
    manifest = replace(listed, handle=ref.name, ignore=tuple(ignore))
    kaggle = Kaggle(say)
    one = ModelUpload(kaggle, Waits(30.0, say), ref, folder, manifest, _refuse)
    version = kaggle.model_version(ref) or 0
    there = manifest_of(kaggle, replace(ref, version=version)) if version else None
    sent = not one.is_current(there, version)
    if sent:
        one.check_files()
        lost = False
        try:
            one.send(notes, licence)
        except AnswerLost as error:
            lost = True
            say(f"{error}")
        version = one.wait(version, lost=lost)
    return Uploaded(replace(ref, version=version), manifest.fingerprint, sent)


def manifest_of(kaggle: Kaggle, ref: ModelRef) -> Manifest | None:
    """The manifest in a version on Kaggle, None when there is none of ours."""
    with tempfile.TemporaryDirectory(prefix="kaggle-model-") as folder:
        copy = Path(folder, MODEL_MANIFEST)
        try:
            kaggle.fetch_model_file(ref, RemoteFile(MODEL_MANIFEST), copy)
            return Manifest.load(copy)
        except (NotThere, Denied, ManifestError):
            return None


def _refuse(name: str, sentence: str) -> None:
    raise Refused(name, sentence)


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
