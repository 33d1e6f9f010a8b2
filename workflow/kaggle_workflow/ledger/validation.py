"""Whether the score in validation (CV) predicts the public score, from the submissions that have both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import StatisticsError, correlation, median, stdev

from kaggle_workflow.ledger.fold import Submission

FEWEST = 5
_FEWEST_FOLDS = 2
_NORMAL_95 = 1.96
# A normal distribution's standard deviation is this many median absolute deviations.
_MAD = 1.4826
# Iglewicz and Hoaglin's limit for a modified z-score.
_FAR = 3.5
_STRONG = 0.5
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Agreement:
    """How well CV and public score agree.

    Attributes:
        count: submissions that have both.
        correlation: Spearman's rank correlation, and `low` and `high` its 95 % interval.
        spread: standard deviation of the public scores.
        scatter: how far a public score typically lies from what its CV predicts, in points of the public score.
        outliers: references of submissions that lie much further off.
        fold_spread: standard deviation of a submission's fold scores, and `cv_error` what that leaves open about its CV; the
            medians over the submissions with fold scores, None without any.
        noise: how far a public score moves by chance; None without fold scores, their rows, and the rows of the public part.
    """

    count: int
    correlation: float
    low: float
    high: float
    spread: float
    scatter: float
    outliers: tuple[str, ...]
    fold_spread: float | None = None
    cv_error: float | None = None
    noise: float | None = None


def agreement(submissions: Sequence[Submission], public_rows: float | None = None) -> Agreement | None:
    """Compare CV and public scores; None for fewer than five submissions with both, or when one of the two never changes.

    The interval is Fisher's, with the standard error of Bonett and Wright (2000) for ranks. The prediction is Theil and Sen's line,
    which a few outliers don't move. The noise of a public score is that between folds, which shrinks with the root of the rows; it
    holds the difference between trained models, too, so it is an upper bound.

    Args:
        submissions: those to compare.
        public_rows: on how many rows the public score is computed, None when unknown.
    """
    both = [
        (one.ref, one.cv, one.public_score)
        for one in submissions
        if one.cv is not None and one.public_score is not None
    ]
    if len(both) < FEWEST:
        return None
    cvs, scores = [cv for _, cv, _ in both], [score for _, _, score in both]
    try:
        found = correlation(ranks(cvs), ranks(scores))
    except StatisticsError:
        return None
    low, high = _interval(found, len(both))
    slope = median(
        (b - a) / (y - x) for (x, a), (y, b) in combinations(zip(cvs, scores, strict=True), 2) if x != y
    )
    offsets = [score - slope * cv for cv, score in zip(cvs, scores, strict=True)]
    middle = median(offsets)
    spread = stdev(scores)
    # Where most points lie on a line, what arithmetic leaves is no scatter.
    noise = _ROUNDING * spread
    scatter = _MAD * median(abs(offset - middle) for offset in offsets)
    scatter = scatter if scatter > noise else 0.0
    outliers = tuple(
        ref
        for (ref, _, _), offset in zip(both, offsets, strict=True)
        if abs(offset - middle) > max(_FAR * scatter, noise)
    )
    return Agreement(
        len(both), found, low, high, spread, scatter, outliers, *_of_folds(submissions, public_rows)
    )


def sentences(found: Agreement | None) -> list[str]:
    """What the comparison means, in plain words; nothing when there is too little to compare."""
    if found is None:
        return []
    interval = f"95 % interval {found.low:.2f} to {found.high:.2f}"
    said = [
        f"CV against public score, {found.count} submissions: rank correlation {found.correlation:.2f} ({interval}).",
        _verdict(found),
    ]
    if found.scatter:
        said += [
            f"A public score typically lies {found.scatter:.2g} from what its CV predicts; all public scores spread by {found.spread:.2g}.",
            f"Two public scores that differ by less than {math.sqrt(2) * found.scatter:.2g} differ by little more than chance.",
        ]
    if found.fold_spread is not None and found.cv_error is not None:
        said.append(
            f"The fold scores of a submission typically spread by {found.fold_spread:.2g}: its CV is known to about {found.cv_error:.2g}."
        )
    if found.noise is not None:
        share = min(1.0, (found.noise / found.spread) ** 2)
        said.append(
            f"A public score typically moves by up to {found.noise:.2g} by chance, its part of the test set being small: that is up to {share:.0%} "
            "of the spread of your public scores."
        )
    if found.outliers:
        said.append(
            f"Far from the others: {', '.join(found.outliers)}. Look for a leak or a bug in their validation or inference."
        )
    return said


def _of_folds(
    submissions: Sequence[Submission], public_rows: float | None
) -> tuple[float | None, float | None, float | None]:
    """`fold_spread`, `cv_error` and `noise` of an `Agreement`."""
    spreads, errors, noises = [], [], []
    for one in submissions:
        if one.cv_folds is None or len(one.cv_folds) < _FEWEST_FOLDS:
            continue
        spread, count = stdev(one.cv_folds), len(one.cv_folds)
        spreads.append(spread)
        errors.append(spread / math.sqrt(count))
        if one.cv_rows and public_rows:
            noises.append(spread * math.sqrt(one.cv_rows / count / public_rows))
    return _median(spreads), _median(errors), _median(noises)


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _verdict(found: Agreement) -> str:
    if found.low > _STRONG:
        return "Your CV predicts the public score well: choose by CV."
    if found.high < 0:
        return (
            "CV and public score run in opposite directions. If one of the two is better when it is lower, that is fine; "
            "else your validation misleads you."
        )
    if found.low > 0:
        return "Your CV predicts the public score in part: trust large differences in CV only."
    if found.high > _STRONG:
        return "These are too few submissions to tell whether your CV predicts the public score."
    return "Your CV does not predict the public score so far: check how validation splits the data before you choose by it."


def _interval(found: float, count: int) -> tuple[float, float]:
    # Fisher's transformation is infinite at 1: a perfect order counts as one with two neighbours swapped.
    most = 1 - 12 / (count * (count**2 - 1))
    middle = math.atanh(max(-most, min(most, found)))
    error = _NORMAL_95 * math.sqrt((1 + found**2 / 2) / (count - 3))
    return math.tanh(middle - error), math.tanh(middle + error)


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value; equal values share the mean of theirs."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered)))}
    return [first[value] + (ordered.count(value) - 1) / 2 for value in values]
