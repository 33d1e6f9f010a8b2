"""`run`: the steps of the submission notebook, from the mounts to the check of the submission.

In a scored rerun only three things fail the notebook: an input is missing, the install fails, the entry point exits non-zero.
Everything else is a warning there, because a failed notebook gets no score at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from kaggle_shim import entry_run, inputs
from kaggle_shim.context import RERUN_VARIABLE, WORKING_VARIABLE, Context
from kaggle_shim.entry import command_line
from kaggle_shim.errors import EntryPointError, InstallError, PlanError, SubmissionError
from kaggle_shim.plan import Input, Plan, current
from kaggle_shim.report import Report, facts, gpu_names

EVALUATION_PACKAGE = "kaggle_evaluation"


def run_planned() -> None:
    """Find the plan's inputs, install its wheels, run its entry point, check the submission, write the report.

    Raises:
        PlanError: this notebook has no plan, or the plan of a wheel notebook.
        ShimError: anything else that went wrong, in one sentence that the report repeats.
    """
    plan = current()
    if plan is None or plan.role == "deps":
        raise PlanError(
            "This notebook carries no plan for running: run it with `invoke rehearse`, or push it with `invoke push-sub`."
        )
    working = Path(os.environ.get(WORKING_VARIABLE) or "/kaggle/working")
    # A scored rerun is never light.
    light = plan.light and not os.environ.get(RERUN_VARIABLE)
    report = Report({"notebook": plan.notebook, "template": plan.template, "light": light})
    # Before the wheels are installed over it.
    of_image = tuple(sys.path)
    try:
        _steps(_context(plan, report, working))
    except BaseException as error:
        report.values["failure"] = str(error) or type(error).__name__
        raise
    finally:
        from kaggle_shim.image import write_list

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
    run.report.values |= {
        "kind": run.kind,
        **facts(),
        "entry": list(run.plan.entry),
    }
    with run.report.phase("mounts"):
        folders = inputs.find_all(run)
        _check_accelerator(run)
    with run.report.phase("codes"):
        tree = inputs.copy_codes(run, folders)
    with run.report.phase("wheels"):
        python, environment = _install(run, folders)
    competition = inputs.competition_folder(run, folders)
    package = _evaluation_package(competition)
    should_end = _gateway(run, package)
    environment = entry_run.environment(run, environment, tree, package, inputs.utility_scripts(run, folders))
    with run.report.phase("entry"):
        entry_run.run_entry(run, command_line(run.plan.entry, tree, python), environment, should_end)
    with run.report.phase("submission"), run.forgiving("The submission could not be checked"):
        _check_submission(run, python, environment, competition)
    run.report.say(f"done in {run.used:.1f} s.")


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


def _install(run: Context, folders: Mapping[Input, Path]) -> tuple[str, dict[str, str]]:
    """Install the wheels over the image; without any, the image's own interpreter runs the entry point."""
    sources = [path for one, path in folders.items() if one.role == "wheels"]
    if not sources:
        run.report.values["wheels"] = []
        return sys.executable, dict(os.environ)
    from kaggle_shim import layering

    laid = layering.install_sources(sources, run.scratch / "overlay", run.plan.allow)
    for sentence in laid.warnings:
        run.report.warn(sentence)
    run.report.values["wheels"] = laid.wheels
    for sentence in laid.import_failures:
        run.fault(InstallError(sentence))
    if laid.wheels:
        run.report.say(f"{len(laid.wheels)} wheels installed.")
    return laid.python, laid.environment


def _evaluation_package(competition: Path | None) -> Path | None:
    package = None if competition is None else competition / EVALUATION_PACKAGE
    return package if package is not None and package.is_dir() else None


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
