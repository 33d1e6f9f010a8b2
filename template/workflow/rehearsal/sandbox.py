"""Executes a notebook as Kaggle does: by papermill, offline, in a sandbox that shows only what is mounted.

Where the machine has no sandbox the notebook runs without one, with the same folders at other paths; `KAGGLE_SHIM_INPUT`,
`KAGGLE_SHIM_WORKING` and `KAGGLE_SHIM_TMP` say which.
"""

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from workflow import platforms
from workflow.errors import WorkflowError
from workflow.rehearsal import bubblewrap, container, index_settings
from workflow.rehearsal.engines import Container
from workflow.rehearsal.inputs import Mount, Place, lay_out
from workflow.rehearsal.isolation import Isolation, detect
from workflow.rehearsal.streaming import Ended, follow

__all__ = ["Companion", "Isolation", "Mount", "NotebookRun", "RunResult", "detect", "execute"]

_TOOLS = ("run_notebook.py", "run_kernel.py", "run_beside.py")


@dataclass(frozen=True)
class Companion:
    """A program that runs beside the notebook, in the same network and nothing else in common: a competition's gateway.

    Args:
        program: a Python file of this machine, or (a posix path below the input root) a mounted one.
        imports: posix path below the input root of the folder it imports from.
        hosts: names under which each finds the other.
        result: where its working folder goes, with a note on its end in `ended.json`; replaced when it exists.
    """

    program: Path | str
    imports: str
    hosts: tuple[str, ...]
    result: Path


@dataclass(frozen=True)
class NotebookRun:
    """One execution of a notebook.

    Args:
        notebook: the .ipynb to execute; it is not changed.
        python: interpreter of the image's environment (in a container: inside it); has papermill and ipykernel.
        mounts: what lies under /kaggle/input.
        working: becomes /kaggle/working; created when absent, kept as the output.
        internet: whether the notebook may use the network.
        environment: added to the notebook's clean environment (`KAGGLE_KERNEL_RUN_TYPE` and the like).
        limit: seconds after which the whole run is ended; None: no limit.
        executed: where the executed notebook goes; by default beside `working`.
        companion: what runs beside it; only in the sandbox, whose network is its own.
    """

    notebook: Path
    python: Path
    mounts: tuple[Mount, ...]
    working: Path
    internet: bool
    environment: Mapping[str, str]
    limit: float | None = None
    executed: Path | None = None
    companion: Companion | None = None


@dataclass(frozen=True)
class RunResult:
    """What became of a run.

    Args:
        exit_code: 0 only when every cell ran.
        seconds: from the start of the sandbox to its end.
        timed_out: whether `limit` ended it.
        executed: the executed notebook; absent when papermill died before it wrote one.
    """

    exit_code: int
    seconds: float
    timed_out: bool
    executed: Path


@dataclass(frozen=True)
class _Prepared:
    command: list[str]
    environment: dict[str, str]
    marker: tuple[str, str] | None


def execute(run: NotebookRun, isolation: Isolation, on_line: Callable[[str], None]) -> RunResult:
    """Execute a notebook and wait for its end.

    Args:
        run: what to execute.
        isolation: what `detect` returned.
        on_line: called with each line of output, without its end, as it comes.

    Raises:
        WorkflowError: a file is missing, or the sandbox can't be set up.
        KeyboardInterrupt: Ctrl-C; everything that the notebook started has been ended.
    """
    run = _checked(run, isolation)
    places = lay_out(run.mounts)
    run.working.mkdir(parents=True, exist_ok=True)
    working = run.working.resolve()
    executed = run.executed or working.with_name(f"{working.name}-executed.ipynb")
    executed.parent.mkdir(parents=True, exist_ok=True)
    executed.unlink(missing_ok=True)
    last: deque[str] = deque(maxlen=20)

    def take(line: str) -> None:
        last.append(line)
        on_line(line)

    with _scratch(working) as scratch:
        for name in _TOOLS:
            shutil.copyfile(Path(__file__).with_name(name), scratch / "tools" / name)
        shutil.copyfile(run.notebook, scratch / "tools" / "notebook.ipynb")
        with _prepare(run, isolation, places, scratch, working) as prepared:
            process = platforms.start(prepared.command, prepared.environment, working)
            ended = follow(process, run.limit, prepared.marker, take)
        written = scratch / "result" / "executed.ipynb"
        if written.exists():
            shutil.move(written, executed)
        if run.companion is not None:
            platforms.remove_tree(run.companion.result)
            if (scratch / "result" / "gateway").is_dir():
                shutil.copytree(scratch / "result" / "gateway", run.companion.result)
    if not executed.exists():
        lesser = _lesser(isolation, ended, list(last), on_line)
        if lesser is not None:
            return execute(run, lesser, on_line)
    return RunResult(ended.exit_code, ended.seconds, ended.timed_out, executed)


def _checked(run: NotebookRun, isolation: Isolation) -> NotebookRun:
    """The run with an interpreter that has its full name, once everything that it names is seen to be there."""
    inside = isolation.container is not None
    for path, name in ((run.notebook, "The notebook"), (run.python, "The image's interpreter")):
        if not path.exists() and not (inside and path is run.python):
            raise WorkflowError(f"{name} {path} does not exist: check the path.")
    if run.companion is not None and not isolation.complete:
        raise WorkflowError(
            f"What runs beside the notebook is found by names that only the sandbox has. {isolation.missing}"
        )
    if inside:
        return run
    # Not resolved: the interpreter of a virtual environment is a link, and is what it is by its own name.
    return dataclasses.replace(run, python=Path(os.path.normpath(run.python.absolute())))


def _prepare(
    run: NotebookRun, isolation: Isolation, places: list[Place], scratch: Path, working: Path
) -> contextlib.AbstractContextManager[_Prepared]:
    if isolation.container is not None:
        return _contained(run, isolation.container, places, scratch, working)
    if isolation.bwrap:
        return _isolated(run, isolation, places, scratch, working)
    return _open(run, places, scratch, working)


def _lesser(
    isolation: Isolation, ended: Ended, last: list[str], on_line: Callable[[str], None]
) -> Isolation | None:
    """What to try next when the isolated place itself could not be made; None when it was made.

    Raises:
        WorkflowError: it can't be made, and nothing less would be the same.
    """
    if isolation.container is not None and ended.exit_code == container.ENGINE_FAILED:
        said = container.complaint(last)
        if isolation.container.gpu and container.lacks_gpu(said):
            on_line(
                f"warning: the engine can't pass the GPU in ({said}), so this run goes without: install nvidia-container-toolkit."
            )
            return dataclasses.replace(isolation, container=dataclasses.replace(isolation.container, gpu=()))
        raise WorkflowError(f"The container did not start ({said}): mend that, or rehearse without --image.")
    if isolation.bwrap and ended.exit_code != 0 and ended.last_line.startswith("bwrap: "):
        if isolation.overlay and "overlay" in ended.last_line:
            # Not every file system can lie below an overlay; the sandbox itself is not in doubt.
            on_line("The image is read-only in this run: its file system can't carry a writable layer.")
            return dataclasses.replace(isolation, overlay=False)
        raise WorkflowError(
            f"The sandbox could not be set up ({ended.last_line.removeprefix('bwrap: ')}): run 'invoke doctor'."
        )
    return None


@contextlib.contextmanager
def _scratch(working: Path) -> Iterator[Path]:
    """A folder of this run beside `working`: on the same disk, not in memory, and gone afterwards.

    Its name is fixed, so that what a killed run left is removed by the next.
    """
    scratch = working.with_name(f".{working.name}-scratch")
    platforms.remove_tree(scratch)
    for name in ("tmp", "kaggle-tmp", "tools", "result", "home"):
        (scratch / name).mkdir(parents=True)
    (scratch / "tmp").chmod(0o1777)
    try:
        yield scratch
    finally:
        platforms.remove_tree(scratch)


@contextlib.contextmanager
def _isolated(
    run: NotebookRun, isolation: Isolation, places: list[Place], scratch: Path, working: Path
) -> Iterator[_Prepared]:
    hosts = run.companion.hosts if run.companion else ()
    bubblewrap.lay_etc(scratch / "etc", internet=run.internet, hosts=hosts)
    prefix = bubblewrap.prefixes(run.python)[0]
    settings = index_settings.read(os.environ, prefix, bubblewrap.HOME) if run.internet else None
    folders = bubblewrap.Folders(scratch, scratch / "tools", scratch / "result", working)
    command = bubblewrap.command(isolation, run.python, places, folders, settings)
    tools = bubblewrap.TOOLS
    environment = {
        **_common(run.python, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": str(bubblewrap.HOME),
        "PYTHONPATH": "/kaggle/lib/kagglegym:/kaggle/lib",
        **(settings.environment if settings else {}),
        **run.environment,
    }
    program, more = _program(run, run.python, scratch / "tools", tools)
    yield _Prepared([*command, "--", *program], {**environment, **more}, None)


@contextlib.contextmanager
def _contained(
    run: NotebookRun, chosen: Container, places: list[Place], scratch: Path, working: Path
) -> Iterator[_Prepared]:
    # The image's own package-index settings lie in the image.
    settings = index_settings.read(os.environ, scratch, Path(container.HOME)) if run.internet else None
    environment = {
        **_everywhere(),
        "HOME": str(container.HOME),
        "PYTHONPATH": "/kaggle/lib/kagglegym:/kaggle/lib",
        **run.environment,
    }
    program, more = _program(run, PurePosixPath(run.python.as_posix()), scratch / "tools", container.TOOLS)
    start = container.Start(
        container.new_name(), {**environment, **more}, settings, run.companion.hosts if run.companion else ()
    )
    shown = container.Shown(
        places, scratch / "tools", scratch / "result", working, scratch / "kaggle-tmp", scratch / "home"
    )
    own = container.own_environment(os.environ, internet=run.internet)
    with container.ended(chosen, start.name):
        yield _Prepared(container.command(chosen, start, shown, program), own, None)


@contextlib.contextmanager
def _open(run: NotebookRun, places: list[Place], scratch: Path, working: Path) -> Iterator[_Prepared]:
    root = scratch / "input"
    root.mkdir()
    for place in places:
        if place.source is None:
            (root / place.target).mkdir(parents=True, exist_ok=True)
        else:
            platforms.link(place.source, root / place.target)
    # A short path: sockets of multiprocessing live in it, and theirs must stay under 108 characters.
    with tempfile.TemporaryDirectory(prefix="kaggle-", ignore_cleanup_errors=True) as temporary:
        home = scratch / "home"
        clean = platforms.homeless(home, Path(temporary))
        settings = index_settings.read(os.environ, run.python.parent.parent, home) if run.internet else None
        for here, inside in settings.files if settings else ():
            # What does not belong to the home folder lies where it always does.
            if inside.is_relative_to(home):
                platforms.link(here, inside)
        marker = ("KAGGLE_SHIM_TMP", str(scratch / "kaggle-tmp"))
        environment = {
            **clean,
            **_common(run.python, clean["PATH"]),
            # Windows would write and read its own encoding.
            "PYTHONUTF8": "1",
            "KAGGLE_SHIM_INPUT": str(root),
            "KAGGLE_SHIM_WORKING": str(working),
            **dict([marker]),
            **(settings.environment if settings else {}),
            **run.environment,
        }
        yield _Prepared(_papermill(run.python, scratch / "tools", scratch / "result"), environment, marker)


def _common(python: Path, path: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(python.parent), path]),
        **_everywhere(),
    }


def _everywhere() -> dict[str, str]:
    return {
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        # Which of several GPUs to use is the user's to say.
        **{name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ},
    }


def _program(
    run: NotebookRun, python: PurePath, here: Path, tools: PurePath
) -> tuple[list[str], dict[str, str]]:
    """The program that runs the notebook, and its companion, in an isolated place, and variables that go with it.

    Args:
        run: what to run.
        python: the interpreter, as it is called inside.
        here: what becomes `tools/tools`.
        tools: the folder inside that holds `tools` and `result`.
    """
    papermill = _papermill(python, tools / "tools", tools / "result")
    companion = run.companion
    if companion is None:
        return papermill, {}
    root = PurePosixPath("/kaggle/input")
    if isinstance(companion.program, Path):
        shutil.copyfile(companion.program, here / "companion.py")
        program = str(tools / "tools" / "companion.py")
    else:
        program = str(root / companion.program)
    script = str(tools / "tools" / "run_beside.py")
    beside = [
        str(python),
        "-I",
        "-X",
        "utf8",
        script,
        program,
        str(root / companion.imports),
        str(tools / "result"),
    ]
    from kaggle_shim.evaluation import DONE_VARIABLE

    return [*beside, *papermill], {DONE_VARIABLE: str(tools / "result" / "gateway-done")}


def _papermill(python: PurePath, tools: PurePath, result: PurePath) -> list[str]:
    # -I: the notebook's PYTHONPATH is for its kernel, not for papermill.
    return [
        str(python), "-I", "-X", "utf8", "-W", "ignore", str(tools / "run_notebook.py"),
        str(tools / "notebook.ipynb"), str(result / "executed.ipynb"),
    ]  # fmt: skip
