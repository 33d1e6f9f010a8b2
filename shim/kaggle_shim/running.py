"""`run` and `collect`: the steps of the submission notebook and of the wheel notebook.

In a scored rerun only three things fail the notebook: an input is missing, the install fails, the entry point exits non-zero.
Everything else is a warning there, because a failed notebook gets no score at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kaggle_shim import entry, inputs, mounts
from kaggle_shim.context import RERUN_VARIABLE, WORKING_VARIABLE, Context
from kaggle_shim.errors import EntryPointError, PlanError, SubmissionError
from kaggle_shim.plan import Plan, current
from kaggle_shim.report import BLEND_REPORT_NAME, Report, facts, gpu_names

EVALUATION_PACKAGE = "kaggle_evaluation"


def run_planned() -> None:
    """Find the plan's inputs, install its wheels, run its entry point, check the submission, write the report.

    Raises:
        PlanError: this notebook has no plan, or the plan of a wheel notebook.
        ShimError: anything else that went wrong, in one sentence that the report repeats.
    """
    plan = _plan_for("sub", "running", "push-sub")
    # A scored rerun is never light.
    light = plan.light and not os.environ.get(RERUN_VARIABLE)
    with _reported(plan, {"light": light}) as (report, working):
        _steps(_context(plan, report, working))


def collect_planned() -> None:
    """Collect the wheels that the plan asks for into the working folder, and write the report.

    Raises:
        PlanError: this notebook has no plan, or the plan of a submission notebook.
        MountError: the dataset with the user's own wheels is not mounted.
        CollectError: the wheels can't be resolved, built or proved.
    """
    plan = _plan_for("deps", "collecting", "push-deps")
    with _reported(plan, {"kind": "deps", **facts()}) as (report, working):
        import tempfile

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
                Path(folder, "requirements.txt"),
                working,
                local_wheels=wheels,
                allow_protected=plan.allow,
                workspace=plan.workspace,
                fingerprint=plan.deps_fingerprint or "",
                say=report.say,
            )
        report.values["wheels"] = [wheel.path for wheel in manifest.wheels]


def _plan_for(role: str, what: str, command: str) -> Plan:
    plan = current()
    if plan is None or plan.role != role:
        raise PlanError(
            f"This notebook carries no plan for {what}: run it with `invoke rehearse`, or push it with `invoke {command}`."
        )
    return plan


@contextmanager
def _reported(plan: Plan, values: dict[str, Any]) -> Iterator[tuple[Report, Path]]:
    """The report and the working folder of a run; however it ends, the report is written."""
    from kaggle_shim.image import write_list

    working = Path(os.environ.get(WORKING_VARIABLE) or "/kaggle/working")
    # Before wheels are installed over the image.
    of_image = tuple(sys.path)
    report = Report({"notebook": plan.notebook, "template": plan.template, **values})
    try:
        yield report, working
    except BaseException as error:
        report.values["failure"] = str(error) or type(error).__name__
        raise
    finally:
        write_list(working, of_image)
        report.write(working)


def _context(plan: Plan, report: Report, working: Path) -> Context:
    try:
        working.mkdir(parents=True, exist_ok=True)
        return Context(plan, report, working)
    except OSError as error:
        raise EntryPointError(
            f"The working folders can't be created ({error}): {working} and a temporary folder must exist and be writable."
        ) from error


def _steps(run: Context) -> None:
    run.report.values |= {"kind": run.kind, **facts(), "entry": list(run.plan.entry)}
    with run.report.phase("mounts"):
        folders = inputs.find_all(run)
        _check_accelerator(run)
    with run.report.phase("codes"):
        tree = inputs.copy_codes(run, folders)
    with run.report.phase("wheels"):
        python, environment = sys.executable, dict(os.environ)
        run.report.values["wheels"] = []
        if sources := [path for one, path in folders.items() if one.role == "wheels"]:
            from kaggle_shim.layering import install_sources

            python, environment = install_sources(run, sources)
    competition = inputs.competition_folder(run, folders)
    package = None if competition is None else competition / EVALUATION_PACKAGE
    package = package if package is not None and package.is_dir() else None
    should_end = _gateway(run, package)
    environment = entry.environment(run, environment, tree, package, inputs.utility_scripts(run, folders))
    with run.report.phase("entry"):
        command = entry.command_line(run.plan.entry, tree, python)
        try:
            entry.run_entry(run, command, environment, should_end)
        finally:
            _add_blend(run)
    with run.report.phase("submission"), run.forgiving("The submission could not be checked"):
        _check_submission(run, python, environment, competition)
    run.report.say(f"done in {run.used:.1f} s.")


def _add_blend(run: Context) -> None:
    """Take the report of a blend's members, which the entry point has printed, into the run's own."""
    path = run.working / BLEND_REPORT_NAME
    if not path.is_file():
        return
    import json

    with run.forgiving("The report of the blend could not be read"):
        blend = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        run.report.warnings += blend.pop("warnings")
        # Each member is a session of its own, in which this process measures no memory.
        peaks = [member["peak_memory"] or 0 for member in blend["members"]]
        run.report.values |= {
            "blend": blend,
            "peak_memory": max([run.report.values.get("peak_memory") or 0, *peaks]),
        }


def _check_accelerator(run: Context) -> None:
    if run.plan.accelerator != "gpu":
        return
    names = gpu_names()
    run.report.values["gpus"] = names
    if names:
        run.report.say(f"GPU: {', '.join(names)}.")
        return
    sentence = (
        "The notebook asks for a GPU and has none: check the accelerator in its metadata and your quota."
    )
    if run.rehearsal:
        run.report.warn("No GPU here: the entry point runs without the one it will have on Kaggle.")
    elif run.interactive:
        run.report.warn(sentence)
    else:
        run.fault(EntryPointError(sentence))


def _gateway(run: Context, package: Path | None) -> Callable[[], bool] | None:
    """What to call while the entry point runs with a gateway; None without one."""
    if run.plan.output == "gateway":
        from kaggle_shim.evaluation import Gateway

        return Gateway(run, package).is_done
    if package is not None:
        run.report.warn(
            f"{package} exists and workspace.output is file: if a gateway asks this notebook for predictions, "
            "set workspace.output to gateway in invoke.yaml."
        )
    return None


def _check_submission(
    run: Context, python: str, environment: Mapping[str, str], competition: Path | None
) -> None:
    if not run.plan.submission:
        return
    if run.plan.output == "gateway" and run.rerun:
        run.report.say("the gateway writes the submission of a rerun: nothing to check here.")
        return
    from kaggle_shim import submission

    path = run.working / run.plan.submission
    if run.plan.output == "gateway" and not path.is_file():
        sentence = f"{path.name} is missing in {path.parent}: in a save run this notebook writes it, with run_local_gateway or by itself."
        run.fault(SubmissionError(sentence))
        return
    verdict = submission.examine(path, run.plan.check, competition, python, environment)
    run.report.values["submission"] = {
        "name": run.plan.submission,
        "rows": verdict.rows,
        "bytes": path.stat().st_size if path.is_file() else None,
    }
    for sentence in verdict.warnings:
        run.report.warn(sentence)
    for sentence in verdict.errors:
        run.fault(SubmissionError(sentence))
