"""Workspaces for tests: made by the real copier from a clone of this working tree, used through the real commands."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
# The folder that all worker processes of a session share; conftest.py sets it.
shared: Path | None = None
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder and return what it says."""
    command = ["git", *IDENTITY, "-c", "core.autocrlf=false", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout


def clone_template(target: Path, tag: str = "v1000.0.0") -> Path:
    """A repository with this working tree as its one tagged commit: what is tested is what lies here, committed or not."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        source = ROOT / name
        if source.is_symlink() or source.exists():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place, follow_symlinks=False)
    git(target, "init", "--quiet", "--initial-branch=main")
    git(target, "add", "--all")
    git(target, "commit", "--quiet", "-m", "state under test")
    git(target, "tag", tag)
    return target


def copier(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the real copier, without --trust."""
    return subprocess.run(
        [sys.executable, "-m", "copier", *(str(word) for word in words)],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def make(template: Path, target: Path, **answers: str) -> Path:
    """A workspace from the template, with answers over the defaults; copier runs once for the same state and answers."""
    given = {"username": "you", "prefix": "cmi", **answers}
    state = git(template, "for-each-ref", "--format=%(refname) %(objectname)") + git(
        template, "rev-parse", "HEAD"
    )
    shutil.copytree(_made(template, state, tuple(given.items())), target, symlinks=True)
    settings = target / "invoke.yaml"
    text = settings.read_bytes()
    settings.write_bytes(
        re.sub(rb"(?m)^  id: .*$", f'  id: "{secrets.token_hex(8)}"'.encode(), text, count=1)
    )
    return target


@lru_cache(maxsize=64)
def _made(template: Path, state: str, answers: tuple[tuple[str, str], ...]) -> Path:
    data = [word for name, value in answers for word in ("-d", f"{name}={value}")]
    key = hashlib.sha256(repr((template, state, answers)).encode()).hexdigest()

    def copy(target: Path) -> None:
        done = copier("copy", "--quiet", "--defaults", *data, template, target, cwd=target.parent)
        assert done.returncode == 0, done.stderr

    return once((shared or Path(_temporary().name)) / "workspaces" / key[:16], copy)


@lru_cache(maxsize=1)
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="workspaces-")


def once(folder: Path, fill: Callable[[Path], object]) -> Path:
    """A folder that the first process to need it makes with `fill`; not to be changed.

    Args:
        folder: where all worker processes of the session look for it, below `shared_folder`.
        fill: makes it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = folder.with_name(f"{folder.name}.made")
    with FileLock(f"{folder}.lock"):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            fill(folder)
            made.touch()
    return folder


def invoke(
    workspace: Path, *words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the workspace's commands as a person would."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "KAGGLE_"))}
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=cwd or workspace,
        env={**clean, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )


def python(*words: str, cwd: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a workspace as an editor does: without invoke."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "KAGGLE_"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**clean, "PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
    )


def edit_json(path: Path, **changes: Any) -> None:
    """Change top-level keys of a JSON file."""
    value = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**value, **changes}, indent=2) + "\n", encoding="utf-8")


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by posix path; git's own and caches left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts and "__pycache__" not in path.parts
    }
