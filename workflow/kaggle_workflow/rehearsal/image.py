"""The local image: an environment with the packages that Kaggle's image is taken to have, and without all others."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import pythons
from kaggle_workflow.rehearsal.pythons import Interpreter
from kaggle_workflow.stage import requirement_lines

# papermill executes the notebook in ipykernel, pip collects wheels: Kaggle's image has them.
ALWAYS = ("papermill", "ipykernel", "pip")
_COMPLETE = "complete.json"
_LOCK_LIMIT = 1800.0
# Prints what an image has. Importing what every rehearsal imports leaves its byte code, which the sandbox could not keep.
DESCRIBE = """
import importlib.metadata, importlib.util, json, platform, re, sys
missing = [name for name in ("papermill", "ipykernel") if importlib.util.find_spec(name) is None]
if len(sys.argv) > 1 and not missing:
    import papermill, ipykernel.kernelapp, IPython.core.completer
named = [(d.metadata["Name"], d.version) for d in importlib.metadata.distributions()]
packages = {re.sub("[-_.]+", "-", name).lower(): version for name, version in named if name}
print(json.dumps({"python": sys.executable, "version": platform.python_version(), "missing": missing, "packages": packages}))
"""
# In uv's output: the answer of an index would not be another one for pip.
_DECIDED = re.compile(r"No solution found|Failed to build")
_UNREACHABLE = re.compile(
    r"error sending request|dns error|[Ff]ailed to fetch|timed out|Failed to establish a new connection|Max retries"
)
_TESTS = r"[/\\]tests?[/\\]"
_PROGRESS = re.compile(r"\s*(?:Downloading|Downloaded|Building|Built) (?!.*\.metadata)")


class NotInstalledError(WorkflowError):
    """An installer could not make an image; `output` is what it printed, `unreachable` whether the network was the reason."""

    def __init__(self, sentence: str, output: str) -> None:
        super().__init__(sentence)
        self.output = output
        self.unreachable = _DECIDED.search(output) is None and _UNREACHABLE.search(output) is not None


@dataclass(frozen=True)
class Image:
    """An environment that stands for Kaggle's image.

    Args:
        python: its interpreter, an absolute path.
        version: the interpreter's version, such as `3.11.7`.
        identity: 16 hexadecimal digits that change with the interpreter and with every package's version.
        packages: what is installed, normalised name to version.
    """

    python: Path
    version: str
    identity: str
    packages: Mapping[str, str]

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Image":
        """Read what `DESCRIBE` printed.

        Raises:
            ValueError: a part is missing or of the wrong kind.
        """
        python, version, packages = value.get("python"), value.get("version"), value.get("packages")
        if not isinstance(python, str) or not isinstance(version, str) or not isinstance(packages, dict):
            raise ValueError("not a description of an image")  # noqa: TRY004 - a file or a program answered, not a caller
        listed = {str(name): str(number) for name, number in sorted(packages.items())}
        content = [version, platform.system(), platform.machine(), listed]
        return cls(Path(python), version, digest(content), listed)


def digest(content: object) -> str:
    """16 hexadecimal digits that identify a JSON value."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def default_cache() -> Path:
    """The folder in which this user's images are kept, for all workspaces."""
    import platformdirs

    return platformdirs.user_cache_path("kaggle-workspace", appauthor=False) / "images"


def ensure(
    image_txt: Path,
    *,
    python: Path | None,
    cache: Path,
    on_line: Callable[[str], None],
    base: Interpreter | None = None,
    overrides: Path | None = None,
) -> Image:
    """Return the image for a requirements file and an interpreter; make it when the cache has none.

    Args:
        image_txt: a requirements file; not read when `python` is given.
        python: an interpreter that *is* the image; None: the cached environment.
        cache: the folder of the cached environments.
        on_line: called with a line of progress when an environment is made.
        base: the Python to make it from, by default the one that runs this.
        overrides: a file of `name==version` lines that hold whatever other packages demand (uv only). Given, the file is taken
            for one of exact versions: a version that uv can't find is not looked for with pip.

    Raises:
        NotInstalledError: a requirement can't be installed.
        WorkflowError: `python` can't execute notebooks, or a file can't be read.
    """
    if python is not None:
        return _given(python)
    base = base or pythons.own()
    lines = requirement_lines.read_lines(image_txt)
    forced = requirement_lines.read_lines(overrides) if overrides else []
    folder = cache / _key([*lines, *forced], base)
    if (image := cached(folder)) is not None:
        return image

    import filelock

    cache.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(f"{folder}.lock", timeout=_LOCK_LIMIT):
            # Another command may have made it in the meantime.
            return cached(folder) or _make(folder, image_txt, lines, on_line, base, overrides)
    except filelock.Timeout as error:
        raise WorkflowError(
            f"Another command has been making the image in {folder} for half an hour: stop it, then try again."
        ) from error


def cached(folder: Path) -> Image | None:
    """The environment in `folder`; None when it is absent, incomplete, or its interpreter is gone."""
    try:
        image = Image.from_json(json.loads((folder / _COMPLETE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return image if image.python.exists() else None


def _given(python: Path) -> Image:
    try:
        said = subprocess.run(
            [python, "-c", DESCRIBE], capture_output=True, check=True, encoding="utf-8", timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise WorkflowError(
            f"{python} can't be started as Python: pass the path of an interpreter to --python."
        ) from error
    return from_description(said, str(python), f"run '{python} -m pip install {{missing}}'")


def from_description(said: str, name: str, remedy: str) -> Image:
    """Read what `DESCRIBE` printed in an interpreter.

    Args:
        said: its output.
        name: what to call the interpreter in an error.
        remedy: what to do when it can't execute notebooks; `{missing}` becomes the packages.

    Raises:
        WorkflowError: it can't execute notebooks, or printed something else.
    """
    try:
        value = json.loads(said.splitlines()[-1])
        missing = value["missing"]
        found = Image.from_json(value)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise WorkflowError(f"{name} doesn't answer as Python does: choose another interpreter.") from error
    if missing:
        raise WorkflowError(
            f"{name} lacks {' and '.join(missing)}, which run the notebook: {remedy.format(missing=' '.join(missing))}."
        )
    return found


def _key(lines: list[requirement_lines.Line], base: Interpreter) -> str:
    """Name of an environment: changes with its requirements, its interpreter and the kind of machine."""
    content = [
        [line.text for line in lines],
        base.prefix,
        base.version,
        platform.system(),
        platform.machine(),
        ALWAYS,
    ]
    return f"py{base.minor.replace('.', '')}-{digest(content)}"


def _make(
    folder: Path,
    image_txt: Path,
    lines: list[requirement_lines.Line],
    on_line: Callable[[str], None],
    base: Interpreter,
    overrides: Path | None,
) -> Image:
    python = platforms.interpreter(folder)
    requirement_lines.check(lines)
    on_line(f"Making the local image from {image_txt} with Python {base.version}. This happens once.")
    # Made where it stays: a virtual environment can't be moved. The mark of completeness is written last.
    failure = _install(folder, python, image_txt, base, overrides, on_line)
    if failure is not None:
        platforms.remove_tree(folder)
        raise NotInstalledError(requirement_lines.explain(image_txt, lines, failure), failure)
    described = subprocess.run(
        [python, "-c", DESCRIBE, "warm"], capture_output=True, check=True, encoding="utf-8"
    )
    value = {**json.loads(described.stdout.splitlines()[-1]), "python": str(python)}
    temporary = folder / f"{_COMPLETE}.part"
    temporary.write_text(json.dumps(value), encoding="utf-8", newline="\n")
    os.replace(temporary, folder / _COMPLETE)
    image = Image.from_json(value)
    on_line(f"The local image has {len(image.packages)} packages.")
    return image


def _install(
    folder: Path,
    python: Path,
    image_txt: Path,
    base: Interpreter,
    overrides: Path | None,
    on_line: Callable[[str], None],
) -> str | None:
    """Make an environment and install into it, with uv first; what the last installer printed, None when all went well."""
    wanted = ["-r", str(image_txt.resolve()), *ALWAYS]
    where = image_txt.resolve().parent
    if shutil.which("uv") is not None:
        make = ["uv", "venv", "--quiet", "--no-project", "--python", str(base.path), str(folder)]
        install = ["uv", "pip", "install", "--python", str(python), *wanted]
        install += ["--override", str(overrides)] if overrides else []
        # Without a GPU the CPU builds do, at a tenth of the size, where their index can be reached.
        cpu = {} if overrides is None or platforms.gpu_devices() else {"UV_TORCH_BACKEND": "cpu"}
        attempts: list[tuple[dict[str, str], list[str]]] = [(cpu, []), ({}, []), ({}, ["--offline"])]
        for variables, more in attempts if cpu else attempts[1:]:
            platforms.remove_tree(folder)
            failure = _run_all([make, [*install, *more]], where, on_line, variables)
            if failure is None:
                # Compiled now: in the sandbox there is no place to keep byte code. The packages' own tests are half of it.
                compile_all = [str(python), "-m", "compileall", "-qq", "-j", "0", "-x", _TESTS, str(folder)]
                subprocess.run(compile_all, stdin=subprocess.DEVNULL, capture_output=True, check=False)
                return None
            if variables:
                continue
            if overrides and not more and _DECIDED.search(failure):
                return failure
            if not _UNREACHABLE.search(failure):
                break
        on_line("uv could not install it. Trying pip, which has its own settings.")
    platforms.remove_tree(folder)
    with_pip = [
        [str(base.path), "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *wanted],
    ]
    return _run_all(with_pip, where, on_line, {})


def _run_all(
    commands: list[list[str]], folder: Path, on_line: Callable[[str], None], variables: Mapping[str, str]
) -> str | None:
    """Run commands in `folder` until one fails, handing on their progress; its output, None when all went well."""
    for command in commands:
        lines = []
        with subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                lines.append(line)
                if _PROGRESS.match(line):
                    on_line(line.strip())
        if process.returncode != 0:
            return "".join(lines)
    return None
