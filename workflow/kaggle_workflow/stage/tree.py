"""Which files of a folder belong to an upload, and what is to be said about them."""

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
    ".git",
    ".venv/",
    "venv/",
    "__pycache__/",
    ".ipynb_checkpoints/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".pytest_cache/",
    "*.py[co]",
    "*.egg-info/",
    ".DS_Store",
    "Thumbs.db",
    ".env",
    ".env.*",
    ".envrc",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "kaggle.json",
    # What editors and file systems leave beside a file, parts of its text included.
    ".idea/",
    ".vscode/",
    "*.sw[op]",
    "*~",
    ".#*",
    "\\#*#",
    ".nfs*",
)
_SHELL = (".sh", ".bash")
_MANY_TOP_LEVEL = 50
_HEAD = 1 << 16
_NO_TEXT = "its name is no UTF-8, and no manifest can hold it: rename it, or ignore it in .kaggleignore."


@dataclass(frozen=True)
class SourceFile:
    """A file to upload: its path inside the upload (posix), where it lies, and its size and time from one look."""

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


def read(folder: Path, root: Path, own_files: tuple[str, ...] = ()) -> Tree:
    """List what belongs to an upload of `folder`.

    Args:
        folder: the folder to upload.
        root: the workspace, where the ignore file lies.
        own_files: top-level files that are ours to write, such as the metadata.

    Raises:
        WorkflowError: the ignore file does not read as patterns.
    """
    import pathspec

    patterns = ignore_lines(root)
    spec = pathspec.GitIgnoreSpec.from_lines([*_ALWAYS_OUT, *patterns])
    by_git = set(git.ignored(folder))
    prefix = relative(folder, root) + "/" if folder.is_relative_to(root) else ""
    files: list[SourceFile] = []
    left_out: list[str] = []
    findings: list[Finding] = []

    def out(path: str) -> bool:
        hidden = path in by_git or spec.match_file(prefix + path) or spec.match_file(path)
        if hidden:
            left_out.append(path)
        return hidden

    for parent, folders, entries in os.walk(folder):
        inside = Path(parent).relative_to(folder).as_posix()
        base = "" if inside == "." else f"{inside}/"
        folders[:] = sorted(
            name
            for name in folders
            if not out(f"{base}{name}/")
            and not _folder_link(Path(parent, name), base + name, findings, prefix)
        )
        for name in sorted(entries):
            path = base + name
            if path in own_files or out(path):
                continue
            if not names.is_text(path):
                findings.append(Finding(ERROR, "undecodable-name", prefix + path, _NO_TEXT))
                continue
            found = _file(Path(parent, name), path, folder, prefix, findings)
            if found is not None:
                files.append(found)
    files.sort(key=lambda file: file.path.encode())
    findings += _tops(files, prefix)
    findings += _clashes(files, prefix)
    if os.access(root / "invoke.yaml", os.X_OK):
        # This file system keeps no modes and calls every file executable.
        findings = [finding for finding in findings if finding.name != "exec-bit"]
    return Tree(tuple(files), tuple(left_out), tuple(findings))


def ignore_lines(root: Path) -> list[str]:
    """The patterns of `.kaggleignore`, none when there is no such file; raises WorkflowError for one that does not read."""
    import pathspec

    path = root / IGNORE_FILE
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError(f"{IGNORE_FILE} can't be read ({error}): save it as UTF-8 text.") from error
    for number, line in enumerate(lines, 1):
        try:
            pathspec.GitIgnoreSpec.from_lines([line])
        except ValueError as error:
            raise WorkflowError(
                f"{IGNORE_FILE}, line {number}: {line!r} is no pattern as .gitignore has them ({error}): correct it."
            ) from error
    return lines


def _folder_link(path: Path, shown: str, findings: list[Finding], prefix: str) -> bool:
    if not path.is_symlink():
        return False
    findings.append(
        Finding(
            WARNING,
            "folder-link",
            prefix + shown,
            "a link to a folder is not uploaded: put the folder itself here.",
        )
    )
    return True


def _file(path: Path, shown: str, folder: Path, prefix: str, findings: list[Finding]) -> SourceFile | None:
    where = prefix + shown
    if path.is_symlink():
        target = _target(path)
        if target is None:
            what = (
                f"git-annex has not fetched its content: run `git annex get {path.name}`"
                if stand_ins.annexed(path)
                else "the link leads nowhere: remove it"
            )
            findings.append(Finding(ERROR, "broken-link", where, f"{what}, or ignore it in .kaggleignore."))
            return None
        if not target.is_relative_to(folder.resolve()):
            findings.append(
                Finding(
                    ERROR,
                    "outside-link",
                    where,
                    f"the link leads out of the folder, to {target.name}: copy that file here, or ignore the link.",
                )
            )
            return None
        findings.append(Finding(WARNING, "link", where, "a link arrives as a copy of the file it leads to."))
    try:
        about = path.stat()
    except OSError as error:
        findings.append(
            Finding(ERROR, "unreadable", where, f"it can't be read ({error.strerror}): fix its permissions.")
        )
        return None
    if not stat.S_ISREG(about.st_mode):
        findings.append(Finding(WARNING, "special-file", where, "it is no regular file and is not uploaded."))
        return None
    if not os.access(path, os.R_OK):
        findings.append(
            Finding(
                ERROR,
                "unreadable",
                where,
                "it can't be read: fix its permissions, or ignore it in .kaggleignore.",
            )
        )
        return None
    findings += _about_name(path, shown, where, about)
    return SourceFile(shown, path, about.st_size, about.st_mtime_ns)


def _target(link: Path) -> Path | None:
    """Where a link leads, None for nowhere (a loop is nowhere too)."""
    try:
        return link.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _about_name(path: Path, shown: str, where: str, about: os.stat_result) -> Iterator[Finding]:
    harm = names.damage(shown)
    if harm is not None:
        yield Finding(WARNING, "file-name", where, f"{harm}; the notebook puts it back by its content.")
    if not names.portable(shown) or names.NOT_ON_WINDOWS.intersection(shown):
        yield Finding(
            WARNING, "windows-name", where, "Windows refuses this name: a team-mate there can't check it out."
        )
    stands_in = stand_ins.sentence(path, about.st_size)
    if stands_in is not None:
        yield Finding(WARNING, stand_ins.NAME, where, stands_in)
    if archives.is_archive(path):
        yield Finding(WARNING, "archive", where, archives.sentence(shown))
    if path.suffix in _SHELL and b"\r\n" in _head(path):
        yield Finding(
            WARNING,
            "crlf",
            where,
            "its lines end in CRLF, and a shell on Linux stumbles over them: save it with LF.",
        )
    if (
        os.name == "posix"
        and about.st_mode & stat.S_IXUSR
        and not _head(path).startswith((b"#!", b"\x7fELF"))
    ):
        yield Finding(
            WARNING,
            "exec-bit",
            where,
            "its exec bit is lost on Kaggle, and no #! line brings it back: start it through its interpreter.",
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _tops(files: list[SourceFile], prefix: str) -> list[Finding]:
    tops = {file.path.split("/")[0] for file in files}
    if len(tops) < _MANY_TOP_LEVEL:
        return []
    sentence = f"{len(tops)} files and folders lie at its top, and Kaggle takes {_MANY_TOP_LEVEL} with the manifest: put some into a folder."
    return [Finding(ERROR, "top-level-files", prefix.rstrip("/"), sentence)]


def _clashes(files: list[SourceFile], prefix: str) -> Iterator[Finding]:
    """Files and folders whose names differ in case or in how an accent is spelled alone."""
    seen: dict[str, str] = {}
    for file in files:
        parts = file.path.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            first = seen.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if first != path and first.rpartition("/")[0] == path.rpartition("/")[0]:
                sentence = f"{printable(first)} has the same name but for case or accents: on Windows and macOS they are one, so rename one of them."
                yield Finding(WARNING, "name-clash", prefix + path, sentence)
                break
