"""`history --refresh`: add to the ledger what Kaggle lists: submissions made in the browser or by team-mates, private scores, the final place."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import scratch
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.values import Competition
from kaggle_workflow.kaggle.values import Submission as Remote
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger import history, markers, standing
from kaggle_workflow.ledger.event import COMPLETE, ERROR, PENDING, REFRESHED, Event, now, score_of
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.submit import settling
from kaggle_workflow.workspace import Workspace

_STATUS = {"COMPLETE": COMPLETE, "ERROR": ERROR, "PENDING": PENDING}
_FEWEST_SCORES = 2


def refresh(workspace: Workspace, *, quiet: bool = False) -> int:
    """Append a `refreshed` event for every submission with news on Kaggle; returns how many.

    Raises:
        WorkflowError: in all its classes.
    """
    session = Push(workspace, Options(quiet=quiet))
    notebooks = [workspace.notebook(name).metadata for name in workspace.notebook_names()]
    found: list[Event] = []
    for slug in sorted({about.competition for about in notebooks if about.competition is not None}):
        ours = {about.id.slug: about.id.name for about in notebooks}
        listed = session.kaggle.submissions(CompetitionRef(slug))
        for about in notebooks:
            if about.competition == slug:
                settling.settle(session, about.id.name, listed)
        found += [_event(one, slug, ours) for one in listed]
        better = _better(session.kaggle, slug)
        if better is not None:
            found.append(Event(REFRESHED, now(), competition=slug, better=better))
    events = ledger.read(workspace.root).events
    known = {one.ref: one for one in history_fold.fold(events)}
    new = [
        event for event in found if _is_new(event, known, history_fold.better_of(events, event.competition))
    ]
    ledger.append(workspace.root, *new)
    _learn_standings(session)
    count = sum(event.ref is not None for event in new)
    session.say(f"Updated {count} of {sum(event.ref is not None for event in found)} submissions.")
    return count


def learn_better(session: Push, slug: str) -> None:
    """Record whether a higher or a lower score is better, if that is not known: from the leaderboard, or by asking on the terminal.

    Kaggle's API names the metric of a competition, but not its direction. Nothing is raised.
    """
    if history_fold.better_of(ledger.read(session.workspace.root).events, slug) is not None:
        return
    try:
        better = _better(session.kaggle, slug)
    except WorkflowError as error:
        session.warn(f"The leaderboard of {slug} can't be read: {error}")
        better = None
    if better is None:
        better = console.choose(f"Which score is better in {slug}?", ("higher", "lower"))
        if better is not None:
            session.say(
                "The answer is kept in ledger.jsonl. To change it, set workspace.better in invoke.yaml."
            )
    if better is not None:
        with session.lock("watch: recording which score is better"):
            ledger.append(session.workspace.root, Event(REFRESHED, now(), competition=slug, better=better))


def learn_standing(session: Push, one: Submission) -> Submission:
    """Record where a score stands on the public leaderboard; returns the submission with it. Nothing is raised."""
    events = _standings(session, one.competition or "", [one])
    if not events:
        return one
    try:
        with session.lock("watch: recording the place on the leaderboard"):
            ledger.append(session.workspace.root, *events)
    except WorkflowError as error:
        session.warn(f"The place on the leaderboard is not recorded: {error}")
        return one
    told = ledger.read(session.workspace.root).events
    return next(new for new in history_fold.fold(told) if new.ref == one.ref)


def better_of(scores: tuple[str, ...]) -> str | None:
    """`higher` or `lower`, whichever is better on a leaderboard (the best first); None when all are equal."""
    numbers = [number for text in scores if (number := score_of(text)) is not None]
    if len(numbers) < _FEWEST_SCORES or numbers[0] == numbers[-1]:
        return None
    return "higher" if numbers[0] > numbers[-1] else "lower"


def _is_new(event: Event, known: dict[str, history_fold.Submission], learned: str | None) -> bool:
    if event.ref is None:
        return event.better != learned
    before = known.get(event.ref)
    return history_fold.says_something_new(event, [before] if before is not None else [])


def _event(one: Remote, slug: str, ours: dict[str, str]) -> Event:
    message, mark = markers.split(one.description)
    return Event(
        event=REFRESHED,
        time=now(),
        ref=str(one.ref),
        submitted=settling.moment(one.date),
        account=one.submitted_by or None,
        competition=slug,
        notebook=ours.get(mark.slug) if mark is not None else None,
        notebook_version=mark.version if mark is not None and mark.slug in ours else None,
        status=_STATUS.get(one.status),
        error=one.error or None,
        public_score=score_of(one.public_score),
        private_score=score_of(one.private_score),
        message=message or None,
    )


def _better(kaggle: Kaggle, slug: str) -> str | None:
    """Which score is better on the leaderboard; None when the competition hides it."""
    from kaggle_workflow.kaggle.errors import Denied, NotThere

    try:
        return better_of(kaggle.leaderboard(CompetitionRef(slug)))
    except (Denied, NotThere) as error:
        console.warn(
            f"The leaderboard of {slug} can't be read, so it does not show which score is better: {error}"
        )
        return None


def _learn_standings(session: Push) -> None:
    """Record the places of all scores that have none yet, and after the end the final place, with one download for each competition."""
    known = history_fold.fold(ledger.read(session.workspace.root).events)
    without = [one for one in known if one.public_score is not None and one.score_rank is None]
    over = [one for one in known if one.private_score is not None]
    for slug in sorted({one.competition for one in (*without, *over) if one.competition is not None}):
        of_slug = [one for one in without if one.competition == slug]
        ledger.append(session.workspace.root, *_standings(session, slug, of_slug))


def _standings(session: Push, slug: str, scored: Sequence[Submission]) -> list[Event]:
    """A `refreshed` event with the place of each score; none where the leaderboard is hidden, empty or can't be read.

    Kaggle's archive holds the private leaderboard after the end, and its file is then named `…-privateleaderboard-…` in place of
    `…-publicleaderboard-…` (both seen in archives that users published). The event is then that of the final place.
    """
    ref = CompetitionRef(slug)
    try:
        with scratch(session.workspace.build) as folder:
            session.kaggle.download_leaderboard(ref, folder / "leaderboard.zip")
            name, text = _csv_in(folder / "leaderboard.zip")
            board = standing.read_board(text)
        competition = session.kaggle.competition(ref)
    except (WorkflowError, OSError, zipfile.BadZipFile, zlib.error, csv.Error, UnicodeDecodeError) as error:
        session.warn(
            f"The leaderboard of {slug} can't be read, so the place of the score is unknown: {error}"
        )
        return []
    better = (
        better_of(tuple(str(team.score) for team in board))
        or session.workspace.settings.better
        or history_fold.better_of(ledger.read(session.workspace.root).events, slug)
    )
    if better is None:
        return []
    medals = competition is not None and competition.medals
    if "-privateleaderboard" in name:
        return _final(session, slug, board, better, competition)
    found = []
    for one in scored:
        # Kaggle lists the team's submissions only: the account that asks is in the team, also if another member submitted.
        accounts = {one.account, session.checked_account}
        facts = standing.standing_of(board, accounts, one.public_score or 0.0, better, medals=medals)
        if facts:
            found.append(Event(REFRESHED, now(), ref=one.ref, competition=slug, **facts))
    return found


def _final(
    session: Push, slug: str, board: Sequence[standing.Team], better: str, competition: Competition | None
) -> list[Event]:
    """The event of the final place, if it is news: none without our private scores, or the competition's deadline."""
    events = ledger.read(session.workspace.root).events
    if competition is None or not competition.deadline:
        return []
    ended = datetime.fromisoformat(competition.deadline)
    ours = [one for one in history_fold.fold(events) if one.competition == slug and one.time <= ended]
    best = history.Order(better, assumed=False).best(ours, "private_score")
    if best is None:
        return []
    accounts = {session.checked_account, *(one.account for one in ours)}
    facts = standing.standing_of(
        board, accounts, best.private_score or 0.0, better, medals=competition.medals
    )
    before = history_fold.final_of(events, slug)
    if not facts or (before and all(getattr(before, name) == value for name, value in facts.items())):
        return []
    return [Event(REFRESHED, now(), competition=slug, ended=ended, **facts)]


def _csv_in(archive: Path) -> tuple[str, str]:
    """Name and text of the first CSV file of a zip, empty without one."""
    with zipfile.ZipFile(archive) as file:
        name = next((name for name in file.namelist() if name.endswith(".csv")), None)
        return (name, file.read(name).decode("utf-8-sig")) if name is not None else ("", "")
