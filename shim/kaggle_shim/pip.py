"""Run the image's pip in a child process; show its output and return it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from kaggle_shim.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Keep pip's own environment, except what would suppress the output that is read here.
_SILENCING = {"PIP_QUIET", "PIP_REPORT", "PIP_DRY_RUN"}
_HIDDEN = ("Looking in ", "WARNING: Location ", "  Using cached ")
_OURS = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_PROGRESS_BAR": "off",
    "PIP_NO_COLOR": "1",
}


def resolve(
    requirements: Sequence[Path],
    constraints: Path,
    find_links: Path | None,
    report: Path,
    say: Callable[[str], None],
    python: Path | None = None,
) -> tuple[int, list[str]]:
    """Ask pip what it would install into the image; returns exit code and output, and writes a report.

    `python` is the interpreter of the environment that stands for the image, None for this one.

    Raises:
        CollectError: this interpreter has no pip.
    """
    files = [part for path in requirements for part in ("-r", str(path))]
    where = [] if python is None else ["--python", str(python)]
    ask = ["install", "--dry-run", "--report", str(report), "-c", str(constraints)]
    code, lines = _run([*where, *ask, *_links(find_links), *files], say)
    if code != 0 and any("No module named pip" in line for line in lines):
        raise CollectError(f"{sys.executable} has no pip: add it with `{sys.executable} -m ensurepip`.")
    return code, lines


def metadata(exact: Path, report: Path, say: Callable[[str], None], python: Path) -> tuple[int, list[str]]:
    """Ask pip for the metadata of every line of a requirements file, whatever is installed, without building any; returns the same as `resolve`."""
    alone = ["--no-deps", "--ignore-installed", "--only-binary", ":all:", "-r", str(exact)]
    return _run(["--python", str(python), "install", "--dry-run", "--report", str(report), *alone], say)


def build(
    exact: Path, find_links: Path | None, output: Path, say: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Download or build a wheel for every line of a requirements file, and nothing else; returns the same as `resolve`."""
    return _run(["wheel", "--no-deps", "-w", str(output), *_links(find_links), "-r", str(exact)], say)


def options_of(requirements: Path) -> list[str]:
    """Option lines of a requirements file, and of those it includes, about where and how to find packages.

    Folders become absolute, since the lines go into another file.
    """
    found: list[str] = []
    for raw in requirements.read_text(encoding="utf-8-sig").replace("\\\n", " ").splitlines():
        line = raw.partition(" #")[0].strip()
        if not line.startswith("-"):
            continue
        name, value = _option(line)
        if name in {"-r", "--requirement"}:
            if "://" not in value:
                found.extend(options_of(requirements.parent / value))
        elif name in {"-f", "--find-links"} and (requirements.parent / value).exists():
            found.append(f"--find-links {(requirements.parent / value).resolve()}")
        elif name not in {"-c", "--constraint", "-e", "--editable", "--require-hashes"}:
            found.append(line)
    return list(dict.fromkeys(found))


def _option(line: str) -> tuple[str, str]:
    """Name and value of an option in any of its forms: `--name=value`, `--name value`, `-n value`, `-nvalue`."""
    if line.startswith("--"):
        name, _, value = line.replace("=", " ", 1).partition(" ")
    else:
        name, value = line[:2], line[2:]
    return name, value.strip()


def _links(folder: Path | None) -> list[str]:
    return [] if folder is None else ["--find-links", str(folder)]


def _run(arguments: Sequence[str], say: Callable[[str], None]) -> tuple[int, list[str]]:
    import subprocess

    kept = {key: value for key, value in os.environ.items() if key not in _SILENCING}
    lines: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "pip", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**_OURS, **kept, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        errors="replace",
    ) as child:
        for line in child.stdout or ():
            lines.append(line.rstrip("\n"))
            # Don't show index addresses: one may hold a password.
            if not lines[-1].startswith(_HIDDEN):
                say(lines[-1])
    return child.returncode, lines
