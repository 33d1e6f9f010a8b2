"""Run one notebook of a rehearsal, and explain its failure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim.report import LOG_PREFIX, REPORT_NAME
from kaggle_workflow.errors import RunFailed
from kaggle_workflow.files import read_object
from kaggle_workflow.images import catalogue
from kaggle_workflow.rehearsal import sandbox
from kaggle_workflow.rehearsal.streaming import Stopped, never
from kaggle_workflow.workspace import Notebook

REHEARSAL = "rehearsal"

Say = Callable[[str], None]
_NO_MODULE = re.compile(r"No module named '(?P<module>[\w.]+)'")


@dataclass(frozen=True)
class Options:
    """What the command line asks of a rehearsal."""

    notebook: str = "sub"
    layout: str = "namespaced"
    entry: tuple[str, ...] = ()
    rerun: bool = False
    light: bool = False
    without: frozenset[str] = frozenset()
    python: Path | None = None
    require_isolation: bool = False
    without_isolation: bool = False
    force: bool = False
    image: str = ""
    engine: str = ""


def complete(
    notebook: Notebook,
    run: sandbox.NotebookRun,
    isolation: sandbox.Isolation,
    say: Say,
    stopped: Stopped = never,
) -> dict[str, Any]:
    """Run a notebook to its end; returns its run report, {} without one. Raises RunFailed."""
    result, lines = execute(run, isolation, say, stopped)
    report = read_object(run.working / REPORT_NAME)
    if result.timed_out:
        raise RunFailed(
            f"{notebook.name} was stopped after {result.seconds:.0f} s, the limit set by workspace.limit."
        )
    if result.exit_code != 0:
        raise RunFailed(reason_of(notebook, lines, result, report.get("failure")))
    return report


def execute(
    run: sandbox.NotebookRun, isolation: sandbox.Isolation, say: Say, stopped: Stopped = never
) -> tuple[sandbox.RunResult, list[str]]:
    """Run a notebook and show its output, except lines for machines; return the result and the last 200 lines."""
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        del lines[:-200]
        if not line.startswith(LOG_PREFIX):
            say(line)

    return sandbox.execute(run, isolation, show, stopped), lines


def environment(*, rerun: bool) -> dict[str, str]:
    """Variables that Kaggle sets in a save run, and one that tells the shim that a missing GPU is no error here."""
    return {
        "KAGGLE_KERNEL_RUN_TYPE": "Batch",
        "KAGGLE_SHIM_REHEARSAL": "1",
        **({"KAGGLE_IS_COMPETITION_RERUN": "1"} if rerun else {}),
    }


def reason_of(notebook: Notebook, lines: list[str], result: sandbox.RunResult, failure: object = None) -> str:
    """Why a notebook failed: what the run report says, or the last line that names an error."""
    name = notebook.name
    if isinstance(failure, str) and failure:
        told = f"{name} failed: {failure}"
    else:
        named = [line for line in lines if "Error: " in line and not line.startswith(" ")]
        reason = (
            named[-1].strip() if named else (lines[-1].strip() if lines else f"exit code {result.exit_code}")
        )
        told = f"{name} failed after {result.seconds:.0f} s: {reason}"
    hint = _advice(told, catalogue.accelerator_of(notebook.metadata))
    return told if hint is None else f"{told}\n{hint}"


def _advice(text: str, accelerator: str) -> str | None:
    """What to do about the failed import in `text`, None when there is none."""
    match = _NO_MODULE.search(text)
    if match is None:
        return None
    module = match["module"].split(".")[0]
    package = catalogue.load(catalogue.DEFAULT, accelerator).imports.get(module)
    if package is not None:
        return f"Kaggle's image has {package}, the local one doesn't: add {package} to deps/image.txt."
    package = catalogue.distribution_of(module) or module
    return (
        f"If {package} is a package that Kaggle's image lacks, add it to deps/requirements.txt; if the image has it, to "
        "deps/image.txt. If it's a module of yours, check that it's in codes/."
    )
