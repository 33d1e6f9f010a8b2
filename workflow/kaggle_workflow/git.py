"""What git knows about the workspace; everything here works without git too."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class State:
    """The commit that is checked out, whether the work tree differs from it, and its subject line."""

    commit: str
    dirty: bool
    subject: str


def state(root: Path) -> State | None:
    """The state of the repository that `root` lies in, None without git, a repository or a commit."""
    head = _git(root, "log", "-1", "--format=%H%n%s")
    if head is None:
        return None
    commit, _, subject = head.partition("\n")
    # The ledger grows with every command and is no part of what is pushed.
    changes = _git(root, "status", "--porcelain", "--", ".", ":(exclude)ledger.jsonl")
    return State(commit, bool(changes), subject.strip())


def subject(root: Path, commit: str) -> str:
    """The subject line of a commit, "" when this repository does not know it."""
    return (_git(root, "log", "-1", "--format=%s", commit, "--") or "").strip() if commit else ""


def archive(root: Path, commit: str, target: Path) -> bool:
    """Write what lay below `root` at a commit as a tar, as a checkout would have it; False when this repository can't."""
    return _git(root, "archive", "--format=tar", f"--output={target}", commit, "--", ".") is not None


def ignored(folder: Path) -> tuple[str, ...]:
    """Paths below `folder` that git ignores, relative to it (posix; folders end in a slash), none without git."""
    listing = _git(
        folder, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z", "--", "."
    )
    return tuple(sorted(path for path in (listing or "").split("\0") if path))


def tracks(root: Path, path: str) -> bool:
    """Whether git would take in a file of that path; False where it ignores it, and where there is no repository."""
    if _git(root, "rev-parse", "--is-inside-work-tree") != "true":
        return False
    return _git(root, "check-ignore", "--quiet", "--no-index", "--", path) is None


def changed(root: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Files below those paths that differ from the last commit, new ones too; none without git."""
    listing = _git(root, "status", "--porcelain", "--no-renames", "-z", "--", *paths)
    return tuple(entry[3:] for entry in (listing or "").split("\0") if entry)


def committed(root: Path, path: str) -> str | None:
    """A text file below `root` as the last commit has it, None where that has none."""
    return _git(root, "show", f"HEAD:./{path}")


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    child = subprocess.run(
        [program, "-C", str(folder), *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return child.stdout.rstrip("\n") if child.returncode == 0 else None
