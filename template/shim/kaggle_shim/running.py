"""`run`: what the submission notebook does, from the mounts to the look at the submission.

In a scored rerun only three things fail the notebook: an input is missing, the install fails, the entry point exits non-zero.
All else is a warning there: Kaggle is the judge then; the save run was ours.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaggle_shim import codes, mounts, process
from kaggle_shim.entry import command_line, duration, failure
from kaggle_shim.errors import (
    EntryPointError,
    InstallError,
    ManifestError,
    MountError,
    PlanError,
    ShimError,
    SubmissionError,
)
from kaggle_shim.machine import image_identity, machine, python_version
from kaggle_shim.manifest import (
    CODES_MANIFEST,
    DATASET_MANIFEST,
    DEPS_MANIFEST,
    MODEL_MANIFEST,
    Manifest,
    short,
)
from kaggle_shim.plan import Input, Plan, current
from kaggle_shim.refs import CompetitionRef
from kaggle_shim.report import Report

if TYPE_CHECKING:
    from kaggle_shim import evaluation

RERUN_VARIABLE = "KAGGLE_IS_COMPETITION_RERUN"
REHEARSAL_VARIABLE = "KAGGLE_SHIM_REHEARSAL"
LIGHT_VARIABLE = "KAGGLE_SHIM_LIGHT"
CODES_VARIABLE = "KAGGLE_SHIM_CODES"
WORKING_VARIABLE = "KAGGLE_SHIM_WORKING"
TMP_VARIABLE = "KAGGLE_SHIM_TMP"
STARTED_VARIABLE = "KAGGLE_SHIM_STARTED"

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
        _Run(plan, report, working).all()
    except BaseException as error:
        report.values["failure"] = str(error) or type(error).__name__
        raise
    finally:
        write_report(report, working)


def write_report(report: Report, working: Path) -> None:
    """Write the report; a disk too full for it is a line in the log."""
    try:
        report.write(working)
    except OSError as error:
        # A full disk must not hide the failure that filled it.
        report.say(f"warning: the run report can't be written ({error}).")


class _Run:
    """One run: a few facts that every step needs, and the steps."""

    def __init__(self, plan: Plan, report: Report, working: Path) -> None:
        self.plan = plan
        self.report = report
        self.working = working
        self.root = mounts.input_root()
        self.rerun = bool(os.environ.get(RERUN_VARIABLE))
        self.rehearsal = bool(os.environ.get(REHEARSAL_VARIABLE))
        self.started = float(os.environ.get(STARTED_VARIABLE) or time.time())
        self.scratch = _new_folder()
        self.package: Path | None = None
        self.gateway: dict[str, Any] = {}
        self.startup: evaluation.Startup | None = None

    def all(self) -> None:
        kind = "rerun" if self.rerun else "rehearsal" if self.rehearsal else "save run"
        self.report.values |= {
            "kind": kind,
            "python": python_version(),
            "image": image_identity(),
            "machine": machine(),
            "entry": list(self.plan.entry),
        }
        with self.report.phase("mounts"):
            folders = self.find_inputs()
            self.look_at_accelerator()
        with self.report.phase("codes"):
            tree = self.copy_codes(folders)
        with self.report.phase("wheels"):
            python, environment = self.install(folders)
        competition = self.competition(folders)
        self.look_for_gateway(competition)
        environment = self.entry_environment(environment, tree)
        with self.report.phase("entry"):
            self.run_entry(python, environment, tree)
        with self.report.phase("submission"):
            self.look_at_submission(python, environment, competition)
        self.report.say(f"done in {time.time() - self.started:.1f} s.")

    def fault(self, error: ShimError) -> None:
        """Fail a save run or a rehearsal; in a scored rerun, say it and go on."""
        if not self.rerun:
            raise error
        self.report.warn(str(error))

    def find_inputs(self) -> dict[Input, Path]:
        """Every planned input's folder; those of ours are the ones with the planned fingerprint."""
        others = tuple(one.ref for one in self.plan.inputs)
        folders = {}
        for one in self.plan.inputs:
            found = self.locate(one, others)
            if found.note:
                self.report.warn(found.note)
            folders[one] = found.path
        self.report.values["inputs"] = [
            {"ref": str(one.ref), "kind": one.ref.kind, "path": str(path), "fingerprint": one.fingerprint}
            for one, path in folders.items()
        ]
        return folders

    def locate(self, one: Input, others: tuple[object, ...]) -> mounts.Found:
        if one.fingerprint is None:
            return mounts.locate(one.ref, self.root)
        competitions = [ref for ref in others if isinstance(ref, CompetitionRef)]
        try:
            return mounts.locate_ours(one.ref, self.root, _marker(one), one.fingerprint, competitions)
        except MountError as error:
            anyway = self.anything(one)
            if anyway is None:
                raise
            self.fault(error)
            return anyway

    def anything(self, one: Input) -> mounts.Found | None:
        """What is mounted under that reference, whatever its content."""
        try:
            return mounts.locate(one.ref, self.root)
        except MountError:
            return None

    def look_at_accelerator(self) -> None:
        if self.plan.accelerator != "gpu":
            return
        from kaggle_shim.machine import gpu_names

        names = gpu_names()
        self.report.values["gpus"] = names
        if names:
            self.report.say(f"GPU: {', '.join(names)}.")
            return
        sentence = "The notebook asks for a GPU and has none: look at the accelerator in the metadata and at your quota."
        if self.rehearsal:
            self.report.warn("No GPU here: the entry point runs without the one it will have on Kaggle.")
        else:
            self.fault(EntryPointError(sentence))

    def copy_codes(self, folders: Mapping[Input, Path]) -> Path:
        tree = self.scratch / "codes"
        source = next((path for one, path in folders.items() if one.role == "codes"), None)
        if source is None:
            source = _inline_codes(self.plan)
        try:
            manifest, notes = codes.materialise(source, tree)
        except ManifestError as error:
            self.fault(error)
            import shutil

            shutil.copytree(source, tree, dirs_exist_ok=True)
            return tree
        for note in notes:
            self.report.warn(note)
        self.report.values["codes"] = {
            "fingerprint": manifest.fingerprint,
            "commit": manifest.commit,
            "dirty": manifest.dirty,
            "files": len(manifest.files),
        }
        self.report.say(f"codes {short(manifest.fingerprint)}: {len(manifest.files)} files.")
        return tree

    def install(self, folders: Mapping[Input, Path]) -> tuple[str, dict[str, str]]:
        """Lay the wheels over the image; without any, the image's own interpreter runs the entry point."""
        sources = [path for one, path in folders.items() if one.role == "wheels"]
        if not sources:
            self.report.values["wheels"] = []
            return sys.executable, dict(os.environ)
        from kaggle_shim import layering

        laid = layering.lay(sources, self.scratch / "overlay", self.plan.allow)
        for sentence in laid.warnings:
            self.report.warn(sentence)
        self.report.values["wheels"] = laid.wheels
        for sentence in laid.import_failures:
            self.fault(InstallError(sentence))
        if laid.wheels:
            self.report.say(f"{len(laid.wheels)} wheels installed.")
        return laid.python, laid.environment

    def competition(self, folders: Mapping[Input, Path]) -> Path | None:
        for one, path in folders.items():
            if isinstance(one.ref, CompetitionRef) and one.ref.slug == self.plan.competition:
                return path
        return None

    def look_for_gateway(self, competition: Path | None) -> None:
        """Note the competition's evaluation package, and who writes the submission when a gateway takes part."""
        package = None if competition is None else competition / EVALUATION_PACKAGE
        self.package = package if package is not None and package.is_dir() else None
        if self.plan.output != "gateway":
            if self.package is not None:
                self.report.warn(
                    f"{self.package} is there and workspace.output is file: if a gateway asks this notebook for predictions, "
                    "set workspace.output to gateway in invoke.yaml."
                )
            return
        from kaggle_shim import evaluation

        limit = evaluation.startup_limit(self.package)
        writer = evaluation.writer(rerun=self.rerun)
        self.gateway = {
            "package": None if self.package is None else str(self.package),
            "startup_limit": limit,
            "server_up": None,
            "writes": writer,
        }
        self.report.values["gateway"] = self.gateway
        self.report.say(
            f"gateway: {self.plan.submission} is written by {writer}; the server has {duration(limit)} to be up, "
            f"{time.time() - self.started:.1f} s are used."
        )
        self.startup = evaluation.Startup(self.started, self.server_is_up)

    def server_is_up(self, seconds: float) -> None:
        limit = self.gateway["startup_limit"]
        self.gateway["server_up"] = round(seconds, 1)
        sentence = f"the server is up after {seconds:.1f} s of the {duration(limit)} that the gateway waits."
        if seconds > limit * self.plan.warn_share:
            self.report.warn(f"gateway: {sentence} Serve first, load the models in the first call.")
        else:
            self.report.say(f"gateway: {sentence}")

    def entry_environment(self, environment: dict[str, str], tree: Path) -> dict[str, str]:
        """The environment of the entry point: the notebook's, extended, never replaced."""
        result = {**(OFFLINE if not self.plan.internet else {}), **environment}
        path = [str(tree), str(Path(__file__).resolve().parents[1])]
        if self.package is not None:
            path.append(str(self.package.parent))
        path += [part for part in result.get("PYTHONPATH", "").split(os.pathsep) if part]
        result["PYTHONPATH"] = os.pathsep.join(path)
        result["PYTHONUNBUFFERED"] = "1"
        result[CODES_VARIABLE] = str(tree)
        if result.get("MPLBACKEND", "").startswith("module://"):
            # The kernel's own plotting backend makes no sense in a child, and may not be importable there.
            result["MPLBACKEND"] = "Agg"
        if self.plan.light and not self.rerun:
            result[LIGHT_VARIABLE] = "1"
        return {**result, **dict(self.plan.environment)}

    def run_entry(self, python: str, environment: Mapping[str, str], tree: Path) -> None:
        command = command_line(self.plan.entry, tree, python)
        self.report.say(f"entry point: {' '.join(self.plan.entry)}")
        if self.plan.limit is not None:
            assumed = " assumed" if self.plan.limit_assumed else ""
            self.report.say(
                f"limit: {duration(self.plan.limit)}{assumed}, {time.time() - self.started:.0f} s used."
            )
        try:
            ended = process.run(
                command,
                cwd=self.working,
                environment=environment,
                write=_write_out,
                warn_at=self.warning_time(),
                guard=None
                if self.plan.guard is None
                else max(0.0, self.plan.guard - (time.time() - self.started)),
                grace=self.plan.grace,
                look=self.startup,
            )
        except OSError as error:
            raise EntryPointError(
                f"The entry point {command[0]} can't be started ({error.strerror or error})."
            ) from error
        self.report.values |= {
            "entry_seconds": round(ended.seconds, 3),
            "exit_code": ended.exit_code,
            "peak_memory": ended.peak_memory,
        }
        if ended.stopped:
            self.report.say("the gateway is done: the entry point was ended.")
        elif ended.guarded:
            self.use_partial()
        elif ended.exit_code != 0:
            raise EntryPointError(failure(self.plan.entry, ended))

    def warning_time(self) -> tuple[float, _Say] | None:
        if self.plan.limit is None:
            return None
        seconds = self.plan.limit * self.plan.warn_share
        sentence = f"{self.plan.warn_share:.0%} of the limit of {duration(self.plan.limit)} are used."
        return max(0.0, seconds - (time.time() - self.started)), _Say(self.report, sentence)

    def use_partial(self) -> None:
        guard = duration(self.plan.guard or 0.0)
        self.report.values["guarded"] = True
        partial = self.working / self.plan.partial if self.plan.partial else None
        if partial is None or not partial.is_file():
            lost = f", and the partial file {partial.name} is not there" if partial else ""
            raise EntryPointError(f"The entry point was ended at the guard time of {guard}{lost}.")
        os.replace(partial, self.working / self.plan.submission)
        self.report.warn(
            f"The entry point was ended at the guard time of {guard}: {partial.name} is the submission."
        )

    def look_at_submission(
        self, python: str, environment: Mapping[str, str], competition: Path | None
    ) -> None:
        if not self.plan.submission:
            return
        if self.plan.output == "gateway" and self.rerun:
            self.report.say("the gateway writes the submission of a rerun: nothing to look at here.")
            return
        from kaggle_shim import submission

        path = self.working / self.plan.submission
        if self.plan.output == "gateway" and not path.is_file():
            sentence = f"{path.name} is missing in {path.parent}: in a save run this notebook writes it, with run_local_gateway or by itself."
            self.fault(SubmissionError(sentence))
            return
        verdict = submission.look(path, self.plan.check, competition, python, environment)
        self.report.values["submission"] = {
            "name": self.plan.submission,
            "rows": verdict.rows,
            "bytes": path.stat().st_size if path.is_file() else None,
        }
        for sentence in verdict.warnings:
            self.report.warn(sentence)
        for sentence in verdict.errors:
            self.fault(SubmissionError(sentence))


class _Say:
    """A warning to give later, from another thread."""

    def __init__(self, report: Report, sentence: str) -> None:
        self._report = report
        self._sentence = sentence

    def __call__(self) -> None:
        self._report.warn(self._sentence)


def _marker(one: Input) -> str:
    if one.role == "codes":
        return CODES_MANIFEST
    if one.role == "wheels":
        return DEPS_MANIFEST
    return MODEL_MANIFEST if one.ref.kind == "model" else DATASET_MANIFEST


def _inline_codes(plan: Plan) -> Path:
    """The code tree that the first cell unpacked beside the plan."""
    folder = Path(os.environ["KAGGLE_SHIM_PLAN"]).parent / "codes"
    if plan.inline_codes is None or not folder.is_dir():
        raise PlanError(
            "The plan names neither a code dataset nor codes inside the notebook: push the notebook again."
        )
    stated = Manifest.load(folder / CODES_MANIFEST).fingerprint
    if stated != plan.inline_codes:
        raise PlanError(
            f"The codes inside the notebook are {short(stated)}, its plan wants {short(plan.inline_codes)}: push it again."
        )
    return folder


def _new_folder() -> Path:
    """A folder of this run on local disk: not on `/kaggle/working`, all of which is kept as output."""
    import tempfile

    base = os.environ.get(TMP_VARIABLE) or ("/kaggle/tmp" if Path("/kaggle/tmp").is_dir() else None)
    return Path(tempfile.mkdtemp(prefix="kaggle_shim-", dir=base))


def _write_out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
