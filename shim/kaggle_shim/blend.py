"""The entry point of a blend: run earlier submissions one after the other, then average what they predict.

A member is a folder with `plan.json`, the plan of the notebook that was submitted, and `codes/`, its codes. It runs as its
notebook would, in a child process with the image's own Python: its inputs, its wheels and its settings are its own. In the editor,
where there is no plan, its entry point runs in the editor's environment.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kaggle_shim import averaging, entry, process
from kaggle_shim.context import (
    CODES_VARIABLE,
    PYTHON_VARIABLE,
    REHEARSAL_VARIABLE,
    RERUN_VARIABLE,
    STARTED_VARIABLE,
    TMP_VARIABLE,
    WORKING_VARIABLE,
)
from kaggle_shim.errors import BlendError, ShimError
from kaggle_shim.plan import PLAN_VARIABLE, Plan, current
from kaggle_shim.report import BLEND_REPORT_NAME, REPORT_NAME

FILE = "blend.json"
PLAN = "plan.json"
CODES = "codes"
NEEDS = ALL, IN_TIME = "all", "in-time"
# Share of the limit in which the members must be done: the rest is for the average and for what the notebook does after it.
_SHARE = 0.95


@dataclass(frozen=True)
class Member:
    """A member of a blend.

    Attributes:
        name: its folder.
        weight: its weight in the average; equal for all members of a plain mean.
        seconds: how long its rerun took, None when not known.
    """

    name: str
    weight: float = 1.0
    seconds: float | None = None


@dataclass(frozen=True)
class Blend:
    """What `blend.json` says.

    Attributes:
        members: the members, in the order in which they run.
        how: `mean`, `weighted` or `rank`.
        targets: the columns to average, empty for all but the first.
        needs: `all` members, or those that end `in-time`: the others are left out of the average.
        cv: the validation score of the blend, None when not known.
    """

    members: tuple[Member, ...]
    how: str = "mean"
    targets: tuple[str, ...] = ()
    needs: str = ALL
    cv: float | None = None

    def dumps(self) -> str:
        """The blend as the text of `blend.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> Blend:
        """Read a `blend.json`; raises BlendError when it can't be read."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            members = tuple(Member(**member) for member in value.pop("members"))
            blend = cls(members, **{**value, "targets": tuple(value.get("targets", ()))})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BlendError(
                f"{path} can't be read as a blend ({type(error).__name__}: {error}): make it again with `invoke blend`."
            ) from error
        for name, choices in (("how", averaging.HOW), ("needs", NEEDS)):
            if getattr(blend, name) not in choices:
                raise BlendError(
                    f"{path}: {name} is {getattr(blend, name)!r}: write one of {', '.join(choices)}."
                )
        return blend


@dataclass
class _Run:
    """One run of a blend, and what it reports."""

    folder: Path
    blend: Blend
    plan: Plan | None
    scratch: Path
    working: Path = field(default_factory=Path.cwd)
    members: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
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
            this = _Run(folder, blend, plan, Path(scratch))
            try:
                _average(this, [made for member in blend.members if (made := _member(this, member))])
            finally:
                if this.plan is not None:
                    this.write()
    except ShimError as error:
        sys.exit(str(error))


def _average(this: _Run, made: Sequence[tuple[Member, Path]]) -> None:
    if not made:
        raise BlendError("No member of the blend ended in time, so there is nothing to average.")
    tables: list[averaging.Table] = []
    weights: list[float] = []
    for member, path in made:
        try:
            table = averaging.read(path, member.name, this.blend.targets)
            tables.append(averaging.aligned(table, (tables or [table])[0]))
            weights.append(member.weight)
        except BlendError as error:
            # A scored rerun that fails gets no score at all.
            if not this.rerun:
                raise
            this.warn(f"{error} {member.name} is left out of the average.")
    if not tables:
        raise BlendError("No member of the blend left a table that can be averaged.")
    name = this.plan.submission if this.plan is not None else "submission.csv"
    averaging.write(this.working / name, tables[0], averaging.combine(tables, weights, this.blend.how))
    for member, path in made:
        shutil.copyfile(path, this.working / f"{Path(name).stem}-{member.name}{path.suffix}")
    print(
        f"kaggle_shim: {name}: {this.blend.how} of {', '.join(table.name for table in tables)}.", flush=True
    )


def _member(this: _Run, member: Member) -> tuple[Member, Path] | None:
    """Run a member; returns its submission in the scratch folder, None when it ran out of time and may be left out."""
    number = this.blend.members.index(member)
    place = this.folder / member.name
    own = Plan.loads((place / PLAN).read_text(encoding="utf-8"))
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
        return member, kept
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
        guards.append(used + left * share(this.blend.members[number:]))
    inputs = own.inputs
    if os.environ.get(REHEARSAL_VARIABLE):
        # Local counterparts may have changed since they were pushed, as in every rehearsal.
        inputs = tuple(replace(one, fingerprint=None) if one.role == "data" else one for one in inputs)
    own = replace(
        own,
        inputs=inputs,
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


def share(members: Sequence[Member]) -> float:
    """The share of the time left that the first member may take: by the members' known times, else the same for each."""
    known = [member.seconds for member in members if member.seconds]
    return known[0] / sum(known) if len(known) == len(members) else 1 / len(members)


def _without_own(environment: Mapping[str, str], plan: Plan) -> dict[str, str]:
    """The environment of the blend's entry point without its wheels, its codes and its settings."""
    kept = {name: value for name, value in environment.items() if name not in dict(plan.environment)}
    overlay = kept.pop("VIRTUAL_ENV", None)
    codes = kept.pop(CODES_VARIABLE, None)
    for name, gone in (("PATH", overlay and os.path.join(overlay, "bin")), ("PYTHONPATH", codes)):  # noqa: PTH118 - as on the path
        kept[name] = os.pathsep.join(path for path in kept.get(name, "").split(os.pathsep) if path != gone)
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
