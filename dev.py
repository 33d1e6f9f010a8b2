"""Everything a developer starts here, on a machine that has Python and git: `python3 dev.py demo`, `python3 dev.py test`.

The environment lies in .venv and follows requirements.txt (versions and hashes); it is made anew when that file changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.txt"
DEMO = ROOT / "demo"
SITE = ROOT / "build" / "site"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "made-from"
NEWEST = ROOT / ".venv-newest"
# What `newest` upgrades, and the tests that it runs on them.
WATCHED = ("kaggle", "kagglehub", "kagglesdk", "copier", "invoke", "nbformat", "papermill")
SUITES = ("tests/push", "tests/kaggle_server", "tests/shim")
OLDEST = (3, 11)


def environment(folder: Path) -> dict[str, str]:
    """The variables of a command that runs in the virtual environment in `folder`."""
    programs = folder / BIN.name
    made = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": str(folder),
    }
    made.pop("PYTHONHOME", None)
    # As pip does: a company's network has its certificate in the system's store.
    made.setdefault("UV_SYSTEM_CERTS", "1")
    return made


def run(*command: str | Path, cwd: Path = ROOT, within: Path = VENV) -> None:
    """Run a command with the environment's programs first; end with its exit code when it fails."""
    finished = subprocess.run([str(word) for word in command], cwd=cwd, env=environment(within), check=False)
    if finished.returncode != 0:
        raise SystemExit(finished.returncode)


def prepare() -> None:
    """Make the environment, unless it is already the one that requirements.txt and pyproject.toml describe."""
    if VENV.is_symlink():
        raise SystemExit(
            f"{VENV} is a link, and its target may be in use. Remove the link, then run this again."
        )
    described = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    wanted = f"{sys.version}\n{described}\n"
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted:
        return
    install(VENV)
    # The package itself, from its sources; what it is built with is in the lock.
    run(*pip_of(VENV), "--no-deps", "--no-build-isolation", "--editable", ROOT)
    STAMP.write_text(wanted, encoding="utf-8")


def install(folder: Path) -> None:
    """Make an environment with the lock's packages in `folder`; with uv where it works, since pip needs four times as long."""
    venv.EnvBuilder(clear=True, with_pip=True).create(folder)
    pip = pip_of(folder)
    uv = shutil.which("uv")
    if uv is None:
        only = folder / "uv.txt"
        locked = re.search(r"^uv==.*\n(?:[ ].*\n)*", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
        only.write_text(locked[0] if locked else "", encoding="utf-8")
        run(*pip, "--require-hashes", "-r", only, within=folder)
        uv = str(folder / BIN.name / "uv")
    try:
        words = (uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", pip[0])
        run(*words, "--require-hashes", "-r", LOCK, within=folder)
    except SystemExit:
        print("dev.py: uv could not install it. Trying pip, which has its own settings.", flush=True)
        run(*pip, "--require-hashes", "-r", LOCK, within=folder)


def pip_of(folder: Path) -> tuple[str | Path, ...]:
    """The words of `pip install` in the environment in `folder`."""
    python = folder / PYTHON.relative_to(VENV)
    return (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")


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
    """Lint, format, types and who may import whom, by the one configuration in pyproject.toml; then the prose of all texts."""
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    # The two that take long, side by side.
    with subprocess.Popen(["mypy"], cwd=ROOT, env=environment(VENV)) as types:
        run("lint-imports", "--config", ROOT / "pyproject.toml", "--no-cache", "--no-logo")
        run(PYTHON, "-m", "tests.words.lint")
    if types.returncode != 0:
        raise SystemExit(types.returncode)


def test(arguments: list[str]) -> None:
    """All checks and all tests, or the tests that the arguments name."""
    if not arguments:
        check()
    # One more than there are processors: a good part of the tests waits for processes of its own.
    run(PYTHON, "-m", "pytest", *(arguments or ["-n", str((os.cpu_count() or 1) + 1)]))


def newer() -> list[str]:
    """What the index has in newer versions than requirements.txt, as `name tested -> newest`."""
    words = [*pip_of(VENV), "--dry-run", "--report", "-", "--upgrade", *WATCHED]
    asked = subprocess.run(words, stdout=subprocess.PIPE, env=environment(VENV), check=False)
    if asked.returncode != 0:
        raise SystemExit(asked.returncode)
    there = [one["metadata"] for one in json.loads(asked.stdout)["install"]]
    found = {one["name"].lower(): one["version"] for one in there}
    tested = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    return [
        f"{name} {tested[name]} -> {found[name]}"
        for name in WATCHED
        if name in tested and found.get(name, tested[name]) != tested[name]
    ]


def newest() -> None:
    """Run the suites that use Kaggle's clients on the newest versions that the index has, and say what differs."""
    differs = newer()
    if not differs:
        print("newest: the index has nothing newer than the tested versions.")
        return
    print(f"newest: {', '.join(differs)}", flush=True)
    install(NEWEST)
    pip = pip_of(NEWEST)
    run(*pip, "--upgrade", *WATCHED, within=NEWEST)
    run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT, within=NEWEST)
    run(pip[0], "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), *SUITES, within=NEWEST)
    print(
        "newest: the suites pass on these versions. To test with them from now on, change pyproject.toml and run `python3 dev.py lock`."
    )


def docs() -> None:
    """Build docs/ into a site with search, offline; a warning is an error."""
    run(PYTHON, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", ROOT / "build" / "doctrees", "docs", SITE)
    print(f"docs: open {SITE / 'index.html'}")


def blocks() -> None:
    """Fill the generated parts of our pages: marked blocks, and the output that followed pages show."""
    run(PYTHON, "-m", "tests.docs.blocks")
    run(PYTHON, "-m", "tests.docs.follow")


def pictures() -> None:
    """Make the pictures of the README from real runs."""
    run(PYTHON, "-m", "tests.docs.pictures")


def lock() -> None:
    """Write requirements.txt anew from pyproject.toml."""
    command = [
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        "--extra",
        "dev",
        "--extra",
        "docs",
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
        choices=("demo", "test", "check", "docs", "blocks", "pictures", "lock", "newest"),
        help="demo: a rehearsed workspace; test: all checks and tests; docs: the site; blocks: generated parts of pages; "
        "newest: the tests on the newest clients",
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for test: what pytest takes")
    chosen = parser.parse_args()
    prepare()
    if chosen.what == "test":
        test(chosen.arguments)
    else:
        {
            "demo": demo,
            "check": check,
            "docs": docs,
            "blocks": blocks,
            "pictures": pictures,
            "lock": lock,
            "newest": newest,
        }[chosen.what]()


if __name__ == "__main__":
    main()
