"""What the deps notebook is asked to collect: the requirements, the user's own wheels, and the fingerprint of both."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim.image import is_protected
from kaggle_shim.manifest import FileEntry, fingerprint, fingerprint_of, hash_file
from kaggle_shim.wheels import normalise
from kaggle_workflow.credentials.scan import Scanner
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import ERROR, WARNING, Finding, relative
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.stage import bundle, requirement_lines
from kaggle_workflow.workspace import DEPS, Workspace

WHEELS = "wheels"
MAIN = "requirements.txt"
_PACKAGES = (".whl", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz", ".zip")
_OPTION = re.compile(r"-(?!e\b|-editable\b)")
_LOCAL = re.compile(
    r"^(?:-e\s|--editable[\s=]|\.{1,2}/|/|file:|[A-Za-z]:\\|[^\s#:@]+\.(?:whl|zip|tar\.gz)\s*$)|@\s*(?:file:|\.{0,2}/)"
)


@dataclass(frozen=True)
class Asked:
    """What the wheels are made from.

    Attributes:
        files: name and text of `requirements.txt` and of every file that it includes.
        wheels: the user's own wheels and source distributions in `deps/wheels`, with their hashes.
        fingerprint: over both, over what collects them, and over the packages that `workspace.allow` names.
    """

    files: tuple[tuple[str, str], ...]
    wheels: tuple[FileEntry, ...]
    fingerprint: str


def asks(workspace: Workspace) -> bool:
    """Whether there is anything to collect: a requirement in any of the files, or a package in deps/wheels; what can't be read counts as one."""
    if own_packages(workspace):
        return True
    try:
        return any(not _OPTION.match(line.text) for line in _lines(files_of(workspace)))
    except WorkflowError:
        return True


def read_asked(workspace: Workspace, image: str) -> Asked:
    """Read what is asked for.

    Args:
        workspace: the workspace.
        image: what the deps notebook's metadata says about its image, part of the fingerprint.

    Raises:
        WorkflowError: a file is missing or unreadable.
    """
    files = files_of(workspace)
    folder = workspace.root / DEPS / WHEELS
    wheels = tuple(
        FileEntry(path.relative_to(folder).as_posix(), path.stat().st_size, hash_file(path))
        for path in own_packages(workspace)
    )
    collector = fingerprint(entry for entry in bundle.shim_files() if entry.path in bundle.COLLECTOR)
    parts = {f"file {name}": text for name, text in files}
    parts |= {f"wheel {entry.path}": entry.sha256 for entry in wheels}
    parts |= {"collector": collector, "image": image}
    allowed = _allowed_packages(workspace.settings.allow, files, wheels)
    if allowed:
        parts |= {"allow": " ".join(allowed)}
    return Asked(files, wheels, fingerprint_of(parts))


def own_packages(workspace: Workspace) -> list[Path]:
    """The user's own wheels and source distributions, at any depth of `deps/wheels`."""
    return [path for path in _own_files(workspace) if path.name.lower().endswith(_PACKAGES)]


def _own_files(workspace: Workspace) -> list[Path]:
    folder = workspace.root / DEPS / WHEELS
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != DATASET_FILE
    )


def _allowed_packages(
    allow: tuple[str, ...], files: tuple[tuple[str, str], ...], wheels: tuple[FileEntry, ...]
) -> list[str]:
    """The packages in `workspace.allow`: protected ones, and those that are asked for; names of refusals are left out."""
    names = {normalise(name) for name in allow}
    if not names:
        return []
    asked = {line.name for line in _lines(files)}
    asked |= {normalise(entry.path.rpartition("/")[2].partition("-")[0]) for entry in wheels}
    return sorted(name for name in names if is_protected(name) or name in asked)


def findings_of(workspace: Workspace) -> tuple[Finding, ...]:
    """Findings about the requirements and the user's own wheels, without resolving them."""
    try:
        files = files_of(workspace)
    except WorkflowError as error:
        return (Finding(ERROR, "requirements", f"{DEPS}/{MAIN}", str(error)),)
    found = []
    for line in _lines(files):
        if (problem := line.problem) is not None:
            found.append(Finding(ERROR, "requirement", line.file.as_posix(), problem, line.number))
        if _LOCAL.search(line.text):
            sentence = f"{line.text!r} is a path on this machine, which Kaggle can't read. Build a wheel, and put it into {DEPS}/{WHEELS}/."
            found.append(Finding(ERROR, "local-requirement", line.file.as_posix(), sentence, line.number))
    found += search_credentials(workspace, files)
    packages = own_packages(workspace)
    for path in _own_files(workspace):
        if path not in packages:
            sentence = (
                "not installed: it is neither a wheel nor a source distribution (.whl, .tar.gz or .zip)."
            )
            found.append(Finding(WARNING, "not-a-wheel", relative(path, workspace.root), sentence))
    return tuple(found)


def search_credentials(workspace: Workspace, files: tuple[tuple[str, str], ...]) -> tuple[Finding, ...]:
    """Credentials in the requirements; `files` as in `Asked`."""
    there = [(f"{DEPS}/{name}", workspace.root / DEPS / name) for name, text in files if text]
    return Scanner(workspace.root, workspace.build / "known").files("requirements", there)


def files_of(workspace: Workspace) -> tuple[tuple[str, str], ...]:
    """Name and text of `requirements.txt` and of every file that it includes; raises WorkflowError for one that can't be read."""
    folder = workspace.root / DEPS
    if not (folder / MAIN).is_file():
        return ((MAIN, ""),)
    result: dict[str, str] = {}
    waiting = [folder / MAIN]
    while waiting:
        path = waiting.pop(0)
        name = Path(os.path.relpath(path, folder)).as_posix()
        if name not in result:
            result[name] = _text(path, workspace.root)
            waiting += [
                path.parent / one for one in requirement_lines.includes(result[name]) if "://" not in one
            ]
    return tuple(result.items())


def _lines(files: tuple[tuple[str, str], ...]) -> list[requirement_lines.Line]:
    return [line for name, text in files for line in requirement_lines.lines_of(Path(DEPS, name), text)]


def _text(path: Path, root: Path) -> str:
    shown = Path(os.path.relpath(path, root)).as_posix()
    if not path.resolve().is_relative_to(root.resolve()):
        raise WorkflowError(f"The requirements include {shown}, outside the workspace. Move it into {DEPS}/.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise WorkflowError(
            f"The requirements include {shown}, which does not exist. Create it, or remove the line."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(f"{shown} can't be read ({error}). Save it as UTF-8 text.") from error
