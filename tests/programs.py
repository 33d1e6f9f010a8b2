"""Programs of this machine, found by running them: a shim of pyenv or a stub of a package is on the path and starts nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

OLDEST, NEWEST = 10, 14


@lru_cache(maxsize=64)
def working(name: str) -> str | None:
    """The path of a program that says its version, None where there is none."""
    path = shutil.which(name)
    if path is None:
        return None
    try:
        subprocess.run(
            [path, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return path


@lru_cache(maxsize=64)
def version(path: str) -> tuple[int, int] | None:
    """Which Python 3 answers at a path, None where none does."""
    # Isolated, so that no variable and no folder of this machine takes part.
    command = [path, "-I", "-c", "import json, sys; print(json.dumps(sys.version_info[:2]))"]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, encoding="utf-8", timeout=60, check=True
        )
        major, minor = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None
    return major, minor


def supported(candidates: Iterable[str | Path | None]) -> list[str]:
    """Those of the candidates that answer and that the shim supports, in their order."""
    asked = [(str(path), version(str(path))) for path in candidates if path]
    return [path for path, told in asked if told and told[0] == 3 and OLDEST <= told[1] <= NEWEST]


def others() -> list[str]:
    """Supported interpreters, one for each minor version but the running one."""
    found: dict[tuple[int, int] | None, str] = {}
    for minor in range(OLDEST, NEWEST + 1):
        on_path = shutil.which(f"python3.{minor}")
        for path in supported(
            [on_path, *sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))]
        ):
            found.setdefault(version(path), path)
    return [path for told, path in found.items() if told != sys.version_info[:2]]
