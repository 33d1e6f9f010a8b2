"""`collect`: what the wheel notebook does with its plan, from the requirements inside it to the wheels in its output."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kaggle_shim import mounts
from kaggle_shim.context import WORKING_VARIABLE
from kaggle_shim.errors import PlanError
from kaggle_shim.plan import Plan, current
from kaggle_shim.report import Report, facts

_MAIN = "requirements.txt"


def collect_planned() -> None:
    """Collect the wheels that the plan asks for into the working folder, and write the report.

    Raises:
        PlanError: this notebook carries no plan, or one of another kind.
        MountError: the dataset with the user's own wheels is not mounted.
        CollectError: the wheels can't be resolved, built or proved.
    """
    plan = current()
    if plan is None or plan.role != "deps":
        raise PlanError(
            "This notebook carries no plan for collecting: run it with `invoke rehearse`, or push it with `invoke push-deps`."
        )
    working = Path(os.environ.get(WORKING_VARIABLE) or "/kaggle/working")
    report = Report({"notebook": plan.notebook, "template": plan.template, "kind": "deps"})
    report.values |= facts()
    try:
        _collect(plan, report, working)
    except BaseException as error:
        report.values["failure"] = str(error) or type(error).__name__
        raise
    finally:
        from kaggle_shim.image import write_list

        write_list(working)
        report.write(working)


def _collect(plan: Plan, report: Report, working: Path) -> None:
    from kaggle_shim.collecting import collect

    own = plan.of_role("wheels")
    with report.phase("mounts"):
        wheels = mounts.locate(own[0].ref, mounts.input_root()).path if own else None
    with report.phase("collect"), tempfile.TemporaryDirectory(prefix="kaggle_shim-") as folder:
        for name, text in plan.requirements:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        manifest = collect(
            Path(folder, _MAIN),
            working,
            local_wheels=wheels,
            allow_protected=plan.allow,
            workspace=plan.workspace,
            fingerprint=plan.deps_fingerprint or "",
            say=report.say,
        )
    report.values["wheels"] = [entry.path for entry in manifest.wheels]
