"""What a score means on the public leaderboard: the place, the medal lines, and what is said where Kaggle shows none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaggle_workflow.ledger import history, standing
from kaggle_workflow.submit import refreshing
from tests.local_kaggle import faults
from tests.push.conftest import COMPETITION
from tests.submit.conftest import Desk

TEAMS = 3000


def others(desk: Desk, scores: list[float], **settings: object) -> None:
    """Fill the leaderboard with other teams, and change the competition's settings."""
    folder = Path(desk.kaggle.root) / "competitions" / COMPETITION
    rows = "".join(f"team {number},{score}\n" for number, score in enumerate(scores))
    (folder / "teams.csv").write_text(f"team,public\n{rows}", encoding="utf-8")
    file = folder / "competition.json"
    file.write_text(
        json.dumps({**json.loads(file.read_text(encoding="utf-8")), **settings}), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("teams", "gold", "silver", "bronze"),
    [
        (1, 0, 0, 0),
        (9, 0, 1, 3),
        (99, 9, 19, 39),
        (100, 10, 20, 40),
        (249, 10, 49, 99),
        (250, 10, 50, 100),
        (500, 11, 50, 100),
        (999, 11, 50, 100),
        (1000, 12, 50, 100),
        (5000, 20, 250, 500),
    ],
)
def test_medals_follow_the_published_rule(teams: int, gold: int, silver: int, bronze: int) -> None:
    assert standing.medal_places(teams) == {"gold": gold, "silver": silver, "bronze": bronze}


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_score_stands_behind_equal_ones_of_others_and_never_behind_its_own_team(better: str) -> None:
    scores = [0.9, 0.8, 0.8, 0.5] if better == "higher" else [0.5, 0.8, 0.8, 0.9]
    board = [
        standing.Team(place, score, frozenset([f"user{place}"])) for place, score in enumerate(scores, 1)
    ]
    found = standing.standing_of(board, [None, "User2"], 0.8, better, medals=False)
    assert found == {"teams": 4, "team_rank": 2, "score_rank": 2}
    worse = 0.7 if better == "higher" else 0.81
    assert standing.standing_of(board, ["user2"], worse, better, medals=False)["score_rank"] == 3
    assert standing.standing_of(board, [], 0.8, better, medals=False) == {"teams": 4, "score_rank": 4}
    assert standing.standing_of([], ["user2"], 0.8, better, medals=True) == {}


def test_a_leaderboard_is_read_with_renamed_teams_and_rows_without_a_score() -> None:
    text = (
        "Rank,TeamId,TeamName,LastSubmissionDate,Score,SubmissionCount,TeamMemberUserNames\n"
        '1,7,"a, b and c",2026-01-01 00:00:00,0.9,3,"Ann, bob"\n2,8,x,2026-01-01 00:00:00,,1,cid\n3,9,x,,nan,1,dan\n'
    )
    assert standing.read_board(text) == (standing.Team(1, 0.9, frozenset(["ann", "bob"])),)
    assert standing.read_board("") == ()


def test_a_score_arrives_with_its_place_and_the_medal_lines(desk: Desk) -> None:
    scores = [number * 7919 % TEAMS / TEAMS for number in range(1, TEAMS)]
    others(desk, scores)
    desk.submit()
    (one,) = desk.watch()
    assert one.public_score == 1.0
    assert (one.teams, one.team_rank, one.score_rank) == (TEAMS, 1, 1)
    best_first = sorted([*scores, 1.0], reverse=True)
    assert (one.gold_score, one.silver_score, one.bronze_score) == (
        best_first[15],
        best_first[149],
        best_first[299],
    )
    assert any(
        "place 1 of 3,000 (gold); your team's best is place 1; medal lines: gold 0.99" in line
        for line in desk.said
    )
    assert history.cells(one)["place"] == "1/3000 gold"
    assert len(desk.kaggle.requests(method="DownloadLeaderboard")) == 1


def test_a_team_keeps_its_place_when_a_later_score_is_worse(desk: Desk) -> None:
    others(desk, [0.9, 0.7, 0.2], awards_points=False)
    desk.submit()
    desk.watch()
    desk.repush(rerun=lambda _: "row_id,series_id,step,event,score\n0,a,1,onset,0.5\n1,a,2,onset,0.5\n")
    desk.submit()
    *_, one = desk.watch()
    assert one.public_score is not None
    assert (one.team_rank, one.gold_score) == (1, None)
    assert one.score_rank == 1 + sum(score >= one.public_score for score in (0.9, 0.7, 0.2))


@pytest.mark.parametrize("way", ["hidden", "broken"])
def test_a_leaderboard_that_cannot_be_read_delays_no_score(desk: Desk, way: str) -> None:
    if way == "hidden":
        others(desk, [0.5], hides_leaderboard=True)
    else:
        desk.kaggle.fault(faults.status("DownloadLeaderboard", 500, times=None))
    desk.submit()
    (one,) = desk.watch()
    assert (one.public_score, one.score_rank) == (1.0, None)
    assert any("the place of the score is unknown" in line for line in desk.warned)


def test_a_refresh_adds_the_places_that_are_missing_with_one_download(desk: Desk) -> None:
    others(desk, [0.5, 0.4], hides_leaderboard=True)
    desk.submit()
    desk.watch()
    others(desk, [0.5, 0.4], hides_leaderboard=False)
    before = len(desk.kaggle.requests(method="DownloadLeaderboard"))
    for _ in range(2):
        refreshing.refresh(desk.push().workspace, quiet=True)
    assert (desk.history()[-1].teams, desk.history()[-1].score_rank) == (3, 1)
    assert len(desk.kaggle.requests(method="DownloadLeaderboard")) == before + 1
