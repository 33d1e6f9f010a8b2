"""What git knows about the workspace; everything here works without git too."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class State:
    """The commit that is checked out, whether what is sent differs from it, and its subject line."""

    commit: str
    dirty: bool
    subject: str


def state(root: Path, sent: Iterable[str]) -> State | None:
    """The state of the repository that `root` lies in, None without git, a repository or a commit.

    Args:
        root: the workspace.
        sent: files and folders below it from which something is sent; changes elsewhere, such as in uv.lock, don't count.
    """
    head = _git(root, "log", "-1", "--format=%H%n%s")
    if head is None:
        return None
    commit, _, subject = head.partition("\n")
    changes = _git(root, "status", "--porcelain", "--", *sent)
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


def not_ignored(root: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the paths that git would take in; none where there is no repository."""
    done = _run(root, "check-ignore", "--no-index", "--", *paths)
    if done is None or done.returncode not in (0, 1):
        return ()
    return tuple(path for path in paths if path not in done.stdout.splitlines())


def _git(folder: Path, *words: str) -> str | None:
    """What git prints, None when it fails."""
    done = _run(folder, *words)
    return done.stdout.rstrip("\n") if done is not None and done.returncode == 0 else None


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str] | None:
    program = shutil.which("git")
    if program is None:
        return None
    return subprocess.run(
        [program, "-C", str(folder), *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
