"""One execution of a notebook: what is asked for, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.rehearsal.inputs import Mount


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
