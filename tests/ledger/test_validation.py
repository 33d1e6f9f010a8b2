"""Whether CV can be believed, said in words and with an interval that holds."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from kaggle_workflow.ledger import validation
from kaggle_workflow.ledger.fold import Submission, fold
from tests.ledger import samples


def season(pairs: list[tuple[float, float]]) -> list[Submission]:
    """A submission for each pair of CV and public score."""
    (one,) = fold([samples.score(1)])
    return [
        replace(one, ref=str(number), cv=cv, public_score=public) for number, (cv, public) in enumerate(pairs)
    ]


def drawn(seed: int, linked: float, count: int = 40) -> list[tuple[float, float]]:
    """Pairs from a normal distribution with that correlation."""
    source = random.Random(seed)  # noqa: S311 - a season, not a secret
    pairs = []
    for _ in range(count):
        cv = source.gauss(0, 1)
        pairs.append((cv, linked * cv + math.sqrt(1 - linked**2) * source.gauss(0, 1)))
    return pairs


@pytest.mark.parametrize("linked", [0.3, 0.8])
def test_the_interval_covers_the_truth_in_95_of_100_seasons(linked: float) -> None:
    truth = 6 / math.pi * math.asin(linked / 2)
    held = 0
    for seed in range(100):
        found = validation.agreement(season(drawn(seed, linked)))
        assert found is not None
        held += found.low <= truth <= found.high
    assert held >= 95


@pytest.mark.parametrize("count", range(5, 13))
def test_the_interval_of_few_submissions_covers_the_truth(count: int) -> None:
    truth = 6 / math.pi * math.asin(0.8 / 2)
    found = [validation.agreement(season(drawn(seed, 0.8, count))) for seed in range(200)]
    assert sum(one is not None and one.low <= truth <= one.high for one in found) >= 180
    perfect = validation.agreement(season([(number, number) for number in range(count)]))
    assert perfect is not None
    assert perfect.low < perfect.high


def test_fewer_than_five_pairs_say_nothing() -> None:
    assert validation.agreement(season(drawn(1, 0.9, 4))) is None
    assert validation.agreement(season([(0.5, number / 10) for number in range(8)])) is None
    assert validation.sentences(None) == []


@pytest.mark.parametrize(
    ("linked", "said"),
    [(0.95, "choose by CV"), (-0.95, "opposite directions"), (0.7, "in part"), (0.0, "does not predict")],
)
def test_what_it_means_is_said(linked: float, said: str) -> None:
    assert said in " ".join(validation.sentences(validation.agreement(season(drawn(3, linked)))))


def test_a_leak_is_named() -> None:
    pairs = [(number / 20, number / 20 + 0.001 * (-1) ** number) for number in range(20)]
    pairs[7] = (0.99, 0.31)
    found = validation.agreement(season(pairs))
    assert found is not None
    assert found.outliers == ("7",)
    assert found.scatter == pytest.approx(0.0015, abs=0.0005)
    assert any("differ by less than 0.002" in line for line in validation.sentences(found))
    assert any("Far from the others: 7." in line for line in validation.sentences(found))


def test_on_a_line_whatever_is_off_it_is_named() -> None:
    pairs = [(number / 20, number / 20) for number in range(20)]
    pairs[7] = (0.35, 0.5)
    found = validation.agreement(season(pairs))
    assert found is not None
    assert found.outliers == ("7",)
    assert not any("typically" in line for line in validation.sentences(found))


def test_folds_and_the_size_of_the_public_part_say_what_is_chance() -> None:
    submissions = season([(number / 20, number / 20 + 0.02 * (-1) ** number) for number in range(8)])
    assert validation.agreement(submissions, 500) == validation.agreement(submissions)
    # The middle of three has a standard deviation of 0.02.
    for at, step in enumerate((0.01, 0.02, 0.09)):
        folds = tuple(0.5 + step * side for side in (-1, 0, 1))
        submissions[at] = replace(submissions[at], cv_folds=folds, cv_rows=6000)
    submissions[4] = replace(submissions[4], cv_folds=(0.5,), cv_rows=6000)
    found = validation.agreement(submissions, 500)
    assert found is not None
    assert (found.fold_spread, found.cv_error) == pytest.approx((0.02, 0.02 / math.sqrt(3)))
    # A fold has 2,000 rows, four times as many as the public part.
    assert found.noise == pytest.approx(0.04)
    said = " ".join(validation.sentences(found))
    assert "typically spread by 0.02: its CV is known to about 0.012." in said
    share = 0.04**2 / found.spread**2
    assert (
        f"moves by up to 0.04 by chance, its part of the test set being small: that is up to {share:.0%}"
        in said
    )
    told = " ".join(validation.sentences(validation.agreement(submissions)))
    assert "fold scores" in told
    assert "by chance" not in told


def test_equal_scores_share_a_rank() -> None:
    found = validation.agreement(season([(1, 1), (1, 1), (2, 2), (3, 3), (3, 3)]))
    assert found is not None
    assert found.correlation == pytest.approx(1.0)
