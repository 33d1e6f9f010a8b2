"""The local image: an environment of its own that has what Kaggle's image is taken to have, and lacks what that lacks."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import requirement_lines

# Kaggle's image has them: papermill executes the notebook in ipykernel, pip collects wheels.
ALWAYS = ("papermill", "ipykernel", "pip")
_COMPLETE = "complete.json"
_LOCK_LIMIT = 1800.0
# What an image says about itself. Also the first import of what every rehearsal imports: it leaves byte code where the sandbox could not write it.
DESCRIBE = """
import importlib.metadata, importlib.util, json, platform, sys
missing = [name for name in ("papermill", "ipykernel") if importlib.util.find_spec(name) is None]
if len(sys.argv) > 1 and not missing:
    import papermill, ipykernel.kernelapp, IPython.core.completer
packages = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}
print(json.dumps({"python": sys.executable, "version": platform.python_version(), "missing": missing, "packages": packages}))
"""


@dataclass(frozen=True)
class Image:
    """An environment that stands for Kaggle's image.

    Args:
        python: its interpreter, an absolute path.
        version: the interpreter's version, such as `3.11.7`.
        identity: changes with the interpreter and with every package's version; 16 hexadecimal digits.
        packages: what is installed, lower-case name to version.
    """

    python: Path
    version: str
    identity: str
    packages: Mapping[str, str]

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Image":
        """Read what the environment said about itself.

        Raises:
            ValueError: a part is missing or of the wrong kind.
        """
        python, version, packages = value.get("python"), value.get("version"), value.get("packages")
        if not isinstance(python, str) or not isinstance(version, str) or not isinstance(packages, dict):
            raise ValueError("not a description of an image")  # noqa: TRY004 - a file or a program answered, not a caller
        listed = {str(name): str(number) for name, number in sorted(packages.items())}
        content = json.dumps([version, platform.system(), platform.machine(), listed])
        return cls(Path(python), version, hashlib.sha256(content.encode()).hexdigest()[:16], listed)


def default_cache() -> Path:
    """The folder of this user in which images are kept; several workspaces share them."""
    import platformdirs

    return platformdirs.user_cache_path("kaggle-workspace", appauthor=False) / "images"


def ensure(image_txt: Path, *, python: Path | None, cache: Path, on_line: Callable[[str], None]) -> Image:
    """Give the image, making it when there is none for this content of `image_txt` and this interpreter.

    Args:
        image_txt: a requirements file; not looked at when `python` is given.
        python: an interpreter that *is* the image; None: the cached environment.
        cache: the folder of the cached environments.
        on_line: called with a line of progress when an environment is made.

    Raises:
        WorkflowError: `python` can't execute notebooks, or a requirement can't be installed.
    """
    if python is not None:
        return _given(python)
    lines = requirement_lines.read_lines(image_txt)
    folder = cache / _key(lines)
    if (image := _cached(folder)) is not None:
        return image

    import filelock

    cache.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(f"{folder}.lock", timeout=_LOCK_LIMIT):
            # Another workspace may have made it while this one waited.
            return _cached(folder) or _make(folder, image_txt, lines, on_line)
    except filelock.Timeout as error:
        raise WorkflowError(
            f"Another command has been making the image in {folder} for half an hour: end it and try again."
        ) from error


def _given(python: Path) -> Image:
    try:
        said = subprocess.run(
            [python, "-c", DESCRIBE], capture_output=True, check=True, encoding="utf-8", timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise WorkflowError(
            f"{python} does not start as a Python interpreter: give --python the path of one."
        ) from error
    return from_description(said, str(python), f"run '{python} -m pip install {{missing}}'")


def from_description(said: str, name: str, remedy: str) -> Image:
    """Read what `DESCRIBE` printed in an interpreter.

    Args:
        said: its output.
        name: what the interpreter is called in a sentence.
        remedy: what to do when it can't execute notebooks; `{missing}` becomes the packages.

    Raises:
        WorkflowError: it can't execute notebooks, or said something else.
    """
    try:
        value = json.loads(said.splitlines()[-1])
        missing = value["missing"]
        found = Image.from_json(value)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise WorkflowError(f"{name} does not answer as a Python interpreter: give another one.") from error
    if missing:
        raise WorkflowError(
            f"{name} has no {' and '.join(missing)}, which execute the notebook: {remedy.format(missing=' '.join(missing))}."
        )
    return found


def _key(lines: list[requirement_lines.Line]) -> str:
    """What makes an environment another one: its requirements, the interpreter below it, the machine's kind."""
    content = [
        [line.text for line in lines],
        os.path.realpath(sys.base_prefix),
        sys.version,
        platform.system(),
        platform.machine(),
    ]
    digest = hashlib.sha256(json.dumps([content, ALWAYS]).encode()).hexdigest()[:16]
    return f"py{sys.version_info.major}{sys.version_info.minor}-{digest}"


def _cached(folder: Path) -> Image | None:
    """The environment in `folder`, or None when it is absent, was left half made, or has lost its interpreter."""
    try:
        image = Image.from_json(json.loads((folder / _COMPLETE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return image if image.python.exists() else None


def _make(
    folder: Path, image_txt: Path, lines: list[requirement_lines.Line], on_line: Callable[[str], None]
) -> Image:
    python = platforms.interpreter(folder)
    requirement_lines.check(lines)
    on_line(f"Making the image from {image_txt} with Python {platform.python_version()}: this happens once.")
    failures = []
    for maker in _makers(folder, python, image_txt):
        # Made where it stays: a virtual environment can't be moved. The mark of completeness is written last.
        platforms.remove_tree(folder)
        failure = _run_all(maker, image_txt.resolve().parent)
        if failure is None:
            break
        failures.append(failure)
        if maker[0][0] == "uv":
            on_line("uv could not install it; trying pip, which has its own settings.")
    else:
        platforms.remove_tree(folder)
        raise WorkflowError(requirement_lines.explain(image_txt, lines, failures[-1]))
    described = subprocess.run(
        [python, "-c", DESCRIBE, "warm"], capture_output=True, check=True, encoding="utf-8"
    )
    value = {**json.loads(described.stdout.splitlines()[-1]), "python": str(python)}
    temporary = folder / f"{_COMPLETE}.part"
    temporary.write_text(json.dumps(value), encoding="utf-8", newline="\n")
    os.replace(temporary, folder / _COMPLETE)
    image = Image.from_json(value)
    on_line(f"The image has {len(image.packages)} packages.")
    return image


def _makers(folder: Path, python: Path, image_txt: Path) -> list[list[list[str]]]:
    """The ways to make the environment, best first, each a list of commands."""
    import shutil

    wanted = ["-r", str(image_txt.resolve()), *ALWAYS]
    with_pip = [
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *wanted],
    ]
    if shutil.which("uv") is None:
        return [with_pip]
    # Compiled now: in the sandbox there is no place to keep byte code.
    with_uv = [
        ["uv", "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)],
        ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *wanted],
    ]
    return [with_uv, with_pip]


def _run_all(commands: list[list[str]], folder: Path) -> str | None:
    """Run commands in `folder` until one fails; its output, or None when all went well."""
    for command in commands:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode != 0:
            return done.stdout
    return None
