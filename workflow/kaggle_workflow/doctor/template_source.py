"""The template that this workspace was made from, looked at where it lies: is there something newer, and what does it bring?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.answers import Answers
from kaggle_workflow.doctor import changelog
from kaggle_workflow.errors import Unreachable

LIMIT = 10.0
_CHANGELOG = "CHANGELOG.md"
# copier's own abbreviations.
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_OBJECT_NAME = 7
_BARE_COMMIT = re.compile(r"[0-9a-f]{7,40}\Z")


@dataclass(frozen=True)
class News:
    """What is newer than the state that a workspace was made from.

    Attributes:
        version: tag or commit that `copier update` would take.
        brings: what the changelog says about the versions in between, () when it can't be had.
    """

    version: str
    brings: tuple[changelog.Section, ...]


def look(root: Path, answers: Answers, limit: float = LIMIT) -> News | None:
    """What `copier update` would bring, None when the workspace is at the newest state.

    Args:
        root: the workspace, which a relative address is relative to.
        answers: what copier wrote down.
        limit: seconds for each question to the template's repository.

    Raises:
        Unreachable: there is no git here, or the repository did not answer in time.
    """
    address = _address(root, answers.source or "")
    listed = _git(limit, "ls-remote", "--refs", "--tags", "--", address)
    tags = [line.rpartition("refs/tags/")[2] for line in listed.splitlines() if "refs/tags/" in line]
    newest = _newest(tags)
    if newest is None:
        head = _git(limit, "ls-remote", "--", address, "HEAD").split("\t")[0].strip()
        return None if not head or _is_commit(answers.commit or "", head) else News(head[:12], ())
    if not _is_newer(newest, answers.commit or ""):
        return None
    return News(newest, _brings(address, newest, answers.commit or "", limit))


def _address(root: Path, source: str) -> str:
    for short, long in _SHORT.items():
        if source.startswith(short):
            return long + source.removeprefix(short)
    place = Path(source).expanduser()
    here = place if place.is_absolute() else root / place
    return str(here) if here.is_dir() else source.removeprefix("git+")


def _newest(tags: list[str]) -> str | None:
    """The highest release among the tags, as copier chooses it."""
    from packaging.version import InvalidVersion, Version

    releases = []
    for tag in tags:
        try:
            version = Version(tag)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            releases.append((version, tag))
    return max(releases)[1] if releases else None


def _is_newer(tag: str, commit: str) -> bool:
    """Whether a tag lies above the state that copier wrote down: a tag, `tag-3-g1234567` behind one, or a commit alone."""
    from packaging.version import InvalidVersion, Version

    if _BARE_COMMIT.match(commit):
        return True
    try:
        return Version(tag) > Version(_tag_of(commit))
    except InvalidVersion:
        return True


def _tag_of(commit: str) -> str:
    parts = commit.rsplit("-", 2)
    described = len(parts) == 3 and parts[1].isdigit() and parts[2].startswith("g")  # noqa: PLR2004 - tag, distance, commit
    return parts[0] if described else commit


def _is_commit(commit: str, head: str) -> bool:
    name = commit.rsplit("-g", 1)[-1]
    return len(name) >= _OBJECT_NAME and head.startswith(name)


def _brings(address: str, tag: str, commit: str, limit: float) -> tuple[changelog.Section, ...]:
    with tempfile.TemporaryDirectory(prefix="kaggle-template-") as folder:
        try:
            _git(
                limit,
                "clone",
                "--quiet",
                "--bare",
                "--depth",
                "1",
                "--filter",
                "blob:none",
                "--branch",
                tag,
                "--",
                address,
                folder,
            )
            text = _git(limit, "-C", folder, "show", f"HEAD:{_CHANGELOG}")
        except Unreachable:
            return ()
    return changelog.since(text, _tag_of(commit))


def _git(limit: float, *words: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise Unreachable("The template could not be looked at, since git is not installed here: install it.")
    # No question for a password may hold up a command.
    quiet = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    }
    try:
        done = subprocess.run(
            [program, *words],
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"The template did not answer within {limit:.0f} s: run this again.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise Unreachable(
            f"The template could not be looked at ({said[-1] if said else 'no reason given'}): look at your network and at _src_path in the answers file."
        ) from error
    return done.stdout
