"""What the deps notebook is asked to collect: the requirements, the user's own wheels, and the fingerprint of both."""

from __future__ import annotations

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
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(?P<name>[^\s#]+)")
_OPTION = re.compile(r"-(?!e\b|-editable\b)")
_LOCAL = re.compile(
    r"^\s*(?:-e\s|--editable[\s=]|\.{1,2}/|/|file:|[A-Za-z]:\\|[^\s#:@]+\.(?:whl|zip|tar\.gz)\s*$)|@\s*(?:file:|\.{0,2}/)"
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
        lines = [line.strip() for _, text in files_of(workspace) for line in text.splitlines()]
    except WorkflowError:
        return True
    return any(line and not line.startswith("#") and not _OPTION.match(line) for line in lines)


def read(workspace: Workspace, image: str) -> Asked:
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
    """The names in `workspace.allow` that the collector looks at: protected packages, and what is asked for; refusals are none."""
    names = {normalise(name) for name in allow}
    if not names:
        return []
    lines = (line for _, text in files for line in text.splitlines())
    asked = {requirement_lines.Line(Path(), 0, line.partition(" #")[0].strip()).name for line in lines}
    asked |= {normalise(entry.path.rpartition("/")[2].partition("-")[0]) for entry in wheels}
    return sorted(name for name in names if is_protected(name) or name in asked)


def findings_of(workspace: Workspace) -> tuple[Finding, ...]:
    """What can be said about the requirements and the user's own wheels without resolving them."""
    try:
        files = files_of(workspace)
    except WorkflowError as error:
        return (Finding(ERROR, "requirements", f"{DEPS}/{MAIN}", str(error)),)
    found = []
    for name, text in files:
        for number, problem in requirement_lines.problems(text):
            found.append(Finding(ERROR, "requirement", f"{DEPS}/{name}", problem, number))
        for number, line in enumerate(text.splitlines(), 1):
            if _LOCAL.search(line):
                sentence = f"{line.strip()!r} is a path of this machine, which Kaggle can't see: build a wheel and put it into {DEPS}/{WHEELS}/."
                found.append(Finding(ERROR, "local-requirement", f"{DEPS}/{name}", sentence, number))
    found += search_credentials(workspace, files)
    packages = own_packages(workspace)
    for path in _own_files(workspace):
        if path not in packages:
            sentence = "neither a wheel nor a source distribution: it is not installed; put a .whl, .tar.gz or .zip there."
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
    waiting = [MAIN]
    while waiting:
        name = waiting.pop(0)
        if name not in result:
            result[name] = _text(folder / name, workspace.root)
            waiting += [
                match["name"]
                for line in result[name].splitlines()
                if (match := _INCLUDE.match(line)) and "://" not in match["name"]
            ]
    return tuple(result.items())


def _text(path: Path, root: Path) -> str:
    shown = relative(path, root)
    if not path.resolve().is_relative_to(root.resolve()):
        raise WorkflowError(
            f"{shown} is included by the requirements and lies outside the workspace: move it into {DEPS}/."
        )
    try:
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise WorkflowError(
            f"{shown} is included by the requirements and does not exist: write it, or remove the line."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(f"{shown} can't be read ({error}): save it as UTF-8 text.") from error
