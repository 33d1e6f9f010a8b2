"""Changes of Kaggle's image in the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from kaggle_workflow.ledger.event import PUSHED, Event
from kaggle_workflow.ledger.fold import Submission


def notes(events: Sequence[Event], submissions: Sequence[Submission]) -> list[str]:
    """Sentences about runs with another image than the run before, and about submissions that may have been rerun in one.

    Args:
        events: the ledger, oldest first.
        submissions: the submissions to check.
    """
    moves = [event for event in events if event.event == PUSHED and event.image_moved]
    found = [f"{event.notebook} version {event.notebook_version}: {event.image_moved}." for event in moves]
    for one in submissions:
        # The rerun starts at the submission: it may have used an image that a later version's run had found by then.
        later = [
            event
            for event in moves
            if event.notebook == one.notebook
            and (event.notebook_version or 0) > (one.notebook_version or 0) > 0
            and event.time <= one.time
        ]
        if later:
            found.append(
                f"Submission {one.ref} of version {one.notebook_version} may have been rerun in another image than its save run: "
                f"in that of version {later[-1].notebook_version}."
            )
    return found
