"""Interpreters for the local image: find the version that Kaggle runs, or let uv download it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LIMIT = 30.0
_ABOUT = "import ensurepip, os, platform, sys; print(platform.python_version(), os.path.realpath(sys.base_prefix), sep='|')"


@dataclass(frozen=True)
class Interpreter:
    """A Python that environments can be made from: its path, its version (`3.12.1`), the folder it is installed in."""

    path: Path
    version: str
    prefix: str

    @property
    def minor(self) -> str:
        """The version that decides which wheels fit, such as `3.12`."""
        return minor(self.version)


def minor(version: str) -> str:
    """`3.12` of `3.12.13`."""
    return ".".join(version.split(".")[:2])


def own() -> Interpreter:
    """The interpreter that runs this command."""
    return Interpreter(Path(sys.executable), platform.python_version(), os.path.realpath(sys.base_prefix))


def find(wanted: str) -> Interpreter | None:
    """Find a Python of a version such as `3.12` on this machine; None where there is none that starts."""
    if own().minor == wanted:
        return own()
    seen = (_ask(path) for path in _candidates(wanted))
    return next((one for one in seen if one is not None and one.minor == wanted), None)


def download(wanted: str, on_line: Callable[[str], None]) -> Interpreter | None:
    """Let uv download a Python of that version; None without uv, or when the download fails (a line says why)."""
    if shutil.which("uv") is None:
        return None
    on_line(f"Downloading Python {wanted} with uv, because Kaggle's image has it. This happens once.")
    done = _run("uv", "python", "install", "--quiet", wanted, limit=600.0)
    if done is None or done.returncode != 0:
        said = (done.stderr.strip().splitlines() if done else []) or ["no answer in ten minutes"]
        on_line(f"Downloading Python {wanted} failed ({said[-1].strip()}).")
        return None
    return find(wanted)


def _candidates(wanted: str) -> Iterator[Path]:
    # pyenv's programs on the path refuse to start a version that its settings don't select; the versions themselves do.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(pyenv.glob(f"{wanted}.*/bin/python"), reverse=True)
    done = _run("uv", "python", "find", "--no-project", "--no-python-downloads", wanted)
    if done is not None and done.returncode == 0:
        yield Path(done.stdout.strip())
    if found := shutil.which(f"python{wanted}"):
        yield Path(found)


def _ask(path: Path) -> Interpreter | None:
    done = _run(str(path), "-I", "-c", _ABOUT)
    version, _, prefix = done.stdout.strip().partition("|") if done and done.returncode == 0 else ("", "", "")
    return Interpreter(path, version, prefix) if prefix else None


def _run(*command: str, limit: float = _LIMIT) -> subprocess.CompletedProcess[str] | None:
    """Run a program; None when it can't be started or takes longer than `limit` seconds."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=limit,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
