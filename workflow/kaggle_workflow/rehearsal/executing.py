"""One notebook of a rehearsal: what it is told, its lines, and why it failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow.rehearsal import imports, sandbox

REHEARSAL = "rehearsal"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the command line asks of a rehearsal."""

    notebook: str = "sub"
    layout: str = "namespaced"
    entry: tuple[str, ...] = ()
    rerun: bool = False
    without: frozenset[str] = frozenset()
    python: Path | None = None
    require_isolation: bool = False
    without_isolation: bool = False
    force: bool = False
    image: str = ""
    engine: str = ""


def execute(
    run: sandbox.NotebookRun, isolation: sandbox.Isolation, say: Say
) -> tuple[sandbox.RunResult, list[str]]:
    """Run it, showing its lines but those for machines; returns what became of it and its last 200 lines."""
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        del lines[:-200]
        if not line.startswith(LOG_PREFIX):
            say(line)

    return sandbox.execute(run, isolation, show), lines


def environment(*, rerun: bool) -> dict[str, str]:
    """What Kaggle sets in a committed run; the rehearsal's own mark tells the shim that no GPU here is no fault."""
    return {
        "KAGGLE_KERNEL_RUN_TYPE": "Batch",
        "KAGGLE_SHIM_REHEARSAL": "1",
        **({"KAGGLE_IS_COMPETITION_RERUN": "1"} if rerun else {}),
    }


def reason_of(name: str, lines: list[str], result: sandbox.RunResult, failure: object = None) -> str:
    """Why a notebook failed: what the run report says, or the last line that names an error."""
    if isinstance(failure, str) and failure:
        told = f"{name} failed: {failure}"
    else:
        named = [line for line in lines if "Error: " in line and not line.startswith(" ")]
        reason = (
            named[-1].strip() if named else (lines[-1].strip() if lines else f"exit code {result.exit_code}")
        )
        told = f"{name} failed after {result.seconds:.0f} s: {reason}"
    hint = imports.advice(told)
    return told if hint is None else f"{told}\n{hint}"
