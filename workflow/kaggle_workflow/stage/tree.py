"""Which files of a folder belong to an upload, and what to report about them."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import git, names
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import UNFINISHED
from kaggle_workflow.findings import ERROR, WARNING, Finding, relative
from kaggle_workflow.findings import shown as printable
from kaggle_workflow.stage import archives, stand_ins

IGNORE_FILE = ".kaggleignore"

# Never part of an upload, whatever the ignore files say.
_ALWAYS_OUT = (
    UNFINISHED,
    *(".git", ".venv/", "venv/", "__pycache__/", ".ipynb_checkpoints/"),
    *(".mypy_cache/", ".ruff_cache/", ".pytest_cache/", "*.py[co]", "*.egg-info/", ".DS_Store", "Thumbs.db"),
    *(".env", ".env.*", ".envrc", "!.env.example", "!.env.sample", "!.env.template", "kaggle.json"),
    # What editors and file systems leave beside a file, parts of its text included.
    *(".idea/", ".vscode/", "*.sw[op]", "*~", ".#*", "\\#*#", ".nfs*"),
)
_SHELL = (".sh", ".bash")
_MANY_TOP_LEVEL = 50
_HEAD = 1 << 16


@dataclass(frozen=True)
class SourceFile:
    """A file to upload: its path inside the upload (posix), where it is, and its size and time from one look."""

    path: str
    source: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Tree:
    """What an upload of a folder consists of.

    Attributes:
        files: sorted by path.
        left_out: what the ignore files keep back (folders end in a slash).
        findings: names that Kaggle damages and the like.
    """

    files: tuple[SourceFile, ...]
    left_out: tuple[str, ...]
    findings: tuple[Finding, ...]


def list_files(folder: Path, root: Path, own_files: tuple[str, ...] = ()) -> Tree:
    """List what belongs to an upload of `folder`.

    Args:
        folder: the folder to upload.
        root: the workspace, which holds the ignore file.
        own_files: top-level files that the tool writes, such as the metadata.

    Raises:
        WorkflowError: the ignore file can't be read as patterns.
    """
    import pathspec

    spec = pathspec.GitIgnoreSpec.from_lines([*_ALWAYS_OUT, *ignore_lines(root)])
    by_git = set(git.ignored(folder))
    prefix = relative(folder, root) + "/" if folder.is_relative_to(root) else ""
    files: list[SourceFile] = []
    left_out: list[str] = []
    findings: list[Finding] = []

    def is_out(path: str) -> bool:
        # pathspec by re2, where that is installed, can't read a name that is not UTF-8.
        by_us = names.is_text(path) and (spec.match_file(prefix + path) or spec.match_file(path))
        if path in by_git or by_us:
            left_out.append(path)
            return True
        return False

    for parent, folders, entries in os.walk(folder):
        inside = Path(parent).relative_to(folder).as_posix()
        base = "" if inside == "." else f"{inside}/"
        folders[:] = sorted(name for name in folders if not is_out(f"{base}{name}/"))
        for name in [name for name in folders if Path(parent, name).is_symlink()]:
            folders.remove(name)
            sentence = "a link to a folder is not uploaded. Put the folder itself here."
            findings.append(Finding(WARNING, "folder-link", prefix + base + name, sentence))
        for name in sorted(entries):
            path = base + name
            if path in own_files or is_out(path):
                continue
            found = _file(Path(parent, name), path, folder)
            if isinstance(found, SourceFile):
                files.append(found)
                problems = _about_file(found)
            else:
                problems = iter([found])
            findings += (Finding(*problem[:2], prefix + path, problem[2]) for problem in problems)
    files.sort(key=lambda file: file.path.encode())
    findings += _top_level(files, prefix)
    findings += _clashes(files, prefix)
    if os.access(root / "invoke.yaml", os.X_OK):
        # This file system keeps no modes and calls every file executable.
        findings = [finding for finding in findings if finding.name != "exec-bit"]
    return Tree(tuple(files), tuple(left_out), tuple(findings))


def ignore_lines(root: Path) -> list[str]:
    """The patterns of `.kaggleignore`, none when there is no such file; raises WorkflowError when it can't be read as patterns."""
    import pathspec

    path = root / IGNORE_FILE
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(f"{IGNORE_FILE} can't be read ({error}). Save it as UTF-8 text.") from error
    for number, line in enumerate(lines, 1):
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except ValueError as error:
            raise WorkflowError(
                f"{IGNORE_FILE}, line {number}: {line!r} is not a pattern as in .gitignore ({error}). Correct it."
            ) from error
    return lines


# Level, name and sentence of a finding about one file.
_Problem = tuple[str, str, str]


def _file(path: Path, shown: str, folder: Path) -> SourceFile | _Problem:
    """A file to upload, or the reason why it can't be."""
    if not names.is_text(shown):
        return (
            ERROR,
            "undecodable-name",
            f"its name is not valid UTF-8. Rename it, or ignore it in {IGNORE_FILE}.",
        )
    if path.is_symlink():
        target = _target(path)
        if target is None:
            what = (
                f"git-annex has not fetched its content. Run `git annex get {path.name}`"
                if stand_ins.annexed(path)
                else "the link is broken. Remove it"
            )
            return ERROR, "broken-link", f"{what}, or ignore it in {IGNORE_FILE}."
        if not target.is_relative_to(folder.resolve()):
            sentence = f"the link leads out of the folder, to {target.name}. Copy that file here, or ignore the link in {IGNORE_FILE}."
            return ERROR, "outside-link", sentence
    try:
        about = path.stat()
    except OSError:
        about = None
    if about is not None and not stat.S_ISREG(about.st_mode):
        return WARNING, "special-file", "it is not a regular file and is not uploaded."
    if about is None or not os.access(path, os.R_OK):
        sentence = f"it can't be read. Fix its permissions, or ignore it in {IGNORE_FILE}."
        return ERROR, "unreadable", sentence
    return SourceFile(shown, path, about.st_size, about.st_mtime_ns)


def _target(link: Path) -> Path | None:
    """Where a link leads, None for nowhere (a loop is nowhere too)."""
    try:
        return link.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _about_file(file: SourceFile) -> Iterator[_Problem]:
    path, shown = file.source, file.path
    if path.is_symlink():
        yield WARNING, "link", "a link is uploaded as a copy of the file it leads to."
    harm = names.damage(shown)
    if harm is not None:
        yield WARNING, "file-name", f"{harm}. The notebook restores the name by the file's content."
    if not names.portable(shown) or names.NOT_ON_WINDOWS.intersection(shown):
        yield (
            WARNING,
            "windows-name",
            "Windows can't have a file of this name: nobody can check it out there.",
        )
    if (problem := stand_ins.problem(path, file.size)) is not None:
        yield WARNING, stand_ins.NAME, problem
    if archives.is_archive(path):
        yield WARNING, "archive", archives.warning(shown)
    if path.suffix in _SHELL and b"\r\n" in _head(path):
        yield WARNING, "crlf", "its lines end in CRLF, which a shell on Linux can't run. Save it with LF."
    executable = os.name == "posix" and path.stat().st_mode & stat.S_IXUSR
    if executable and not _head(path).startswith((b"#!", b"\x7fELF")):
        sentence = "Kaggle drops its exec bit, and it has no #! line to restore it by. Start it with its interpreter."
        yield WARNING, "exec-bit", sentence


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _top_level(files: list[SourceFile], prefix: str) -> Iterator[Finding]:
    count = len({file.path.split("/")[0] for file in files})
    if count >= _MANY_TOP_LEVEL:
        sentence = f"it has {count} files and folders at its top level, and Kaggle takes {_MANY_TOP_LEVEL} with the manifest. Move some into a folder."
        yield Finding(ERROR, "top-level-files", prefix.rstrip("/"), sentence)


def _clashes(files: list[SourceFile], prefix: str) -> Iterator[Finding]:
    """Files and folders whose names differ in case or in how an accent is spelled alone."""
    seen: dict[str, str] = {}
    for file in files:
        parts = file.path.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            first = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if first != path and first.rpartition("/")[0] == path.rpartition("/")[0]:
                sentence = f"its name is the same as {printable(first)} on Windows and macOS, which ignore case and spell accents their own way. Rename one of them."
                yield Finding(WARNING, "name-clash", prefix + path, sentence)
                break
