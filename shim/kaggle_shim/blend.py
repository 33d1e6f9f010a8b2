"""The entry point of a blend: run earlier submissions one after the other, then average what they predict.

A member is a folder with `plan.json`, the plan of the notebook that was submitted, and `codes/`, its codes. It runs as its
notebook would, in a child process with the image's own Python: its inputs, its wheels and its settings are its own. In the editor,
where there is no plan, its entry point runs in the editor's environment, in a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kaggle_shim import averaging, entry, inputs, process
from kaggle_shim.blend_file import CODES, FILE, IN_TIME, PLAN, Blend, Member, allowance
from kaggle_shim.context import (
    CODES_VARIABLE,
    PYTHON_VARIABLE,
    REHEARSAL_VARIABLE,
    REPLACED_VARIABLE,
    RERUN_VARIABLE,
    STARTED_VARIABLE,
    TMP_VARIABLE,
    WORKING_VARIABLE,
    Context,
)
from kaggle_shim.errors import BlendError, ShimError
from kaggle_shim.plan import PLAN_VARIABLE, Plan, current
from kaggle_shim.report import BLEND_REPORT_NAME, REPORT_NAME, Report

# Share of the limit in which the members must be done: the rest is for the average and for what the notebook does after it.
_SHARE = 0.95


@dataclass
class _Run:
    """One run of a blend, and what it reports.

    Attributes:
        folder: the blend.
        blend: its `blend.json`.
        plan: the plan of the notebook, None in the editor.
        scratch: a temporary folder.
        working: where the members run: the folder of the notebook, one in `scratch` in the editor.
        plans: each member's plan, by its name.
        members: what each member did, for the report.
        warnings: for the report.
    """

    folder: Path
    blend: Blend
    plan: Plan | None
    scratch: Path
    working: Path
    plans: dict[str, Plan] = field(default_factory=dict)
    members: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.working.mkdir(exist_ok=True)
        self.before = set(self.working.iterdir())
        self.rerun = bool(os.environ.get(RERUN_VARIABLE))

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)
        print(f"kaggle_shim: warning: {sentence}", flush=True)

    def write(self) -> None:
        value = {"how": self.blend.how, "members": self.members, "warnings": self.warnings}
        (self.working / BLEND_REPORT_NAME).write_text(json.dumps(value), encoding="utf-8")


def run(folder: Path) -> None:
    """Run the members of the blend in `folder` and write the average; ends the process with a sentence when that fails."""
    try:
        blend = Blend.load(folder / FILE)
        plan = current()
        if plan is None:
            print(
                "kaggle_shim: no plan here: members run in this environment, without their wheels.",
                flush=True,
            )
        with tempfile.TemporaryDirectory(prefix="kaggle_shim-", dir=os.environ.get(TMP_VARIABLE)) as scratch:
            working = Path.cwd() if plan is not None else Path(scratch) / "working"
            this = _Run(folder, blend, plan, Path(scratch), working)
            try:
                this.plans |= {member.name: _plan(this, member) for member in blend.members}
                _average(this, {one.name: made for one in blend.members if (made := _member(this, one))})
            finally:
                if this.plan is not None:
                    this.write()
    except ShimError as error:
        sys.exit(str(error))


def _plan(this: _Run, member: Member) -> Plan:
    """The plan by which a member runs; raises BlendError when it is gone, or one of its inputs is."""
    path = this.folder / member.name / PLAN
    if not path.is_file():
        raise BlendError(
            f"{this.folder / FILE} names the member {member.name}, and {path} doesn't exist: make the blend again with `invoke blend`."
        )
    own = Plan.loads(path.read_text(encoding="utf-8"))
    if this.plan is None:
        return own
    if os.environ.get(REHEARSAL_VARIABLE):
        # Local counterparts may have changed since they were pushed, as in every rehearsal.
        found = (replace(one, fingerprint=None) if one.role == "data" else one for one in own.inputs)
        own = replace(own, inputs=tuple(found))
    run = Context(own, Report(), this.working)
    try:
        inputs.find_all(run)
    except ShimError as error:
        raise BlendError(
            f"The member {member.name} can't run: {error} If that source no longer exists, make the blend again with `invoke blend`."
        ) from error
    finally:
        run.scratch.rmdir()
    return own


def _average(this: _Run, made: Mapping[str, Path]) -> None:
    """Write the average of the members' submissions, which lie in the scratch folder."""
    if not made:
        raise BlendError("No member of the blend ended in time, so there is nothing to average.")

    def leave_out(name: str, error: BlendError) -> None:
        this.warn(f"{error} {name} is left out of the average.")

    # A scored rerun that fails gets no score at all.
    tables = averaging.read_all(made, this.blend.targets, leave_out if this.rerun else None)
    if not tables:
        raise BlendError("No member of the blend left a table that can be averaged.")
    weights = [member.weight for member in this.blend.members if member.name in tables]
    if not sum(weights):
        this.warn(f"The weights of {', '.join(tables)} are all 0: equal weights are used.")
        weights = [1.0] * len(weights)
    name = this.plan.submission if this.plan is not None else "submission.csv"
    ordered = list(tables.values())
    averaging.write(Path.cwd() / name, ordered[0], averaging.combine(ordered, weights, this.blend.how))
    if this.plan is not None and not this.rerun:
        for member, path in made.items():
            shutil.copyfile(path, this.working / f"{Path(name).stem}-{member}{path.suffix}")
    print(f"kaggle_shim: {name}: {this.blend.how} of {', '.join(tables)}.", flush=True)


def _member(this: _Run, member: Member) -> Path | None:
    """Run a member; returns its submission in the scratch folder, None when it ran out of time and may be left out."""
    number = this.blend.members.index(member)
    place = this.folder / member.name
    own = this.plans[member.name]
    written = this.working / own.submission
    for path in (written, this.working / REPORT_NAME):
        path.unlink(missing_ok=True)
    print(f"kaggle_shim: member {member.name}, {number + 1} of {len(this.blend.members)}.", flush=True)
    command, environment = (
        _here(own, place) if this.plan is None else _as_notebook(this, this.plan, own, place, number)
    )
    ended = process.run_child(
        command, cwd=this.working, environment=environment, write=partial(print, end="", flush=True)
    )
    written_report = this.working / REPORT_NAME
    report = json.loads(written_report.read_text(encoding="utf-8")) if written_report.is_file() else {}
    late = report.get("guarded") is True and ended.exit_code != 0
    this.members.append(
        {
            "name": member.name,
            "weight": member.weight,
            "seconds": round(ended.seconds, 3),
            "peak_memory": report.get("peak_memory"),
            "left_out": late and this.blend.needs == IN_TIME,
        }
    )
    this.warnings += [f"{member.name}: {sentence}" for sentence in report.get("warnings", [])]
    if ended.exit_code == 0 and written.is_file():
        kept = this.scratch / f"{member.name}{written.suffix}"
        shutil.move(written, kept)
        _tidy(this)
        return kept
    if late and this.blend.needs == IN_TIME:
        this.warn(f"The member {member.name} ran out of time and is left out of the average.")
        _tidy(this)
        return None
    said = ended.tail if ended.exit_code else [f"it left no {written.name}"]
    reason = str(report.get("failure") or (said or ["it printed nothing"])[-1])
    raise BlendError(f"The member {member.name} failed: {reason.splitlines()[0]}")


def _tidy(this: _Run) -> None:
    """Remove what a member left: the next one starts in a folder like that of its own notebook."""
    for path in set(this.working.iterdir()) - this.before:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _as_notebook(
    this: _Run, plan: Plan, own: Plan, place: Path, number: int
) -> tuple[list[str], dict[str, str]]:
    """The command and environment that run a member as its notebook was run; `plan` is the blend's, `own` the member's."""
    used = time.time() - float(os.environ.get(STARTED_VARIABLE) or time.time())
    guards = [used + own.guard] if own.guard is not None else []
    if this.blend.needs == IN_TIME and plan.limit is not None:
        left = min(plan.guard or plan.limit, plan.limit) * _SHARE - used
        guards.append(used + allowance(this.blend.members[number:], left))
    own = replace(
        own,
        limit=plan.limit,
        limit_assumed=plan.limit_assumed,
        guard=min(guards, default=None),
        light=plan.light,
        internet=plan.internet,
    )
    (place / f"run-{PLAN}").write_text(own.dumps(), encoding="utf-8")
    environment = _without_own(os.environ, plan)
    environment |= {PLAN_VARIABLE: str(place / f"run-{PLAN}"), WORKING_VARIABLE: str(this.working)}
    return [os.environ.get(PYTHON_VARIABLE) or sys.executable, "-m", "kaggle_shim.blend"], environment


def _without_own(environment: Mapping[str, str], plan: Plan) -> dict[str, str]:
    """The environment of the blend's entry point without its wheels, its codes and its settings."""
    kept = {name: value for name, value in environment.items() if name not in dict(plan.environment)}
    kept |= json.loads(kept.pop(REPLACED_VARIABLE, "{}"))
    image = Path(kept.get(PYTHON_VARIABLE) or sys.executable).parent.parent
    # The image's own Python may lie in a virtual environment, too.
    overlay = kept.pop("VIRTUAL_ENV", None) if kept.get("VIRTUAL_ENV") != str(image) else None
    codes = kept.pop(CODES_VARIABLE, None)
    for name in ("PATH", "PYTHONPATH"):
        paths = kept.get(name, "").split(os.pathsep)
        # The folder of commands has another name on Windows.
        others = (path for path in paths if path != codes and overlay not in (path, str(Path(path).parent)))
        kept[name] = os.pathsep.join(others)
    return kept


def _here(own: Plan, place: Path) -> tuple[list[str], dict[str, str]]:
    """The command and environment that run a member's entry point in this environment."""
    tree = place / CODES
    path = os.pathsep.join([str(tree), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, CODES_VARIABLE: str(tree), **dict(own.environment)}
    return entry.command_line(own.entry, tree, sys.executable), environment


if __name__ == "__main__":
    from kaggle_shim.running import run_planned

    try:
        run_planned()
    except ShimError as problem:
        sys.exit(str(problem))
