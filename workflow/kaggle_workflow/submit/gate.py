"""Checks before a submission is used, on what `looking` read; no network here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kaggle_workflow.durations import spell
from kaggle_workflow.kaggle.values import Limits
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push.looking import Target
from kaggle_workflow.stage import compose


@dataclass(frozen=True)
class Problem:
    """A reason not to submit: its stable name, for `--allow`, and a sentence that says what to do."""

    name: str
    sentence: str


def problems(target: Target, limits: Limits, workspace: str, now: datetime) -> tuple[Problem, ...]:
    """All reasons not to submit that version now, the most serious first.

    Args:
        target: the version.
        limits: the submissions left.
        workspace: id of this workspace.
        now: the time (aware).
    """
    found = [_pushed(target, workspace), _complete(target)]
    if target.run.complete:
        found += [_output(target), _columns(target), _report(target)]
    found += [_internet(target), left(limits, now)]
    return tuple(problem for problem in found if problem is not None)


def notes(target: Target) -> tuple[str, ...]:
    """Remarks that are no reason to stop."""
    said = []
    if (target.report or {}).get("light") is True:
        said.append(
            f"the save run of {target.name} was light: it checked mounts, install and imports, but not a full run."
        )
    if target.columns is not None and target.sample is None:
        said.append(
            f"the competition shows no sample submission, so the columns of {target.file_name} were not compared."
        )
    elif target.columns is not None and target.columns != target.sample and not _differ(target):
        said.append(f"{target.file_name} has the columns of the sample in another order.")
    if target.version != target.newest:
        said.append(f"version {target.newest} of {target.ref.name} is newer than version {target.version}.")
    return tuple(said)


def reset(now: datetime) -> str:
    """When the daily limit resets, as a phrase."""
    midnight = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"00:00 UTC, in {spell((midnight - now).total_seconds())}"


def _pushed(target: Target, workspace: str) -> Problem | None:
    plan = target.plan
    if plan is not None and plan.workspace == workspace and not compose.edited(target.there.text):
        return None
    how = (
        "was not pushed from a workspace"
        if plan is None
        else "was pushed from another workspace"
        if plan.workspace != workspace
        else "was edited on Kaggle after it was pushed"
    )
    return Problem(
        "not-pushed", f"{target.name} {how}: submit a version that was pushed (--version N), or push again"
    )


def _complete(target: Target) -> Problem | None:
    if target.run.complete:
        return None
    if target.run.active:
        sentence = f"{target.name} is {target.run.status.lower()}: submit it when its run is over (invoke ship waits by itself)"
    else:
        said = f", {target.run.message.splitlines()[0]}" if target.run.message else ""
        sentence = f"The run of {target.name} did not complete ({target.run.status.lower()}{said}): find the cause with invoke logs, push a fixed version, and submit that"
    return Problem("run-not-complete", sentence)


def _output(target: Target) -> Problem | None:
    found = next((file for file in target.files if file.name == target.file_name), None)
    if found is None:
        left = ", ".join(sorted(file.name for file in target.files)[:8]) or "nothing"
        return Problem(
            "no-output",
            f"{target.name} has no {target.file_name} in its output ({left}): write that file, or set workspace.submission, then push again",
        )
    if found.size == 0:
        return Problem(
            "empty-output", f"{target.file_name} of {target.name} is empty: fix the run, then push again"
        )
    return None


def _differ(target: Target) -> bool:
    return (
        target.columns is not None and target.sample is not None and set(target.columns) != set(target.sample)
    )


def _columns(target: Target) -> Problem | None:
    if not _differ(target):
        return None
    has, wanted = target.columns or (), target.sample or ()
    lacking = [name for name in wanted if name not in has]
    extra = [name for name in has if name not in wanted]
    parts = [f"missing: {', '.join(lacking)}"] if lacking else []
    parts += [f"unexpected: {', '.join(extra)}"] if extra else []
    return Problem(
        "columns",
        f"{target.file_name} of {target.name} has other columns than the competition's sample ({'; '.join(parts)}): fix them, then push again",
    )


def _report(target: Target) -> Problem | None:
    plan = target.plan
    if plan is None:
        return None
    if not target.report:
        return Problem(
            "unproved-run",
            f"{target.name} left no run report, so what it ran can't be checked: its notebook must call kaggle_shim.run()",
        )
    other = push_answers.ran_other(plan, target.report)
    if other is None:
        return None
    return Problem("other-fingerprint", f"{target.name} {other}: push again, then submit the new version")


def _internet(target: Target) -> Problem | None:
    if not target.there.internet:
        return None
    return Problem(
        "internet-on",
        f"{target.name} has internet access, which code competitions don't allow: set enable_internet to false in "
        f"{target.folder.name}/kernel-metadata.json, then push again",
    )


def left(limits: Limits, now: datetime) -> Problem | None:
    """The problem when no submissions are left; None while Kaggle does not know yet (no team)."""
    if limits.left is None or limits.left > 0:
        return None
    if limits.by_total:
        return Problem(
            "no-submissions-left",
            f"All {limits.total} submissions to this competition are used: choose your final ones on its page",
        )
    return Problem(
        "no-submissions-left",
        f"No submissions left today ({limits.today} used): submit again after {reset(now)}",
    )
