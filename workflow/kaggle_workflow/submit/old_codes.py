"""Restore the codes of a submission into `build/codes`: from the notebook, from git, or from the dataset's version on Kaggle.

They must have the fingerprint that the plan states.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import ManifestError, RefError
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, short
from kaggle_shim.plan import Plan
from kaggle_workflow import git, platforms, safe_paths
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import make_folder, read_json, remove_tree
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import bundle, compose, tree
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.workspace import CODES


class Lost(WorkflowError):
    """Codes that no place has any more, as a phrase that says which."""


@dataclass
class Reproduced:
    """What was restored.

    Attributes:
        ref: the submission.
        codes: where the codes came from (the notebook, git with its commit, Kaggle with the version), "" when they are lost.
        notebook: the version that was restored, as `owner/slug version N`.
        folder: folder of the notebook, in the workspace and below `build/`.
        lost: what no longer exists, one phrase each.
        differs: what a new run would find changed, one phrase each.
    """

    ref: str
    codes: str = ""
    notebook: str = ""
    folder: str = ""
    lost: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)


def restore(push: Push, one: Submission, plan: Plan, text: str, done: Reproduced) -> None:
    """Restore `build/codes`, or remove it when the codes are lost."""
    target = push.workspace.build / CODES
    with tempfile.TemporaryDirectory(prefix="reproduce-") as scratch:
        staged: Path | None
        try:
            staged, done.codes = find(push, one, plan, text, Path(scratch))
        except Lost as lost:
            done.lost.append(f"the codes {lost}")
            staged = None
        _replace(target, staged)


def find(push: Push, one: Submission, plan: Plan, text: str, scratch: Path) -> tuple[Path, str]:
    """Find the codes of a submission: in its notebook, in git, or in the dataset's version on Kaggle.

    Args:
        push: the command.
        one: the submission.
        plan: the plan of its notebook's version.
        text: that version's source.
        scratch: an empty folder to unpack into.

    Returns:
        The codes with their manifest, and where they came from.

    Raises:
        Lost: no place has codes with the fingerprint of the plan.
    """
    wanted = plan.inline_codes or next((part.fingerprint for part in plan.of_role("codes")), None)
    if wanted is None:
        raise Lost("(the plan has no fingerprint of them)")
    if plan.inline_codes is not None and (staged := _from_notebook(push, text, wanted, scratch)) is not None:
        return staged, "the notebook itself"
    if (staged := _from_git(push, one, wanted, scratch)) is not None:
        return staged, f"git, commit {(one.git_commit or '')[:12]}"
    if one.codes is not None and (staged := _from_kaggle(push, one.codes, wanted, scratch)) is not None:
        return staged, f"Kaggle, {one.codes.ref} version {one.codes.version}"
    raise Lost(f"{short(wanted)} (in no commit of this repository and no version of the dataset on Kaggle)")


def _replace(target: Path, staged: Path | None) -> None:
    """Replace a folder by another one, or remove it; its manifest goes first, because it vouches for the other files."""
    place = make_folder(target)
    try:
        copy = place / target.name
        if staged is not None:
            shutil.copytree(staged, copy)
        (target / CODES_MANIFEST).unlink(missing_ok=True)
        remove_tree(target)
        if staged is not None:
            platforms.retry_while_locked(lambda: copy.rename(target))
    finally:
        remove_tree(place)


def _from_notebook(push: Push, text: str, wanted: str, scratch: Path) -> Path | None:
    """The codes inside the notebook, unpacked; None when they have another fingerprint."""
    folder = scratch / "inline"
    try:
        bundle.unpack(compose.codes_of(text), folder)
        manifest = Manifest.load(folder / CODES_MANIFEST)
    except (ValueError, ManifestError):
        return None
    if manifest.fingerprint != wanted:
        return None
    stage_codes.write_if_changed(folder / DATASET_FILE, metadata_text(_dataset_metadata(push)))
    return folder


def _from_git(push: Push, one: Submission, wanted: str, scratch: Path) -> Path | None:
    """The codes at the submission's commit, staged; None when they have another fingerprint."""
    if one.git_commit is None:
        return None
    archive = scratch / "codes.tar"
    root = scratch / "git"
    if not git.archive(push.workspace.root, one.git_commit, archive):
        return None
    try:
        _unpack(archive, root)
    except tarfile.TarError:
        # A link out of the codes: only Kaggle has the file it pointed to.
        return None
    source = root / CODES
    if not source.is_dir():
        return None
    listed = tree.list_files(source, root, own_files=(DATASET_FILE, CODES_MANIFEST))
    folder = scratch / "staged"
    entries = stage_codes.fill(folder, listed.files, CODES_MANIFEST, keep=(DATASET_FILE,))
    manifest = Manifest(push.workspace.id, one.competition or "", entries, one.git_commit, one.git_dirty)
    if manifest.fingerprint != wanted:
        return None
    stage_codes.write_if_changed(folder / CODES_MANIFEST, manifest.dumps())
    raw = {**read_json(source / DATASET_FILE), "id": push.workspace.codes.id.name}
    stage_codes.write_if_changed(folder / DATASET_FILE, metadata_text(raw))
    return folder


def _unpack(archive: Path, root: Path) -> None:
    """Unpack the codes and their ignore file from a `git archive`; raises TarError for a link out of it."""
    with tarfile.open(archive) as file:
        wanted = [
            member
            for member in file
            if member.name == tree.IGNORE_FILE or member.name.startswith(f"{CODES}/")
        ]
        if hasattr(tarfile, "data_filter"):
            file.extractall(root, wanted, filter="data")
            return
        # Python before 3.11.4 has no filters (Debian 12 has 3.11.2). Git itself names no member outside.
        for member in wanted:
            target = Path(os.path.normpath(PurePosixPath(member.name).parent / member.linkname))
            if member.issym() and (target.is_absolute() or target.parts[0] == ".."):
                raise tarfile.TarError(f"{member.name} links to {member.linkname}")
        file.extractall(root, wanted)  # noqa: S202 - checked above


def _from_kaggle(push: Push, part: Part, wanted: str, scratch: Path) -> Path | None:
    """The codes of the dataset's version, downloaded; None when they are gone or have another fingerprint."""
    try:
        ref = refs.DatasetRef.parse(part.ref)
        folder = scratch / "dataset"
        folder.mkdir()
        for file in push.kaggle.dataset_files(ref, part.version):
            path = safe_paths.inside(folder, file.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            push.kaggle.fetch_dataset_file(ref, part.version, file, path)
        manifest = Manifest.load(folder / CODES_MANIFEST)
    except (NotThere, Denied, ManifestError, RefError):
        return None
    if manifest.fingerprint != wanted or not all((folder / entry.path).is_file() for entry in manifest.files):
        return None
    stage_codes.write_if_changed(folder / DATASET_FILE, metadata_text(_dataset_metadata(push)))
    return folder


def _dataset_metadata(push: Push) -> dict[str, Any]:
    """The dataset's metadata as it is staged now: uploads don't contain it, so it can't be restored."""
    return {**push.workspace.codes.raw, "id": push.workspace.codes.id.name}


def metadata_text(raw: Mapping[str, Any]) -> str:
    """A metadata file as staging writes it."""
    return json.dumps(raw, indent=2, ensure_ascii=False) + "\n"
