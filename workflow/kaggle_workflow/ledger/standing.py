"""Where a score stands on the public leaderboard: places, medal lines, and how both are told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kaggle_workflow.ledger.event import Facts, score_of
from kaggle_workflow.ledger.fold import Submission

MEDALS = ("gold", "silver", "bronze")
_LARGE, _MIDDLE, _SMALL = 1000, 250, 100


@dataclass(frozen=True)
class Team:
    """A row of the leaderboard: a team's place, its best public score, and the usernames of its members."""

    rank: int
    score: float
    members: frozenset[str]


def read_board(text: str) -> tuple[Team, ...]:
    """The teams of a leaderboard as Kaggle's CSV lists them, the best first; rows without a score are left out.

    Its columns are Rank, TeamId, TeamName, LastSubmissionDate, Score, SubmissionCount and TeamMemberUserNames (seen in
    published leaderboards). Without the last one, no team is known to be ours.
    """
    teams = []
    for place, row in enumerate(csv.DictReader(io.StringIO(text)), 1):
        score = score_of(row.get("Score"))
        if score is None:
            continue
        names = (row.get("TeamMemberUserNames") or "").replace(";", ",").split(",")
        rank = row.get("Rank") or ""
        teams.append(
            Team(
                int(rank) if rank.isdigit() else place,
                score,
                frozenset(name.strip().lower() for name in names if name.strip()),
            )
        )
    return tuple(teams)


def medal_places(teams: int) -> dict[str, int]:
    """The last place that earns each medal in a competition of so many teams; 0 for none.

    From kaggle.com/progression: 10, 20 and 40 % of fewer than 100 teams; the first 10, 20 and 40 % of fewer than 250; the first
    10 and 0.2 %, 50 and 100 of fewer than 1,000; the first 10 and 0.2 %, 5 and 10 % of more. Percentages are rounded down.
    """
    gold = 10 + teams // 500
    if teams < _SMALL:
        return {"gold": teams // 10, "silver": teams // 5, "bronze": teams * 2 // 5}
    if teams < _MIDDLE:
        return {"gold": 10, "silver": teams // 5, "bronze": teams * 2 // 5}
    if teams < _LARGE:
        return {"gold": gold, "silver": 50, "bronze": 100}
    return {"gold": gold, "silver": teams // 20, "bronze": teams // 10}


def standing_of(
    board: Sequence[Team], accounts: Iterable[str | None], score: float, better: str, *, medals: bool
) -> dict[str, Any]:
    """Fields of an `Event` that say where a score stands; empty for an empty leaderboard.

    Kaggle lists a team's best score only. `team_rank` is the team's place with it, `score_rank` the place that this score alone
    would take: behind every other team whose score is at least as good, since of equal scores the earlier one is ahead; with the
    team's best score, it is not behind the team.

    Args:
        board: the leaderboard.
        accounts: usernames of our team, as far as they are known.
        score: the submission's public score.
        better: `higher` or `lower`.
        medals: whether the competition awards medals.
    """
    if not board:
        return {}
    sign = 1 if better == "higher" else -1
    ours = {account.lower() for account in accounts if account}
    own = next((team for team in board if ours & team.members), None)
    ahead = sum(sign * team.score >= sign * score for team in board if team is not own)
    found: dict[str, Any] = {"teams": len(board), "score_rank": ahead + 1}
    if own is not None:
        found["team_rank"] = own.rank
        if sign * score >= sign * own.score:
            found["score_rank"] = min(ahead + 1, own.rank)
    if medals:
        for medal, place in medal_places(len(board)).items():
            if place > 0:
                found[f"{medal}_score"] = board[place - 1].score
    return found


def medal_of(place: int, teams: int) -> str | None:
    """The medal that a place earns, None for none."""
    return next((medal for medal, last in medal_places(teams).items() if place <= last), None)


def place_of(one: Submission) -> str:
    """The place that a submission's score would take, such as `240/3000 bronze`; empty when it is unknown."""
    if one.score_rank is None or one.teams is None:
        return ""
    medal = _medal(one, one.score_rank, one.teams)
    return f"{one.score_rank}/{one.teams}" + (f" {medal}" if medal else "")


def sentence(one: Submission) -> str:
    """Where a submission's score stood when it arrived; empty when that is unknown."""
    if one.score_rank is None or one.teams is None:
        return ""
    medal = _medal(one, one.score_rank, one.teams)
    parts = [
        f"This score alone is place {one.score_rank:,} of {one.teams:,}" + (f" ({medal})" if medal else "")
    ]
    if one.team_rank is not None:
        parts.append(f"your team's best is place {one.team_rank:,}")
    lines = [
        f"{medal} {score:g}" for medal in MEDALS if (score := getattr(one, f"{medal}_score")) is not None
    ]
    if lines:
        parts.append(f"medal lines: {', '.join(lines)}")
    return "; ".join(parts) + " (public leaderboard)."


def final_sentence(final: Facts | None) -> str:
    """How the competition ended, from the event of `fold.final_of`; empty when that is unknown."""
    if final is None or final.score_rank is None or final.teams is None:
        return ""
    rank, best = final.team_rank, final.score_rank
    ended = (
        f"your team finished in place {_place(final, rank)}"
        if rank is not None
        else "your team is not on the leaderboard"
    )
    alone = f"; your best private score would be place {_place(final, best)}" if best != rank else ""
    return f"The competition is over: {ended} of {final.teams:,}{alone}."


def _place(one: Facts, place: int) -> str:
    medal = _medal(one, place, one.teams or 0)
    return f"{place:,} ({medal})" if medal else f"{place:,}"


def _medal(one: Facts, place: int, teams: int) -> str | None:
    """The medal that the place of a submission's score earns, None for none and for a competition without medals."""
    has_medals = any(getattr(one, f"{medal}_score") is not None for medal in MEDALS)
    return medal_of(place, teams) if has_medals else None
