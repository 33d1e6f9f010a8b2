"""Seasons of a competition by numbers: submissions with a skill that nobody sees, and the scores that three samples of data give it."""

import random
from dataclasses import replace
from datetime import timedelta
from statistics import stdev

from kaggle_workflow.ledger import choosing
from kaggle_workflow.ledger.fold import Submission, fold
from kaggle_workflow.ledger.history import Order
from tests.ledger import samples

_FAMILIES = 6


def season(seed: int, count: int = 40, *, tuned: bool = True) -> list[Submission]:
    """A season whose skill grows; how much noise CV and public score have is drawn, each from four levels.

    One submission in twenty has a leak, so its CV is far too good; one in ten is the best public one once more, tuned to the public
    part, if `tuned`; one in seven has no CV; one in twenty failed. The private part has less noise, being larger. In seasons of an odd seed, lower
    scores are better.
    """
    source = random.Random(seed)  # noqa: S311 - a season, not a secret
    sign = 1 - 2 * (seed % 2)
    noise = {"cv": source.choice((0.3, 0.6, 1.0, 2.0)), "public": source.choice((0.3, 0.6, 1.0, 2.0))}
    noise["private"] = 0.4 * noise["public"]
    families = [source.gauss(0, 0.7) for _ in range(_FAMILIES)]
    shared = {name: [source.gauss(0, 0.5) for _ in range(_FAMILIES)] for name in noise}
    (blank,) = fold([samples.score(1)])
    found: list[Submission] = []
    values: list[dict[str, float]] = []
    for number in range(count):
        family = source.randrange(_FAMILIES)
        skill = families[family] + source.gauss(0, 0.6) + 1.5 * number / count
        of = {
            name: skill + size * (shared[name][family] + source.gauss(0, 0.85))
            for name, size in noise.items()
        }
        if source.random() < 1 / 20:
            of["cv"] += 3 + 2 * source.random()
        if source.random() < 1 / 10 and values and tuned:
            best = max(values, key=lambda one: one["public"])
            lucky, worse = abs(source.gauss(0, 0.3 * noise["public"])), abs(source.gauss(0, 0.2))
            of = {
                "public": best["public"] + lucky,
                "private": best["private"] - worse,
                "cv": best["cv"] - worse,
            }
        has_cv, failed = source.random() > 1 / 7, source.random() < 1 / 20
        if not failed:
            values.append(of)
        score = {name: sign * (0.7 + 0.01 * value) for name, value in of.items()}
        found.append(
            replace(
                blank,
                ref=str(number),
                time=samples.START + timedelta(hours=5 * number),
                status="error" if failed else "complete",
                cv=score["cv"] if has_cv else None,
                public_score=None if failed else score["public"],
                private_score=None if failed else score["private"],
            )
        )
    return found


def order(seed: int) -> Order:
    """Which score is better in that season."""
    return Order("lower" if seed % 2 else "higher", assumed=False)


def gain(seed: int, *, tuned: bool = True) -> float:
    """How much better the private score of the proposed pair is than that of the two best public ones.

    The unit is the standard deviation of the season's private scores.
    """
    submissions = season(seed, tuned=tuned)
    scored = [one for one in submissions if one.public_score is not None]
    sign = 1 if order(seed).better == "higher" else -1
    public = sorted(scored, key=lambda one: -sign * (one.public_score or 0.0))[:2]
    proposed = choosing.choose(submissions, order(seed)).proposed
    ours, theirs = (max(sign * (one.private_score or 0.0) for one in pair) for pair in (proposed, public))
    return (ours - theirs) / stdev(one.private_score or 0.0 for one in scored)
