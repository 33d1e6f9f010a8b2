"""Everything a developer starts here, on a machine that has Python and git: `python3 dev.py demo`, `python3 dev.py test`.

The environment lies in .venv and follows requirements.txt (versions and hashes); it is made anew when that file changes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.txt"
DEMO = ROOT / "demo"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "made-from"
OLDEST = (3, 11)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command with the environment's programs first; end with its exit code when it fails."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": str(VENV),
    }
    environment.pop("PYTHONHOME", None)
    finished = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=False)
    if finished.returncode != 0:
        raise SystemExit(finished.returncode)


def prepare() -> None:
    """Make the environment, unless it is already the one that requirements.txt describes."""
    if VENV.is_symlink():
        raise SystemExit(
            f"{VENV} is a link, and what it leads to may be in use: remove the link, then run this again."
        )
    wanted = f"{sys.version}\n{hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n"
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    uv = shutil.which("uv")
    if uv:
        # With pip, as venv makes it: tests fetch wheels by it.
        run(uv, "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, VENV)
        run(uv, "pip", "install", "--quiet", "--require-hashes", "--python", PYTHON, "-r", LOCK)
    else:
        venv.EnvBuilder(clear=True, with_pip=True).create(VENV)
        run(
            PYTHON,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            LOCK,
        )
    STAMP.write_text(wanted, encoding="utf-8")


def demo() -> None:
    """Make the worked example as a workspace in demo/ and rehearse it."""
    if not DEMO.exists():
        run(
            "copier",
            "copy",
            "--quiet",
            "--defaults",
            "--vcs-ref",
            "HEAD",
            "-d",
            "example=cmi-sleep",
            "-d",
            "prefix=cmi-sleep",
            ROOT,
            DEMO,
        )
    run("invoke", "rehearse", cwd=DEMO)


def check() -> None:
    """Lint, format, types and who may import whom, by the one configuration in pyproject.toml."""
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("mypy")
    run("lint-imports", ROOT / "pyproject.toml", "--no-cache", "--no-logo", cwd=ROOT / "template")


def test(arguments: list[str]) -> None:
    """All checks and all tests, or the tests that the arguments name."""
    if not arguments:
        check()
    # One more than there are processors: a good part of the tests waits for processes of its own.
    run(PYTHON, "-m", "pytest", *(arguments or ["-n", str((os.cpu_count() or 1) + 1)]))


def docs() -> None:
    """Fill the marked blocks of our pages: command help, trees, terminal output."""
    run(PYTHON, "-m", "tests.docs.blocks")


def lock() -> None:
    """Write requirements.txt anew from pyproject.toml."""
    command = [
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--upgrade",
    ]
    run(*command, "--no-header", "--no-annotate", "--quiet", "--output-file", LOCK)


def main() -> None:
    """Choose by the first word."""
    if sys.version_info < OLDEST:
        raise SystemExit(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, this is {sys.version.split()[0]}: call another, as in python3.12 dev.py."
        )
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what",
        choices=("demo", "test", "check", "docs", "lock"),
        help="demo: a rehearsed workspace; test: all checks and tests",
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for test: what pytest takes")
    chosen = parser.parse_args()
    prepare()
    if chosen.what == "test":
        test(chosen.arguments)
    else:
        {"demo": demo, "check": check, "docs": docs, "lock": lock}[chosen.what]()


if __name__ == "__main__":
    main()
