"""Find submissions on Kaggle by their marker, record each once, and settle the intents of interrupted commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import waiting
from kaggle_workflow.kaggle.errors import Denied, NotThere
from kaggle_workflow.kaggle.values import Submission
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import markers
from kaggle_workflow.ledger.event import SUBMITTED, Event
from kaggle_workflow.push.looking import Target
from kaggle_workflow.push.session import Push


def find_earlier(push: Push, target: Target) -> list[Submission]:
    """The submissions of that version on Kaggle, oldest first, whichever command made them; settles an open intent."""
    listed = list(push.kaggle.submissions(target.competition))
    late = settle(push, target.ref.name, listed)
    if late is not None and late.ref not in {one.ref for one in listed}:
        listed.append(late)
    listed += _unlisted(push, target, {one.ref for one in listed})
    mine = [one for one in listed if markers.split(one.description)[1] == target.mark]
    return sorted(mine, key=lambda one: (one.date, one.ref))


def _unlisted(push: Push, target: Target, listed: set[int]) -> list[Submission]:
    """Submissions of that version that the ledger has and Kaggle's list does not show (yet): read one by one."""
    wanted = (SUBMITTED, target.ref.name, target.version, target.competition.slug)
    found = []
    for event in ledger.read(push.workspace.root).events:
        one = (event.event, event.notebook, event.notebook_version, event.competition)
        if one == wanted and event.ref and event.ref.isdecimal() and int(event.ref) not in listed:
            with suppress(NotThere, Denied):
                found.append(push.kaggle.submission(int(event.ref)))
    return found


def intent_key(notebook: str) -> str:
    """Name among the intents of a submission of that notebook (`owner/slug`)."""
    return f"submission--{notebook}"


def settle(push: Push, notebook: str, listed: Sequence[Submission]) -> Submission | None:
    """Find out what became of a submission that an interrupted command was sending.

    Args:
        push: the command.
        notebook: the notebook, as `owner/slug`.
        listed: the submissions that Kaggle lists now.

    Returns:
        The submission, None when there was no open intent or when it did not arrive.

    Raises:
        WaitedTooLong: `--limit` ended the wait early; the intent stays open.
    """
    intent = push.intents.read(intent_key(notebook))
    if intent is None:
        return None
    event = Event.from_json(intent.details["event"])
    sent = (event.competition or "", intent.marker, intent.details["before"])
    found = find_listed(push, *sent, listed) or push.waits.find_interrupted(
        f"the submission of {notebook}",
        # Kaggle lists a submission at once: there is no processing to wait for.
        min(intent.seconds_left, waiting.LATE_SECONDS),
        lambda _: find_listed(push, *sent),
        lengthen=False,
    )
    if found is not None:
        push.say(f"{notebook}: found as submission {found.ref}.")
        record(push, replace(event, ref=str(found.ref), submitted=moment(found.date)))
    push.intents.close(intent_key(notebook))
    return found


def find_listed(
    push: Push,
    competition: str,
    marker: str,
    before: Iterable[int],
    listed: Iterable[Submission] | None = None,
) -> Submission | None:
    """The submission with that marker that was not there `before`, in `listed` or as Kaggle lists them now; None for none."""
    if listed is None:
        listed = push.kaggle.each_submission(CompetitionRef(competition))
    for one in listed:
        _, mark = markers.split(one.description)
        if mark is not None and str(mark) == marker and one.ref not in before:
            return one
    return None


def record(push: Push, event: Event) -> None:
    """Append a `submitted` event to the ledger, unless it has that submission."""
    events = ledger.read(push.workspace.root).events
    if not any(one.event == SUBMITTED and one.ref == event.ref for one in events):
        ledger.append(push.workspace.root, event)


def moment(date: str) -> datetime | None:
    """The date of a submission; Kaggle writes it in UTC, with or without a time zone."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
