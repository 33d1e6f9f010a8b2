"""The installed tool, the pinned one, and whether the template has a newer one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_workflow import answers, versions
from kaggle_workflow.answers import Answers
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import Unreachable
from kaggle_workflow.stage import bundle
from kaggle_workflow.workspace import Workspace

if TYPE_CHECKING:
    from packaging.version import Version

_SECONDS = 10.0
_CHANGELOG = "CHANGELOG.md"
_HEADING = re.compile(r"^## +v?(\S+)", re.MULTILINE)
# Copier's abbreviations of addresses.
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
# What `git describe` adds to a tag, and what it prints without one.
_DISTANCE = re.compile(r"-\d+-g[0-9a-f]+\Z")
_COMMIT = re.compile(r"[0-9a-f]{7,40}\Z")


def lines(workspace: Workspace) -> Iterator[Line]:
    """Check the tool and its template."""
    yield _installed(workspace.root)
    found = answers.read(workspace.root)
    if found is None:
        says = ".copier-answers.yml is missing, so `copier update` can't work"
        yield Line("template", NOTE, says, "restore the file from git")
        return
    yield Line("template", OK, f"made from {found.commit or 'a folder without git'} of {found.source}")
    if found.source is not None:
        yield _update(workspace.root, found)


def _installed(root: Path) -> Line:
    version = versions.installed() or bundle.template_version()
    if versions.read_pin(root) is None:
        says = f"{versions.NAME} {version} is installed, and {versions.PIN} does not pin it"
        return Line("tool", NOTE, says, "run `invoke check --fix`")
    outdated = versions.outdated(root)
    if outdated is not None:
        says, _, remedy = outdated.rstrip(".").partition(": ")
        return Line("tool", WRONG, says, remedy)
    return Line("tool", OK, f"{versions.NAME} {version}, as {versions.PIN} pins it")


def _update(root: Path, found: Answers) -> Line:
    try:
        news = news_of(root, found)
    except Unreachable as error:
        remedy = "run `invoke vendor` to store the tool in this workspace, if the address is gone for good"
        return Line("update", UNKNOWN, str(error).rpartition(": ")[0], remedy)
    if news is None:
        return Line("update", OK, "this is the newest version of the template")
    option = "" if found.file == ".copier-answers.yml" else f" -a {found.file}"
    return Line("update", NOTE, news, f"commit your work, then run `copier update --defaults{option}`")


def news_of(root: Path, found: Answers, seconds: float = _SECONDS) -> str | None:
    """Say what `copier update` would bring, None when the workspace is up to date.

    Args:
        root: the workspace, which a relative address is relative to.
        found: what copier wrote down.
        seconds: limit for each question to the template's repository.

    Raises:
        Unreachable: git is missing, or the repository did not answer in time.
    """
    address, commit = _address(root, found.source or ""), found.commit or ""
    listed = _git(seconds, "ls-remote", "--refs", "--tags", "--", address)
    tags = [line.rpartition("refs/tags/")[2] for line in listed.splitlines()]
    releases = [(number, tag) for tag in tags if (number := _number(tag)) and not number.is_prerelease]
    if not releases:
        head = _git(seconds, "ls-remote", "--", address, "HEAD").split("\t")[0].strip()
        short = commit.rpartition("-g")[2]
        return (
            None
            if not head or (_COMMIT.match(short) and head.startswith(short))
            else f"{head[:12]} is available"
        )
    newest, tag = max(releases)
    own = None if _COMMIT.match(commit) else _number(_DISTANCE.sub("", commit))
    if own is not None and newest <= own:
        return None
    changes = "; ".join(_changes(_changelog(address, tag, seconds), own)) if own is not None else ""
    return f"{tag} is available{f' ({changes})' if changes else ''}"


def _number(tag: str) -> Version | None:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(tag)
    except InvalidVersion:
        return None


def _address(root: Path, source: str) -> str:
    for short, long in _SHORT.items():
        if source.startswith(short):
            return long + source.removeprefix(short)
    # An absolute path replaces the root.
    folder = root / Path(source).expanduser()
    return str(folder) if folder.is_dir() else source.removeprefix("git+")


def _changelog(address: str, tag: str, seconds: float) -> str:
    """The changelog of a version, "" when it can't be read."""
    options = ("--quiet", "--bare", "--depth", "1", "--filter", "blob:none", "--branch", tag)
    with tempfile.TemporaryDirectory(prefix="kaggle-template-") as folder:
        try:
            _git(seconds, "clone", *options, "--", address, folder)
            return _git(seconds, "-C", folder, "show", f"HEAD:{_CHANGELOG}")
        except Unreachable:
            return ""


def _changes(text: str, own: Version) -> Iterator[str]:
    """Each newer version of a changelog in one line."""
    _, *parts = _HEADING.split(text)
    for name, section in zip(parts[::2], parts[1::2], strict=True):
        number = _number(name)
        if number is not None and number > own:
            told = (line.strip().removeprefix("- ").removeprefix("* ") for line in section.splitlines())
            yield f"{name}: {' '.join(line for line in told if line)}"


def _git(seconds: float, *words: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise Unreachable("The template could not be checked, because git is not installed: install git.")
    # No question for a password may block the command.
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
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"The template did not answer within {seconds:.0f} s: run this again.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise Unreachable(
            f"The template could not be checked ({said[-1] if said else 'no reason given'}): check your network, and _src_path in the answers file."
        ) from error
    return done.stdout
