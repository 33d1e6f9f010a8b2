"""Measure how long a rerun took, and describe how it ended.

Kaggle does not show the run time of a rerun. What can be measured is when it was submitted and between which two requests it
ended: the middle of that gap is the time, half of it the error, and the time in Kaggle's queue is included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kaggle_workflow.durations import spell, spell_measured
from kaggle_workflow.ledger import standing
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.submit import advice

# A measurement with a larger error than this share of itself is useless.
_LARGEST_ERROR = 0.5


@dataclass(frozen=True)
class Measured:
    """Seconds that a rerun took, including its time in the queue, and the error in seconds."""

    seconds: float
    error: float


def measure(submitted: float, last_pending: float | None, first_over: float) -> Measured | None:
    """The time between submission and end of a rerun, None when no command watched it closely enough.

    Args:
        submitted: when it was submitted, in seconds since 1970.
        last_pending: when it was last seen pending.
        first_over: when it was first seen scored or failed.
    """
    begun = max(submitted, last_pending if last_pending is not None else submitted)
    error = max(0.0, first_over - begun) / 2
    seconds = begun + error - submitted
    if seconds <= 0 or error > seconds * _LARGEST_ERROR:
        return None
    # Both are rounded to tenths, so the error is at least one.
    return Measured(round(seconds, 1), max(0.1, math.ceil(error * 10) / 10))


def outcome(one: Submission) -> str:
    """One sentence about a submission that is over."""
    return scored(one) if one.complete else failure(one)


def failure(one: Submission) -> str:
    """A sentence about a failed rerun, and advice."""
    said = (one.error or "Kaggle gives no reason").rstrip(".")
    after = f" after {spell_measured(one.rerun_seconds, one.rerun_error)}" if one.rerun_seconds else ""
    return f"Submission {one.ref} failed{after}: {said}. {advice.for_failure(said)}"


def scored(one: Submission) -> str:
    """A sentence about a scored submission."""
    private = f", private {one.private_score:g}" if one.private_score is not None else ""
    public = f"public {one.public_score:g}" if one.public_score is not None else "without a public score"
    stands = standing.sentence(one)
    return f"Submission {one.ref}: {public}{private}{took(one)}." + (f" {stands}" if stands else "")


def took(one: Submission) -> str:
    """How long the rerun took, as the end of a sentence."""
    if one.rerun_seconds is None:
        return "; the rerun time is unknown, because no command watched it"
    share = f", {one.rerun_seconds / one.limit:.0%} of the limit of {spell(one.limit)}" if one.limit else ""
    spelled = spell_measured(one.rerun_seconds, one.rerun_error)
    return f"; the rerun took {spelled} including its time in the queue{share}"
