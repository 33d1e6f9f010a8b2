"""What every step of a run needs: the plan, the folders, the kind of run, and how strict to be."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kaggle_shim import mounts
from kaggle_shim.errors import ShimError
from kaggle_shim.plan import Plan
from kaggle_shim.report import Report

RERUN_VARIABLE = "KAGGLE_IS_COMPETITION_RERUN"
RUN_TYPE_VARIABLE = "KAGGLE_KERNEL_RUN_TYPE"
REHEARSAL_VARIABLE = "KAGGLE_SHIM_REHEARSAL"
LIGHT_VARIABLE = "KAGGLE_SHIM_LIGHT"
CODES_VARIABLE = "KAGGLE_SHIM_CODES"
WORKING_VARIABLE = "KAGGLE_SHIM_WORKING"
TMP_VARIABLE = "KAGGLE_SHIM_TMP"
STARTED_VARIABLE = "KAGGLE_SHIM_STARTED"
# The image's own interpreter, without the wheels that the entry point has.
PYTHON_VARIABLE = "KAGGLE_SHIM_PYTHON"
# JSON: the values of variables that the plan's own replaced, for the members of a blend.
REPLACED_VARIABLE = "KAGGLE_SHIM_REPLACED"


class Context:
    """The facts of one run.

    Attributes:
        plan: what to find, run and leave behind.
        report: collects what the run reports.
        working: `/kaggle/working`, where the submission must be.
        root: the input root.
        scratch: a folder of this run on local disk, not kept as output.
        rerun: whether this is the scored rerun.
        rehearsal: whether this is the developer's machine.
        interactive: whether this is an interactive session on Kaggle, which is never submitted.
        started: when the notebook's first cell ran, in seconds of the epoch.
    """

    def __init__(self, plan: Plan, report: Report, working: Path) -> None:
        """Take the rest from the environment, and make the scratch folder outside `working`, all of which is kept as output."""
        import tempfile

        self.plan = plan
        self.report = report
        self.working = working
        self.root = mounts.input_root()
        self.rerun = bool(os.environ.get(RERUN_VARIABLE))
        self.rehearsal = bool(os.environ.get(REHEARSAL_VARIABLE))
        self.interactive = os.environ.get(RUN_TYPE_VARIABLE) == "Interactive"
        self.started = float(os.environ.get(STARTED_VARIABLE) or time.time())
        base = os.environ.get(TMP_VARIABLE) or ("/kaggle/tmp" if Path("/kaggle/tmp").is_dir() else None)
        self.scratch = Path(tempfile.mkdtemp(prefix="kaggle_shim-", dir=base))

    @property
    def kind(self) -> str:
        """The kind of run, as the report names it."""
        if self.rerun:
            return "rerun"
        if self.rehearsal:
            return "rehearsal"
        return "interactive session" if self.interactive else "save run"

    @property
    def used(self) -> float:
        """Seconds since the notebook began."""
        return time.time() - self.started

    def fault(self, error: ShimError) -> None:
        """Fail a save run or a rehearsal; in a scored rerun, warn and continue."""
        if not self.rerun:
            raise error
        self.report.warn(str(error))

    @contextmanager
    def forgiving(self, what: str) -> Iterator[None]:
        """In a scored rerun, turn any error inside into a warning: it must not cost the submission."""
        try:
            yield
        except Exception as error:
            if not self.rerun:
                raise
            self.report.warn(f"{what}: {error or type(error).__name__}")
