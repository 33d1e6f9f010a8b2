"""Estimate how long a rerun will take, from earlier reruns and the save run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from kaggle_workflow.durations import spell, spell_measured
from kaggle_workflow.experiments import experiment_of
from kaggle_workflow.ledger.fold import Submission


@dataclass(frozen=True)
class SaveRun:
    """The save run of the version to submit.

    Attributes:
        seconds: its time, according to its report.
        entry_seconds: the entry point's part of that, None when not known.
        rows: rows of its submission, None when not counted.
        light: whether it was a light run.
    """

    seconds: float | None = None
    entry_seconds: float | None = None
    rows: int | None = None
    light: bool = False

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> SaveRun:
        """Read a `run-report.json`; missing values are None."""
        phases = [value for value in (report.get("phases") or {}).values() if isinstance(value, int | float)]
        rows = (report.get("submission") or {}).get("rows")
        entry_seconds = report.get("entry_seconds")
        return cls(
            seconds=float(sum(phases)) if phases else None,
            entry_seconds=float(entry_seconds) if isinstance(entry_seconds, int | float) else None,
            rows=rows if isinstance(rows, int) else None,
            light=report.get("light") is True,
        )


@dataclass(frozen=True)
class Estimate:
    """The estimated time of a rerun.

    Attributes:
        seconds: None when it can't be estimated.
        share: share of the limit, None likewise.
        sentence: the estimate and its basis.
    """

    seconds: float | None
    share: float | None
    sentence: str


def estimate(
    save_run: SaveRun,
    earlier: Iterable[Submission],
    *,
    limit: float,
    hidden_rows: int | None = None,
    entry: tuple[str, ...] = (),
    codes: str | None = None,
    machine_shape: str | None = None,
) -> Estimate:
    """Estimate the rerun of a version.

    The best basis is a rerun of the same codes; then the number of hidden rows, if the user gives it; then the ratio of earlier reruns
    to their save runs. All assume the same machine.

    Args:
        save_run: what the save run took.
        earlier: submissions of the ledger.
        limit: seconds that the competition allows.
        hidden_rows: rows of the hidden test, None when unknown.
        entry: entry point, to prefer reruns of the same experiment.
        codes: fingerprint of the codes.
        machine_shape: accelerator as the metadata names it.
    """
    measured = [
        one for one in earlier if one.rerun_seconds and one.complete and one.machine_shape == machine_shape
    ]
    seconds, ground = (
        _same_codes(measured, codes)
        or _by_rows(save_run, hidden_rows)
        or _by_ratio(save_run, measured, entry)
        or (None, "")
    )
    if seconds is None:
        return Estimate(
            None,
            None,
            f"The rerun's time can't be estimated (limit {spell(limit)}): {_lacking(save_run)}.",
        )
    share = seconds / limit
    sentence = f"The rerun will probably take {spell(seconds)}, {share:.0%} of the limit of {spell(limit)}: {ground}."
    return Estimate(seconds, share, sentence)


def of_blend(members: Sequence[tuple[str, Submission]], limit: float) -> Estimate:
    """Estimate the rerun of a blend, whose members run one after the other: the sum of their own reruns.

    Args:
        members: name and submission of each.
        limit: seconds that the competition allows.

    Returns:
        `share` is that of the known reruns alone when some are not known; `seconds` is None then.
    """
    known = [(name, one, one.rerun_seconds) for name, one in members if one.rerun_seconds]
    total = sum(seconds for _, _, seconds in known)
    told = ", ".join(f"{name} {spell_measured(seconds, one.rerun_error)}" for name, one, seconds in known)
    missing = [name for name, one in members if not one.rerun_seconds]
    if missing:
        rest = f"; the others took {spell(total)} ({told})" if known else ""
        return Estimate(
            None,
            total / limit,
            f"The rerun's time can't be estimated (limit {spell(limit)}): the ledger has no rerun of {', '.join(missing)}{rest}.",
        )
    return Estimate(
        total,
        total / limit,
        f"The rerun will probably take {spell(total)}, {total / limit:.0%} of the limit of {spell(limit)}: the sum of the members' reruns ({told}).",
    )


def _same_codes(measured: Sequence[Submission], codes: str | None) -> tuple[float, str] | None:
    same = [
        one
        for one in measured
        if codes is not None and one.codes is not None and one.codes.fingerprint == codes
    ]
    if not same:
        return None
    last = same[-1]
    seconds = last.rerun_seconds or 0.0
    return (
        seconds,
        f"submission {last.ref} took {spell_measured(seconds, last.rerun_error)} with the same codes",
    )


def _by_rows(save_run: SaveRun, hidden_rows: int | None) -> tuple[float, str] | None:
    if hidden_rows is None or not save_run.rows or save_run.seconds is None or save_run.light:
        return None
    grows = (
        save_run.seconds if save_run.entry_seconds is None else min(save_run.entry_seconds, save_run.seconds)
    )
    seconds = save_run.seconds - grows + grows * hidden_rows / save_run.rows
    ground = f"the save run's entry point took {spell(grows)} for {save_run.rows:,} rows; {hidden_rows:,} rows are assumed to take as long each"
    return seconds, ground


def _by_ratio(
    save_run: SaveRun, measured: Sequence[Submission], entry: tuple[str, ...]
) -> tuple[float, str] | None:
    if not save_run.seconds or save_run.light:
        return None
    usable = [one for one in measured if one.save_run_seconds and not one.light]
    same = [one for one in usable if entry and one.experiment == experiment_of(entry)]
    chosen = same or usable
    if not chosen:
        return None
    ratios = [(one.rerun_seconds or 0.0) / (one.save_run_seconds or 1.0) for one in chosen]
    middle = median(ratios)
    spread = f" ({min(ratios):.1f} to {max(ratios):.1f})" if len(ratios) > 1 else ""
    whose = "rerun of this experiment" if same else "rerun"
    counted = f"{len(chosen)} earlier {whose}s" if len(chosen) > 1 else f"one earlier {whose}"
    return save_run.seconds * middle, f"{counted} took {middle:.1f} times as long as the save run{spread}"


def _lacking(save_run: SaveRun) -> str:
    if save_run.light:
        return "the save run was light, and no rerun of the same codes is in the ledger"
    if save_run.rows:
        return "no earlier rerun is in the ledger; say how many rows the hidden test has with --hidden-rows"
    return "no earlier rerun is in the ledger, and the save run's report has no number of rows"
