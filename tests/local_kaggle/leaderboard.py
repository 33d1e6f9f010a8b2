"""The leaderboard of a competition: shown, downloaded, and the public submissions of a team."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kagglesdk.competitions.types.competition_api_service import (
    ApiGetLeaderboardResponse,
    ApiLeaderboardSubmission,
    ApiListTeamPublicSubmissionsResponse,
    ApiPublicSubmission,
)

from tests.local_kaggle.clock import as_datetime
from tests.local_kaggle.competition import every
from tests.local_kaggle.competitions import found_competition
from tests.local_kaggle.errors import denied
from tests.local_kaggle.paging import page
from tests.local_kaggle.store import write_atomic
from tests.local_kaggle.wire import Download

if TYPE_CHECKING:
    from kagglesdk.kaggle_object import KaggleObject

    from tests.local_kaggle.competition import Competition
    from tests.local_kaggle.records import Submission
    from tests.local_kaggle.wire import Reply
    from tests.local_kaggle.world import Caller, Handlers, World


@dataclass(frozen=True)
class Rival:
    """A team of `teams.csv`: it stands on the leaderboard without a submission here."""

    user: str
    public_score: str
    private_score: str
    date: float = 0.0
    ref: int = 0


def ranked(world: World, competition: Competition) -> list[Submission | Rival]:
    """Each team's best public score, the best first, of equal ones the older."""
    best: dict[str, Submission | Rival] = {one.user: one for one in _rivals(world, competition)}
    for submission in world.store.entry(competition.slug).submissions:
        known = best.get(submission.user)
        worth = competition.worth(submission.public_score)
        if submission.public_score and (known is None or worth > competition.worth(known.public_score)):
            best[submission.user] = submission
    return sorted(best.values(), key=lambda s: (-competition.worth(s.public_score), s.date))


def _final(world: World, competition: Competition) -> list[Submission | Rival]:
    """Each team's best private score among its final submissions, the best first: those selected, else the two best public ones."""
    by_team: dict[str, list[Submission]] = {}
    for submission in world.store.entry(competition.slug).submissions:
        if submission.public_score and submission.date <= (competition.ends_at() or 0.0):
            by_team.setdefault(submission.user, []).append(submission)
    best: list[Submission | Rival] = [one for one in _rivals(world, competition) if one.private_score]
    for mine in by_team.values():
        mine.sort(key=lambda s: -competition.worth(s.public_score))
        chosen = [one for one in mine if one.selected] or mine[:2]
        best.append(max(chosen, key=lambda s: competition.worth(s.private_score)))
    return sorted(best, key=lambda s: (-competition.worth(s.private_score), s.date))


def _rivals(world: World, competition: Competition) -> list[Rival]:
    file = competition.folder(world) / "teams.csv"
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as rows:
        return [Rival(row["team"], row["public"], row.get("private", "")) for row in csv.DictReader(rows)]


def _visible(world: World, slug: str) -> Competition:
    """The competition; raises 403 where it hides its leaderboard (ours: what Kaggle answers is not known)."""
    competition = found_competition(world, slug)
    if competition.hides_leaderboard:
        raise denied("competitions.viewLeaderboard")
    return competition


def _show(world: World, caller: Caller, request: KaggleObject) -> Reply:
    del caller
    competition = _visible(world, request.competition_name)
    teams = world.store.entry(competition.slug).teams
    answer = ApiGetLeaderboardResponse()
    # As kagglesdk documents it: the private leaderboard if it is available, unless the public one is asked for.
    private = competition.is_over(world) and not request.override_public
    cut, answer.next_page_token = page((_final if private else ranked)(world, competition), request)
    answer.submissions = []
    for submission in cut:
        item = ApiLeaderboardSubmission()
        item.team_id = teams.get(submission.user, 0)
        item.team_name = submission.user
        item.score = submission.private_score if private else submission.public_score
        item.submission_date = as_datetime(submission.date)
        answer.submissions.append(item)
    return answer


def _download(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """A zip with one CSV, after the end the private leaderboard; columns and name are those of Kaggle's own file, as users publish it."""
    del caller
    competition = _visible(world, request.competition_name)
    entry = world.store.entry(competition.slug)
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        [
            "Rank",
            "TeamId",
            "TeamName",
            "LastSubmissionDate",
            "Score",
            "SubmissionCount",
            "TeamMemberUserNames",
        ]
    )
    private = competition.is_over(world)
    for rank, best in enumerate((_final if private else ranked)(world, competition), 1):
        dates = [s.date for s in entry.submissions if s.user == best.user] or [best.date]
        last = as_datetime(max(dates)).isoformat(" ", timespec="seconds")
        team = entry.teams.get(best.user, 0)
        score = best.private_score if private else best.public_score
        rows.writerow([rank, team, best.user, last, score, len(dates), best.user])
    name = f"{competition.slug}-{'private' if private else 'public'}leaderboard"
    folder = world.root / "cache" / name
    write_atomic(folder / f"{name}.csv", text.getvalue())
    return Download(world.downloads.zip_of(folder), f"{name}.zip")


def _of_team(world: World, caller: Caller, request: KaggleObject) -> Reply:
    """The submission with which a team stands on the leaderboard; nothing for a team that nobody knows."""
    del caller
    answer = ApiListTeamPublicSubmissionsResponse()
    answer.submissions = []
    for competition in every(world):
        teams = world.store.entry(competition.slug).teams
        for submission in ranked(world, competition):
            if teams.get(submission.user) == request.team_id:
                item = ApiPublicSubmission()
                item.id, item.public_score = submission.ref, submission.public_score
                item.date_submitted = as_datetime(submission.date)
                answer.submissions.append(item)
    return answer


LEADERBOARD: Handlers = {
    "GetLeaderboard": _show,
    "DownloadLeaderboard": _download,
    "ListTeamPublicSubmissions": _of_team,
}
