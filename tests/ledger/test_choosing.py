"""Which two submissions are proposed for the end, and what is said of the candidates."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean
from typing import Any

import pytest

from kaggle_workflow.ledger import choosing
from kaggle_workflow.ledger.fold import Submission, fold
from kaggle_workflow.ledger.history import Order
from tests.ledger import samples, seasons

HIGHER, LOWER = Order("higher", assumed=False), Order("lower", assumed=False)


def made(*rows: tuple[float | None, float | None], **fields: Any) -> list[Submission]:
    """A submission for each pair of CV and public score, named a, b, c and so on."""
    (one,) = fold([samples.score(1)])
    return [
        replace(one, ref=chr(ord("a") + at), cv=cv, public_score=public, **fields)
        for at, (cv, public) in enumerate(rows)
    ]


def proposed(submissions: list[Submission], ranking: Order = HIGHER, **more: Any) -> str:
    return "".join(one.ref for one in choosing.choose(submissions, ranking, **more).proposed)


def roles(choice: choosing.Choice) -> dict[str, tuple[str, ...]]:
    return {one.submission.ref: one.roles for one in choice.candidates}


def flipped(submissions: list[Submission]) -> list[Submission]:
    """The same where lower is better."""
    return [
        replace(one, cv=one.cv and -one.cv, public_score=one.public_score and -one.public_score)
        for one in submissions
    ]


STEADY = [(0.70, 0.60), (0.80, 0.72), (0.79, 0.77), (0.74, 0.79), (0.71, 0.66), (0.73, 0.70), (0.76, 0.70)]


def test_without_tuned_copies_the_pair_is_about_as_good_as_the_two_best_public_scores() -> None:
    assert 0 <= mean(seasons.gain(seed, tuned=False) for seed in range(100, 200)) < 0.2


def test_the_pair_is_on_average_no_worse_than_the_two_best_public_scores_in_ten_seasons() -> None:
    gains = [seasons.gain(seed) for seed in range(10)]
    assert mean(gains) >= 0
    assert any(gain != 0 for gain in gains)


@pytest.mark.parametrize("ranking", [HIGHER, LOWER])
def test_the_best_of_both_and_the_best_public_score_are_proposed(ranking: Order) -> None:
    submissions = made(*STEADY) if ranking is HIGHER else flipped(made(*STEADY))
    choice = choosing.choose(submissions, ranking)
    assert [one.ref for one in choice.proposed] == ["c", "d"]
    assert roles(choice) == {"c": (choosing.BOTH,), "d": (choosing.PUBLIC,), "b": (choosing.CV,)}
    risks = {one.submission.ref: one.risk for one in choice.candidates}
    assert risks["d"].startswith("It ranks 4 of 7 by CV: it loses if its score is luck")
    assert risks["b"].startswith("It ranks 3 of 7 by public score: it loses if your validation misleads")
    assert "ranks 2 of 7 by CV and ranks 2 of 7 by public score" in risks["c"]


def test_without_cv_the_two_best_public_scores_are_left_the_earlier_of_equal_ones_first() -> None:
    assert proposed(made((None, 0.5), (None, 0.7), (None, 0.6), (None, 0.7))) == "bd"
    assert proposed(made((None, 0.5), (None, 0.7), (None, 0.6)), LOWER) == "ac"
    assert proposed(made((None, 0.5))) == "a"
    assert proposed([]) == ""


def test_with_few_cvs_the_best_cv_is_a_candidate_and_not_proposed() -> None:
    choice = choosing.choose(made((None, 0.9), (0.5, 0.6), (0.9, 0.5), (None, 0.8)), HIGHER)
    assert [one.ref for one in choice.proposed] == ["a", "d"]
    assert roles(choice) == {"a": (choosing.PUBLIC,), "c": (choosing.CV,)}
    (only,) = choosing.choose(made((0.5, 0.9), (None, 0.8)), HIGHER).candidates
    assert only.risk == "It ranks 1 of 1 by CV: it loses if its score is luck on the public part."


def test_ranks_by_public_score_count_those_without_cv_and_most_need_a_cv() -> None:
    # Among those with a CV, b is second by public score; among all it is the last but one.
    pairs = [(0.80, 0.80), (0.90, 0.70), (0.50, 0.60), (0.60, 0.50), (0.40, 0.40)]
    missing = [(None, 0.79), (None, 0.78), (None, 0.77), (None, 0.76)]
    assert proposed(made(*pairs)) == "ab"
    assert proposed(made((0.90, 0.70), (0.80, 0.75), *pairs[2:], *missing)) == "bf"
    assert proposed(made((0.90, 0.70), *pairs[2:], (0.30, 0.30), *missing, (None, 0.75))) == "fg"


def test_failed_and_pending_submissions_are_no_candidates() -> None:
    lost = made((0.99, None), (0.98, None), status="error")
    assert proposed([*(replace(one, ref=one.ref * 2) for one in lost), *made(*STEADY)]) == "cd"


def test_a_leak_is_not_proposed_and_a_cv_that_runs_the_other_way_is_not_used() -> None:
    line = [(number / 20, number / 20 + 0.001 * (-1) ** number) for number in range(18)]
    leak = choosing.choose(made(*line, (0.99, 0.31)), HIGHER)
    assert "s" not in roles(leak)
    against = choosing.choose(made(*((cv, -public) for cv, public in line)), HIGHER)
    assert [one.ref for one in against.proposed] == ["a", "b"]
    assert set(roles(against)) == {"a"}
    assert "a CV that runs against the public scores and is not used" in against.candidates[0].risk


def test_of_a_version_submitted_twice_only_one_is_chosen() -> None:
    first, again, other = made((None, 0.9), (None, 0.9), (None, 0.8), notebook="me/sub")
    first, again = (replace(one, notebook_version=3) for one in (first, again))
    assert proposed([first, again, replace(other, notebook_version=4)]) == "bc"
    assert proposed([first, replace(again, account="mate"), other]) == "ab"


def test_the_pair_that_differs_most_is_a_candidate_and_equal_predictions_are_no_second_choice() -> None:
    pairs = {frozenset("cd"): 0.99999, frozenset("cb"): 0.97, frozenset("bd"): 0.91}
    choice = choosing.choose(made(*STEADY), HIGHER, pairs)
    assert [one.ref for one in choice.proposed] == ["c", "b"]
    assert roles(choice)["d"] == (choosing.PUBLIC, choosing.DIFFERENT)
    best = made(*STEADY[:2], (0.90, 0.90), *STEADY[3:])
    assert proposed(best, correlations={frozenset("cd"): 0.98, frozenset("cb"): 0.99}) == "cd"
    assert proposed(best, correlations={frozenset("cd"): 0.99, frozenset("cb"): 0.98}) == "cb"
    assert choosing.choose(best, HIGHER).candidates[0].risk.startswith("It is first by CV and by public")


def test_afterwards_the_best_choice_is_named() -> None:
    submissions = made(*STEADY)
    assert choosing.hindsight(submissions, HIGHER) == ""
    private = [
        replace(one, private_score=score)
        for one, score in zip(submissions, (0.5, 0.78, 0.75, 0.7, 0.6, 0.6, 0.6), strict=True)
    ]
    assert choosing.hindsight(private[:1], HIGHER) == ""
    assert choosing.hindsight(private, HIGHER) == (
        "The best choice was b and c: private score 0.78. By CV and public score alone, `final` proposes c and d, which gives 0.75; your two best public scores, "
        "d and c, give 0.75."
    )
