"""What became of submissions that were sent: found on Kaggle by their mark, written down once, cut-off ones settled by asking."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow.errors import WaitedTooLong
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Submission
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import markers
from kaggle_workflow.ledger.event import SUBMITTED, Event
from kaggle_workflow.push.looking import Target
from kaggle_workflow.push.session import LATE_SECONDS, Push
from kaggle_workflow.submit.intents import SubmissionIntent, SubmissionIntents
from kaggle_workflow.waiting import left_of


def find_earlier(push: Push, target: Target) -> list[Submission]:
    """The submissions of that version on Kaggle, oldest first, whoever's command made them; what an open intent became is written down."""
    listed = list(push.kaggle.submissions(target.competition))
    late = settle(push, target.ref.name, listed)
    if late is not None and late.ref not in {one.ref for one in listed}:
        listed.append(late)
    listed += _unlisted(push, target, {one.ref for one in listed})
    mine = [one for one in listed if markers.read(one.description)[1] == target.mark]
    return sorted(mine, key=lambda one: (one.date, one.ref))


def _unlisted(push: Push, target: Target, listed: set[int]) -> list[Submission]:
    """Submissions of that version that the ledger knows and Kaggle's list does not show (yet): asked for one by one."""
    wanted = (SUBMITTED, target.ref.name, target.version, target.competition.slug)
    found = []
    for event in ledger.read(push.workspace.root).events:
        one = (event.event, event.notebook, event.notebook_version, event.competition)
        if one == wanted and event.ref and event.ref.isdecimal() and int(event.ref) not in listed:
            with suppress(NotThere, Denied):
                found.append(push.kaggle.submission(int(event.ref)))
    return found


def is_open(push: Push, notebook: str) -> bool:
    """Whether a submission of that notebook was cut off while it was sent."""
    return SubmissionIntents(push.workspace.build).read(notebook) is not None


def settle(push: Push, notebook: str, listed: Sequence[Submission]) -> Submission | None:
    """Decide what became of a submission that an earlier command was about to send.

    Returns:
        The submission, None when there was no open intent or when it did not arrive.

    Raises:
        WaitedTooLong: `--limit` ended the wait before that could be told; the intent stays open.
    """
    intents = SubmissionIntents(push.workspace.build)
    intent = intents.read(notebook)
    if intent is None:
        return None
    found = intent.find(listed)
    left = left_of(LATE_SECONDS, intent.at)
    if found is None and left > 0:
        push.say("An earlier submission was cut off while it was sent; asking Kaggle for it.")
        found = wait_for(push, intent, left)
        if found is None and push.waits.cuts(left):
            raise WaitedTooLong(
                f"Whether an earlier submission of {notebook} arrived is not known yet, and nothing was sent: run this again without --limit."
            )
    if found is not None:
        push.say(f"An earlier submission had arrived, as {found.ref}.")
        write_down(push, replace(intent.event, ref=str(found.ref), submitted=moment(found.date)))
    else:
        push.say("An earlier submission that was cut off did not arrive.")
    intents.close(notebook)
    return found


def wait_for(push: Push, intent: SubmissionIntent, limit: float) -> Submission | None:
    """Look for the submission of an intent until it shows; None when it did not within the limit."""
    competition = CompetitionRef(intent.competition)

    def look(_: object) -> Submission | None:
        return intent.find(push.kaggle.each_submission(competition))

    try:
        return push.waits.until("the submission shows", limit, look, lost=True)
    except WaitedTooLong:
        return None


def write_down(push: Push, event: Event) -> None:
    """Add a `submitted` line to the ledger, unless the submission stands there already."""
    events = ledger.read(push.workspace.root).events
    if not any(one.event == SUBMITTED and one.ref == event.ref for one in events):
        ledger.append(push.workspace.root, event)


def moment(date: str) -> datetime | None:
    """Kaggle's date of a submission; it is in UTC, said or not."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
