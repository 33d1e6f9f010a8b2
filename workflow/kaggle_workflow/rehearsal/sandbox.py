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
from collections.abc import Callable, Iterator
from pathlib import Path

from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import container, image, preparing
from kaggle_workflow.rehearsal.inputs import Mount, lay_out
from kaggle_workflow.rehearsal.isolation import Isolation, detect
from kaggle_workflow.rehearsal.runs import Companion, NotebookRun, RunResult
from kaggle_workflow.rehearsal.streaming import Ended, follow

__all__ = ["Companion", "Isolation", "Mount", "NotebookRun", "RunResult", "detect", "execute"]

_TOOLS = ("run_notebook.py", "run_kernel.py", "run_beside.py")


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
        with preparing.prepare(run, isolation, places, scratch, working) as prepared:
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
        raise WorkflowError(f"The container did not start ({said}): fix that, or rehearse without --image.")
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
