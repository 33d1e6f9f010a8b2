"""Executes a notebook as Kaggle does: by papermill, offline, in a sandbox that shows only what is mounted.

Where the machine has no sandbox the notebook runs without one, with the same folders at other paths; `KAGGLE_SHIM_INPUT`,
`KAGGLE_SHIM_WORKING` and `KAGGLE_SHIM_TMP` say which.
"""

import contextlib
import dataclasses
import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import container, image, preparing
from kaggle_workflow.rehearsal.inputs import Mount, Shown, lay_out
from kaggle_workflow.rehearsal.isolation import Isolation, detect
from kaggle_workflow.rehearsal.streaming import Ended, Stopped, follow, never

__all__ = ["Companion", "Isolation", "Mount", "NotebookRun", "RunResult", "detect", "execute"]


@dataclass(frozen=True)
class Companion:
    """A program that runs beside the notebook and shares only its network: a competition's gateway.

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
    """Result of a run.

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


_TOOLS = ("run_notebook.py", "run_kernel.py", "run_beside.py")


def execute(
    run: NotebookRun, isolation: Isolation, on_line: Callable[[str], None], stopped: Stopped = never
) -> RunResult:
    """Execute a notebook and wait for its end.

    Args:
        run: what to execute.
        isolation: what `detect` returned.
        on_line: called with each line of output, without its end, as it comes.
        stopped: whether to end it now, for a run in a thread, which Ctrl-C doesn't reach.

    Raises:
        WorkflowError: a file is missing, or the sandbox can't be set up.
        KeyboardInterrupt: Ctrl-C or `stopped`; everything that the notebook started has been ended.
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
        with preparing.prepare(run, isolation, Shown(places, scratch, working)) as prepared:
            process = platforms.start(prepared.command, prepared.environment, working)
            ended = follow(process, run.limit, prepared.marker, take, stopped)
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
            return execute(run, lesser, on_line, stopped)
    return RunResult(ended.exit_code, ended.seconds, ended.timed_out, executed)


def _checked(run: NotebookRun, isolation: Isolation) -> NotebookRun:
    """Check that everything the run names exists; return it with the interpreter's full path."""
    inside = isolation.container is not None
    for path, name in ((run.notebook, "The notebook"), (run.python, "The image's interpreter")):
        if not path.exists() and not (inside and path is run.python):
            raise WorkflowError(f"{name} {path} doesn't exist: check the path.")
    if run.companion is not None and not isolation.complete:
        raise WorkflowError(
            f"A gateway needs the host names that only the sandbox gives. {isolation.missing}"
        )
    if inside:
        return run
    # Not resolved: the interpreter of a virtual environment is a link, and is what it is by its own name.
    return dataclasses.replace(run, python=Path(os.path.normpath(run.python.absolute())))


def _lesser(
    isolation: Isolation, ended: Ended, last: list[str], on_line: Callable[[str], None]
) -> Isolation | None:
    """The isolation to try next if this one couldn't be set up; None if it could.

    Raises:
        WorkflowError: it can't be made, and nothing less would be the same.
    """
    if isolation.container is not None and ended.exit_code == container.ENGINE_FAILED:
        said = container.complaint(last)
        if isolation.container.gpu and container.lacks_gpu(said):
            on_line(
                f"warning: the engine can't give the container the GPU ({said}), so this run has none: install nvidia-container-toolkit."
            )
            return dataclasses.replace(isolation, container=dataclasses.replace(isolation.container, gpu=()))
        raise WorkflowError(f"The container didn't start ({said}): fix that, or rehearse without --image.")
    if isolation.bwrap and ended.exit_code != 0 and ended.last_line.startswith("bwrap: "):
        if isolation.overlay and "overlay" in ended.last_line:
            # Not every file system can lie below an overlay; the sandbox itself is not in doubt.
            on_line(
                "The image is read-only in this run, because its file system doesn't support a writable layer."
            )
            return dataclasses.replace(isolation, overlay=False)
        raise WorkflowError(
            f"The sandbox couldn't be set up ({ended.last_line.removeprefix('bwrap: ')}): run 'invoke doctor'."
        )
    return None


@contextlib.contextmanager
def _scratch(working: Path) -> Iterator[Path]:
    """A folder of this run beside `working`: on the same disk, not in memory, and gone afterwards.

    Its name is fixed, so that what a killed run left is removed by the next.
    """
    scratch = _folders(working.with_name(f".{working.name}-scratch"))
    if not platforms.keeps_modes(scratch / "probe"):
        # Jupyter refuses to run there, and no environment can be made: a USB stick keeps neither modes nor links.
        platforms.remove_tree(scratch)
        elsewhere = image.default_cache().with_name("runs")
        scratch = _folders(elsewhere / hashlib.sha256(os.fsencode(working)).hexdigest()[:16])
    try:
        yield scratch
    finally:
        platforms.remove_tree(scratch)


def _folders(scratch: Path) -> Path:
    platforms.remove_tree(scratch)
    for name in ("tmp", "kaggle-tmp", "tools", "result", "home", "probe"):
        (scratch / name).mkdir(parents=True)
    platforms.set_mode(scratch / "tmp", 0o1777)
    return scratch
