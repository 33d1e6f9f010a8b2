"""Prepare where a notebook runs (sandbox, container, or folders of this machine) and the command that starts it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from kaggle_workflow import platforms
from kaggle_workflow.rehearsal import bubblewrap, container, index_settings
from kaggle_workflow.rehearsal.engines import Container
from kaggle_workflow.rehearsal.inputs import Shown
from kaggle_workflow.rehearsal.isolation import Isolation

if TYPE_CHECKING:
    from kaggle_workflow.rehearsal.sandbox import NotebookRun


@dataclass(frozen=True)
class Prepared:
    """A command ready to start.

    Attributes:
        command: the program and its arguments.
        environment: its whole environment.
        marker: the variable and value by which its processes are found on a machine without a sandbox, None where the sandbox ends them.
    """

    command: list[str]
    environment: dict[str, str]
    marker: tuple[str, str] | None


def prepare(
    run: NotebookRun, isolation: Isolation, shown: Shown
) -> contextlib.AbstractContextManager[Prepared]:
    """The command that executes a notebook under the best isolation that was found.

    Args:
        run: what to execute.
        isolation: where it runs.
        shown: the inputs and folders; the scratch folder's `tools` is filled.
    """
    if isolation.container is not None:
        return _contained(run, isolation.container, shown)
    if isolation.bwrap:
        return _isolated(run, isolation, shown)
    return _open(run, shown)


@contextlib.contextmanager
def _isolated(run: NotebookRun, isolation: Isolation, shown: Shown) -> Iterator[Prepared]:
    hosts = run.companion.hosts if run.companion else ()
    bubblewrap.lay_etc(shown.scratch / "etc", internet=run.internet, hosts=hosts)
    prefix = bubblewrap.prefixes(run.python)[0]
    settings = index_settings.read(os.environ, prefix, bubblewrap.HOME) if run.internet else None
    command = bubblewrap.command(isolation, run.python, shown, settings)
    environment = {
        **_common(run.python, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": str(bubblewrap.HOME),
        "PYTHONPATH": "/kaggle/lib/kagglegym:/kaggle/lib",
        **(settings.environment if settings else {}),
        **run.environment,
    }
    program, more = _program(run, run.python, shown.scratch / "tools", bubblewrap.TOOLS)
    yield Prepared([*command, "--", *program], {**environment, **more}, None)


@contextlib.contextmanager
def _contained(run: NotebookRun, chosen: Container, shown: Shown) -> Iterator[Prepared]:
    # The image's own package-index settings lie in the image.
    settings = index_settings.read(os.environ, shown.scratch, Path(container.HOME)) if run.internet else None
    environment = {
        **_everywhere(),
        "HOME": str(container.HOME),
        "PYTHONPATH": "/kaggle/lib/kagglegym:/kaggle/lib",
        **run.environment,
    }
    program, more = _program(
        run, PurePosixPath(run.python.as_posix()), shown.scratch / "tools", container.TOOLS
    )
    start = container.Start(
        container.new_name(), {**environment, **more}, settings, run.companion.hosts if run.companion else ()
    )
    own = container.own_environment(os.environ, internet=run.internet)
    with container.ended(chosen, start.name):
        yield Prepared(container.command(chosen, start, shown, program), own, None)


@contextlib.contextmanager
def _open(run: NotebookRun, shown: Shown) -> Iterator[Prepared]:
    scratch = shown.scratch
    root = scratch / "input"
    root.mkdir()
    for place in shown.places:
        if place.source is None:
            (root / place.target).mkdir(parents=True, exist_ok=True)
        else:
            platforms.link(place.source, root / place.target)
    # A short path: sockets of multiprocessing live in it, and theirs must stay under 108 characters.
    with tempfile.TemporaryDirectory(prefix="kaggle-", ignore_cleanup_errors=True) as temporary:
        home = scratch / "home"
        clean = platforms.clean_environment(home, Path(temporary))
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
            "KAGGLE_SHIM_WORKING": str(shown.working),
            **dict([marker]),
            **(settings.environment if settings else {}),
            **run.environment,
        }
        yield Prepared(_papermill(run.python, scratch / "tools", scratch / "result"), environment, marker)


def _common(python: Path, path: str) -> dict[str, str]:
    drivers = ":".join(platforms.driver_folders())
    return {
        "PATH": os.pathsep.join([str(python.parent), path]),
        **({"LD_LIBRARY_PATH": drivers} if drivers else {}),
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
