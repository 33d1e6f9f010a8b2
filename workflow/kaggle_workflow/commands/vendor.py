"""`invoke vendor`: store the tool and its dependencies as wheels, to install without the template and without an index."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from kaggle_workflow import command_list, console, versions
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import make_folder, write_text
from kaggle_workflow.workspace import Workspace

FOLDER = "vendor"
_PROJECT = "pyproject.toml"
# What builds the workspace's own project (its pyproject.toml).
_BUILDER = "setuptools>=77"
_COMMENT = "# The commands of this workspace, from the wheels in vendor/. `copier update` pins the template's commit again."


def store_wheels(workspace: Workspace, command: command_list.Vendor) -> None:
    """Store the wheels and make requirements.txt pin them.

    Raises:
        WorkflowError: a wheel can't be downloaded or built; nothing is changed then.
    """
    root = workspace.root
    made = make_folder(root / FOLDER)
    try:
        _download(root, made)
        name, version = _tool(made)
        shutil.rmtree(root / FOLDER, ignore_errors=True)
        made.rename(root / FOLDER)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    write_text(root / versions.PIN, f"{_COMMENT}\n{versions.NAME}=={version}\n")
    _find_links(root / _PROJECT)
    wheels = sorted((root / FOLDER).glob("*.whl"))
    size = sum(path.stat().st_size for path in wheels)
    if command.json:
        console.as_json({"folder": FOLDER, "version": version, "wheels": [path.name for path in wheels]})
        return
    console.say(f"{FOLDER}/: {len(wheels)} wheels, {console.size(size)}, including {name}.")
    console.say(
        f"They are for Python {platform.python_version()} on {platform.system()}. {versions.PIN} now pins version {version}."
    )
    console.say(
        f"Install them with `pip install --no-index --find-links {FOLDER} -r {versions.PIN}`, or start commands with `uv run --offline`."
    )


def _download(root: Path, target: Path) -> None:
    command = [*_pip(), "wheel", "--quiet", "--disable-pip-version-check", "--wheel-dir", str(target)]
    # After an earlier run the pin names a wheel of vendor/.
    stored = ["--find-links", FOLDER] if (root / FOLDER).is_dir() else []
    done = subprocess.run(
        [*command, *stored, "-r", versions.PIN, _BUILDER],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        print(console.plain(done.stdout), file=sys.stderr, end="")
        raise WorkflowError(
            f"pip could not collect the wheels of {versions.PIN}, and nothing was changed. Fix the error above, then run `invoke vendor` again."
        )


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is None:
        raise WorkflowError(
            "This environment has no pip. Install it with `python -m ensurepip`, then run this again."
        )
    environment = [uv, "run", "--quiet", "--no-project", "--python", sys.executable, "--with", "pip"]
    return [*environment, "python", "-m", "pip"]


def _tool(folder: Path) -> tuple[str, str]:
    """Name and version of our own wheel."""
    from packaging.utils import parse_wheel_filename

    for path in folder.glob("*.whl"):
        name, version, _, _ = parse_wheel_filename(path.name)
        if name == versions.NAME:
            return path.name, str(version)
    raise WorkflowError(
        f"{versions.PIN} does not pin {versions.NAME}: run `copier update`, then `invoke vendor` again."
    )


def _find_links(project: Path) -> None:
    """Point uv at the wheels, for this platform only: it resolves for all of them by default."""
    text = project.read_text(encoding="utf-8") if project.is_file() else ""
    if "[tool.uv]\n" not in text or "find-links" in text:
        return
    here = f"sys_platform == '{sys.platform}' and python_version == '{sys.version_info[0]}.{sys.version_info[1]}'"
    lines = f'find-links = ["{FOLDER}"]\nenvironments = ["{here}"]\n'
    write_text(project, text.replace("[tool.uv]\n", f"[tool.uv]\n{lines}", 1))
