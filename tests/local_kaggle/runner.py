"""Runs a saved notebook: the real one through the rehearsal's sandbox, and a fast one for tests of other things."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests.local_kaggle.errors import SetupError

if TYPE_CHECKING:
    from types import ModuleType

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class InputMount:
    """`source`, a local file or folder, appears at /kaggle/input/`target` (a utility script at `../usr/lib/…`); later mounts hide earlier ones."""

    source: Path
    target: str


@dataclass(frozen=True)
class GatewayOrder:
    """The program that asks the notebook in a rerun of an evaluation API.

    Args:
        program: The Python file, as a path below the input root.
        imports: The folder below the input root that it imports from.
        result: Where it works; what it writes stays there.
    """

    program: str
    imports: str
    result: Path


@dataclass(frozen=True)
class RunOrder:
    """One run; the meaning of most fields is that of `kaggle_workflow.rehearsal.sandbox.NotebookRun`.

    Args:
        accelerated: With a GPU or TPU.
        newer: In the newer of two images.
        gpus: Names of the GPUs that `nvidia-smi` lists in the run; empty for what this machine has.
        gateway: What runs beside the notebook.
    """

    notebook: Path
    mounts: tuple[InputMount, ...]
    working: Path
    executed: Path
    internet: bool
    environment: Mapping[str, str]
    limit: float
    accelerated: bool = False
    newer: bool = False
    gpus: tuple[str, ...] = ()
    gateway: GatewayOrder | None = None


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended; `exit_code` is 0 only when every cell ran."""

    exit_code: int
    seconds: float
    timed_out: bool = False


class Runner(Protocol):
    """Executes an order; calls `on_line` for every line of output, whose exceptions end the run."""

    def __call__(self, order: RunOrder, on_line: OnLine) -> RunOutcome:
        """Runs the notebook to its end."""


class SandboxRunner:
    """Runs notebooks through `kaggle_workflow.rehearsal.sandbox`, the code that rehearsal uses."""

    def __init__(self, python: Path, accelerated: Path | None = None, newer: Path | None = None) -> None:
        """`python` is the image's interpreter; it has papermill and ipykernel.

        Whether an accelerator changes the image is [open]: `accelerated` is the interpreter of that other image. `newer` is that
        of the image which replaces both.
        """
        self._python = python
        self._accelerated = accelerated or python
        self._newer = newer

    def python_of(self, order: RunOrder) -> Path:
        """The interpreter of the image that a run gets."""
        if order.newer and self._newer is not None:
            return self._newer
        return self._accelerated if order.accelerated else self._python

    def __call__(self, order: RunOrder, on_line: OnLine) -> RunOutcome:
        """Runs the notebook in the best isolation that this machine gives."""
        sandbox = _sandbox()
        python = self.python_of(order)
        if order.gpus:
            order = _with_gpus(order, python)
        result = sandbox.execute(
            sandbox.NotebookRun(
                notebook=order.notebook,
                python=python,
                mounts=tuple(sandbox.Mount(mount.source, mount.target) for mount in order.mounts),
                working=order.working,
                internet=order.internet,
                environment=order.environment,
                limit=order.limit,
                executed=order.executed,
                companion=_companion(sandbox, order.gateway),
            ),
            sandbox.detect(),
            on_line,
        )
        return RunOutcome(result.exit_code, result.seconds, result.timed_out)


def _with_gpus(order: RunOrder, python: Path) -> RunOrder:
    """The order with an `nvidia-smi` of ours first on the path; nothing can be computed on such a GPU."""
    folder = order.notebook.parent / "nvidia"
    folder.mkdir(exist_ok=True)
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{name}'\n" for name in order.gpus), encoding="utf-8")
    program.chmod(0o755)
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    # The first is its place in the sandbox, the second on a machine without one.
    path = f"/kaggle/usr/lib/nvidia:{folder}:{python.parent}:{system}"
    return dataclasses.replace(
        order,
        mounts=(*order.mounts, InputMount(folder, "../usr/lib/nvidia")),
        environment={**order.environment, "PATH": path},
    )


def _companion(sandbox: ModuleType, gateway: GatewayOrder | None) -> object:
    if gateway is None:
        return None
    return sandbox.Companion(
        gateway.program, gateway.imports, ("gateway", "inference_server"), gateway.result
    )


def _sandbox() -> ModuleType:
    """`kaggle_workflow.rehearsal.sandbox`, imported when a notebook runs."""
    return importlib.import_module("kaggle_workflow.rehearsal.sandbox")


class ScriptedRunner:
    """Runs no notebook: writes what a Python function says, in milliseconds.

    `play` gets the order and returns the lines to log; what it writes into `order.working` is the output. An
    exception fails the run as an exception in a cell would.
    """

    def __init__(self, play: Callable[[RunOrder], list[str]] | None = None) -> None:
        self._play = play or _leave_submission

    def __call__(self, order: RunOrder, on_line: OnLine) -> RunOutcome:
        """Plays the function."""
        order.working.mkdir(parents=True, exist_ok=True)
        try:
            for line in self._play(order):
                on_line(line)
        except (OSError, ValueError, AssertionError) as error:
            on_line(f"{type(error).__name__}: {error}")
            return RunOutcome(1, 0.0)
        return RunOutcome(0, 0.0)


def _leave_submission(order: RunOrder) -> list[str]:
    (order.working / "submission.csv").write_text("id,target\n1,1\n", encoding="utf-8")
    return ["played"]


def no_runner(order: RunOrder, on_line: OnLine) -> RunOutcome:
    """Stands where no interpreter was given: every run fails with a sentence that says so."""
    del order
    on_line("The local Kaggle runs no notebooks: start it with --python, the image's interpreter.")
    return RunOutcome(1, 0.0)


def as_notebook(source: str, kernel_type: str, language: str) -> str:
    """The .ipynb to execute for a saved source; a Python script becomes one cell.

    Raises:
        SetupError: The language is not Python.
    """
    if language.lower() not in ("python", ""):
        raise SetupError(f"The local Kaggle runs Python only, and this notebook's language is {language}.")
    if kernel_type == "notebook":
        return source
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": [cell], "metadata": spec, "nbformat": 4, "nbformat_minor": 4})
