"""`run`: what the submission notebook does, from the mounts to the look at the submission.

In a scored rerun only three things fail the notebook: an input is missing, the install fails, the entry point exits non-zero.
All else is a warning there: Kaggle is the judge then; the save run was ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from kaggle_shim import inputs, process
from kaggle_shim.context import CODES_VARIABLE, LIGHT_VARIABLE, RERUN_VARIABLE, WORKING_VARIABLE, Context
from kaggle_shim.entry import command_line, duration, failure
from kaggle_shim.errors import EntryPointError, InstallError, PlanError, SubmissionError
from kaggle_shim.machine import image_identity, machine, python_version
from kaggle_shim.plan import Input, Plan, current
from kaggle_shim.report import Report

# Libraries that would otherwise wait for a network that is not there (seen by competitors).
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}

EVALUATION_PACKAGE = "kaggle_evaluation"


def run() -> None:
    """Find what the plan names, install its wheels, run its entry point, look at the submission, write the report.

    Raises:
        PlanError: this notebook carries no plan.
        ShimError: whatever went wrong, in one sentence; the report says it too.
    """
    plan = current()
    if plan is None:
        raise PlanError(
            "This notebook carries no plan: run it with `invoke rehearse`, or push it with `invoke push-sub`."
        )
    working = Path(os.environ.get(WORKING_VARIABLE) or "/kaggle/working")
    # Only a save run can be light: the scored rerun does all of it.
    light = plan.light and not os.environ.get(RERUN_VARIABLE)
    report = Report({"notebook": plan.notebook, "template": plan.template, "light": light})
    try:
        _steps(_context(plan, report, working))
    except BaseException as error:
        report.values["failure"] = str(error) or type(error).__name__
        raise
    finally:
        write_report(report, working)


def _context(plan: Plan, report: Report, working: Path) -> Context:
    try:
        working.mkdir(parents=True, exist_ok=True)
        return Context(plan, report, working)
    except OSError as error:
        raise EntryPointError(
            f"There is no place to work in ({error}): {working} and a temporary folder have to be there and writable."
        ) from error


def write_report(report: Report, working: Path) -> None:
    """Write the report; a disk too full for it is a line in the log."""
    try:
        report.write(working)
    except OSError as error:
        # A full disk must not hide the failure that filled it.
        report.say(f"warning: the run report can't be written ({error}).")


def _steps(run: Context) -> None:
    run.report.values |= {
        "kind": run.kind,
        "python": python_version(),
        "image": image_identity(),
        "machine": machine(),
        "entry": list(run.plan.entry),
    }
    with run.report.phase("mounts"):
        folders = inputs.find(run)
        _look_at_accelerator(run)
    with run.report.phase("codes"):
        tree = inputs.copy_codes(run, folders)
    with run.report.phase("wheels"):
        python, environment = _install(run, folders)
    competition = inputs.competition(run, folders)
    package = _evaluation_package(competition)
    look = _gateway(run, package)
    environment = _entry_environment(run, environment, tree, package)
    with run.report.phase("entry"):
        _run_entry(run, command_line(run.plan.entry, tree, python), environment, look)
    with run.report.phase("submission"), run.forgiving("The submission could not be looked at"):
        _look_at_submission(run, python, environment, competition)
    run.report.say(f"done in {run.used:.1f} s.")


def _look_at_accelerator(run: Context) -> None:
    if run.plan.accelerator != "gpu":
        return
    from kaggle_shim.machine import gpu_names

    names = gpu_names()
    run.report.values["gpus"] = names
    if names:
        run.report.say(f"GPU: {', '.join(names)}.")
        return
    sentence = (
        "The notebook asks for a GPU and has none: look at the accelerator in the metadata and at your quota."
    )
    if run.rehearsal:
        run.report.warn("No GPU here: the entry point runs without the one it will have on Kaggle.")
    else:
        run.fault(EntryPointError(sentence))


def _install(run: Context, folders: Mapping[Input, Path]) -> tuple[str, dict[str, str]]:
    """Lay the wheels over the image; without any, the image's own interpreter runs the entry point."""
    sources = [path for one, path in folders.items() if one.role == "wheels"]
    if not sources:
        run.report.values["wheels"] = []
        return sys.executable, dict(os.environ)
    from kaggle_shim import layering

    laid = layering.lay(sources, run.scratch / "overlay", run.plan.allow)
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
    """What has to be called while the entry point runs when a gateway takes part, None when none does."""
    if run.plan.output == "gateway":
        from kaggle_shim.evaluation import Gateway

        return Gateway(run, package).look
    if package is not None:
        run.report.warn(
            f"{package} is there and workspace.output is file: if a gateway asks this notebook for predictions, "
            "set workspace.output to gateway in invoke.yaml."
        )
    return None


def _entry_environment(
    run: Context, environment: dict[str, str], tree: Path, package: Path | None
) -> dict[str, str]:
    """The environment of the entry point: the notebook's, extended, never replaced."""
    result = {**(OFFLINE if not run.plan.internet else {}), **environment}
    path = [str(tree), str(Path(__file__).resolve().parents[1])]
    if package is not None:
        path.append(str(package.parent))
    path += [part for part in result.get("PYTHONPATH", "").split(os.pathsep) if part]
    result["PYTHONPATH"] = os.pathsep.join(path)
    result["PYTHONUNBUFFERED"] = "1"
    result[CODES_VARIABLE] = str(tree)
    if result.get("MPLBACKEND", "").startswith("module://"):
        # The kernel's own plotting backend makes no sense in a child, and may not be importable there.
        result["MPLBACKEND"] = "Agg"
    if run.plan.light and not run.rerun:
        result[LIGHT_VARIABLE] = "1"
    return {**result, **dict(run.plan.environment)}


def _run_entry(
    run: Context, command: list[str], environment: Mapping[str, str], look: Callable[[], bool] | None
) -> None:
    run.report.say(f"entry point: {' '.join(run.plan.entry)}")
    if run.plan.limit is not None:
        assumed = " assumed" if run.plan.limit_assumed else ""
        run.report.say(f"limit: {duration(run.plan.limit)}{assumed}, {run.used:.0f} s used.")
    try:
        ended = process.run(
            command,
            cwd=run.working,
            environment=environment,
            write=_write_out,
            warn_at=_warning_time(run),
            guard=None if run.plan.guard is None else max(0.0, run.plan.guard - run.used),
            grace=run.plan.grace,
            look=look,
        )
    except OSError as error:
        raise EntryPointError(
            f"The entry point {command[0]} can't be started ({error.strerror or error})."
        ) from error
    run.report.values |= {
        "entry_seconds": round(ended.seconds, 3),
        "exit_code": ended.exit_code,
        "peak_memory": ended.peak_memory,
    }
    if ended.stopped:
        run.report.say("the gateway is done: the entry point was ended.")
    elif ended.guarded:
        _after_guard(run, ended.exit_code)
    elif ended.exit_code != 0:
        raise EntryPointError(failure(run.plan.entry, ended))


def _warning_time(run: Context) -> tuple[float, _Say] | None:
    if run.plan.limit is None:
        return None
    seconds = run.plan.limit * run.plan.warn_share
    sentence = f"{run.plan.warn_share:.0%} of the limit of {duration(run.plan.limit)} are used."
    return max(0.0, seconds - run.used), _Say(run.report, sentence)


def _after_guard(run: Context, exit_code: int) -> None:
    """Say what is the submission of an entry point that was ended, or raise EntryPointError."""
    guard = duration(run.plan.guard or 0.0)
    run.report.values["guarded"] = True
    whole = run.working / run.plan.submission
    partial = run.working / run.plan.partial if run.plan.partial else None
    # It took the signal as a request, or was done at that very moment: what it wrote last is what it wants scored.
    if exit_code == 0 and _written(whole) > (_written(partial) if partial else 0.0):
        run.report.warn(
            f"The entry point was asked to end at the guard time of {guard} and did, with exit code 0: {whole.name} is the submission."
        )
        return
    if partial is None or not partial.is_file():
        lost = f", and the partial file {partial.name} is not there" if partial else ""
        raise EntryPointError(
            f"The entry point was ended at the guard time of {guard}{lost}: make it faster, or raise workspace.guard."
        )
    os.replace(partial, whole)
    run.report.warn(
        f"The entry point was ended at the guard time of {guard}: {partial.name} is the submission."
    )


def _written(path: Path) -> float:
    """When a file was written last, 0 for one that is not there."""
    return path.stat().st_mtime if path.is_file() else 0.0


def _look_at_submission(
    run: Context, python: str, environment: Mapping[str, str], competition: Path | None
) -> None:
    if not run.plan.submission:
        return
    if run.plan.output == "gateway" and run.rerun:
        run.report.say("the gateway writes the submission of a rerun: nothing to look at here.")
        return
    from kaggle_shim import submission

    path = run.working / run.plan.submission
    if run.plan.output == "gateway" and not path.is_file():
        sentence = f"{path.name} is missing in {path.parent}: in a save run this notebook writes it, with run_local_gateway or by itself."
        run.fault(SubmissionError(sentence))
        return
    verdict = submission.look(path, run.plan.check, competition, python, environment)
    run.report.values["submission"] = {
        "name": run.plan.submission,
        "rows": verdict.rows,
        "bytes": path.stat().st_size if path.is_file() else None,
    }
    for sentence in verdict.warnings:
        run.report.warn(sentence)
    for sentence in verdict.errors:
        run.fault(SubmissionError(sentence))


class _Say:
    """A warning to give later, from another thread."""

    def __init__(self, report: Report, sentence: str) -> None:
        self._report = report
        self._sentence = sentence

    def __call__(self) -> None:
        self._report.warn(self._sentence)


def _write_out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
