"""Which two submissions to select for the end: the candidates, the risk of each, and a proposed pair.

Two, because the rules of Kaggle's competitions say "You may select up to two (2) Final Submissions for judging" (section 2.2 of most
rules pages of 2023 to 2026; old ones said up to 5). No field of kagglesdk 0.1.37 holds the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from kaggle_workflow.ledger import validation
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.ledger.history import HIGHER, Order

PUBLIC, CV, BOTH, DIFFERENT = "best public", "best CV", "best of both", "most different"
_GOOD = 5
# From this correlation on, a second submission adds nothing.
_SAME = 0.9999

Correlations = Mapping[frozenset[str], float]
"""How alike the predictions of two submissions are, by their two references."""


@dataclass(frozen=True)
class Candidate:
    """A submission that may be selected, why, and what speaks against it in one sentence."""

    submission: Submission
    roles: tuple[str, ...]
    risk: str


@dataclass(frozen=True)
class Choice:
    """The candidates, and the proposed pair: two submissions, or one where there is no second."""

    candidates: tuple[Candidate, ...] = ()
    proposed: tuple[Submission, ...] = ()


def good(submissions: Iterable[Submission], ranking: Order) -> tuple[Submission, ...]:
    """The five best submissions by CV and public score together; by public score where most lack a usable CV."""
    scored = _scored(submissions)
    return tuple((_by_both(scored, ranking) or _by(scored, "public_score", ranking))[:_GOOD])


def choose(
    submissions: Iterable[Submission], ranking: Order, correlations: Correlations | None = None
) -> Choice:
    """Choose among the submissions with a public score; failed and pending ones have none.

    The proposed pair is the best in CV and public score together, and the best public score. When these are one submission, the
    second is the good one whose predictions differ most, else the next best. `benchmarks/seasons.py` measures this rule.

    Args:
        submissions: those of one competition, oldest first. Of one notebook version only the newest counts.
        ranking: which score is better.
        correlations: of outputs, as far as they are at hand.
    """
    scored, alike = _scored(submissions), correlations or {}
    if not scored:
        return Choice()
    public, both = _by(scored, "public_score", ranking), _by_both(scored, ranking)
    cv, best = _by(_with_cv(scored), "cv", ranking), good(scored, ranking)
    roles: dict[str, list[str]] = {}
    compared = [pair for pair in combinations(best, 2) if _pair(*pair) in alike]
    apart = min(compared, key=lambda pair: alike[_pair(*pair)], default=())
    for role, found in ((BOTH, both[:1]), (PUBLIC, public[:1]), (CV, cv[:1]), (DIFFERENT, apart)):
        for one in found:
            roles.setdefault(one.ref, []).append(role)
    first = best[0]
    farthest = sorted(
        (one for one in best[1:] if _pair(first, one) in alike), key=lambda one: alike[_pair(first, one)]
    )
    others = [
        one
        for one in (public[0], *farthest, *both, *public)
        if one is not first and alike.get(_pair(first, one), 0.0) < _SAME
    ]
    by_ref = {one.ref: one for one in scored}
    candidates = tuple(
        Candidate(by_ref[ref], tuple(of), _risk(by_ref[ref], of, public, cv)) for ref, of in roles.items()
    )
    return Choice(candidates, (first, *others[:1]))


def hindsight(submissions: Iterable[Submission], ranking: Order) -> str:
    """Which two would have been best by their private scores, and what other choices had given; "" without private scores."""
    scored = [one for one in _scored(submissions) if one.private_score is not None]
    if not scored[1:]:
        return ""
    best = _by(scored, "private_score", ranking)[:2]
    said = f"The best choice was {_named(best)}: private score {_score(best, ranking):g}."
    proposed, public = choose(scored, ranking).proposed, _by(scored, "public_score", ranking)[:2]
    return (
        f"{said} By CV and public score alone, `final` proposes {_named(proposed)}, which gives {_score(proposed, ranking):g}; "
        f"your two best public scores, {_named(public)}, give {_score(public, ranking):g}."
    )


def _scored(submissions: Iterable[Submission]) -> list[Submission]:
    """The newest submission of each notebook version that has a public score."""
    found: dict[tuple[object, ...], Submission] = {}
    for one in submissions:
        if one.public_score is not None:
            version = (
                (one.account, one.notebook, one.notebook_version) if one.notebook_version else (one.ref,)
            )
            found[version] = one
    return list(found.values())


def _by(submissions: Iterable[Submission], score: str, ranking: Order) -> list[Submission]:
    """Those with that score, the best first, of equal ones the earlier."""
    known = [one for one in submissions if getattr(one, score) is not None]
    return sorted(known, key=lambda one: getattr(one, score), reverse=ranking.better == HIGHER)


def _with_cv(scored: Sequence[Submission]) -> list[Submission]:
    """Those whose CV can be used: none where it runs against the public score, else all but the outliers."""
    found = validation.agreement(scored)
    if found is not None and found.high < 0:
        return []
    outliers = found.outliers if found is not None else ()
    return [one for one in scored if one.cv is not None and one.ref not in outliers]


def _by_both(scored: Sequence[Submission], ranking: Order) -> list[Submission]:
    """Those with a CV by the mean of their ranks in CV and public score; none unless most have a CV, and enough to weigh it."""
    usable = _with_cv(scored)
    if len(usable) < validation.FEWEST or 2 * len(usable) <= len(scored):
        return []
    sign = -1 if ranking.better == HIGHER else 1
    cv = validation.ranks([sign * (one.cv or 0.0) for one in usable])
    ranks = validation.ranks([sign * (one.public_score or 0.0) for one in scored])
    public = {one.ref: rank for one, rank in zip(scored, ranks, strict=True)}
    placed = [(cv[at] + public[one.ref], public[one.ref], at) for at, one in enumerate(usable)]
    return [usable[at] for *_, at in sorted(placed)]


def _pair(one: Submission, other: Submission) -> frozenset[str]:
    return frozenset((one.ref, other.ref))


def _risk(
    one: Submission, roles: Sequence[str], public: Sequence[Submission], cv: Sequence[Submission]
) -> str:
    """What speaks against a candidate, in one sentence."""
    if PUBLIC in roles and CV in roles and len(cv) >= validation.FEWEST:
        return "It is first by CV and by public score: little speaks against it."
    by_public = f"ranks {public.index(one) + 1} of {len(public)} by public score"
    by_cv = "has no CV" if one.cv is None else "has a CV that does not fit the others"
    if one.cv is not None and not cv:
        by_cv = "has a CV that runs against the public scores and is not used"
    if one in cv:
        by_cv = f"ranks {cv.index(one) + 1} of {len(cv)} by CV"
    if PUBLIC in roles:
        return f"It {by_cv}: it loses if its score is luck on the public part."
    if CV in roles:
        return f"It {by_public}: it loses if your validation misleads."
    if BOTH in roles:
        return f"It {by_cv} and {by_public}: it loses least if one of the two misleads."
    return f"It {by_public} and {by_cv}: it may hold where the others fail."


def _named(pair: Sequence[Submission]) -> str:
    return " and ".join(one.ref for one in pair)


def _score(pair: Sequence[Submission], ranking: Order) -> float:
    """The private score of a selection: that of the best in it."""
    best = _by(pair, "private_score", ranking)[0]
    return best.private_score or 0.0
