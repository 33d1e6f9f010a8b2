"""Events become submissions, in whatever order a merge left them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kaggle_workflow.ledger.event import Event, Part
from kaggle_workflow.ledger.fold import Submission, better_of, fold, pushed, says_something_new
from tests.ledger import samples


def later(event: Event, hours: float, **changes: Any) -> Event:
    return replace(event, time=event.time + timedelta(hours=hours), **changes)


def one(*events: Event) -> Submission:
    (submission,) = fold(events)
    return submission


STORY = (
    *samples.events(3),
    later(samples.score(1), 1, public_score=0.9),
    Event("refreshed", samples.score(2).time, ref="51000002", private_score=0.4, account="ada"),
    Event("refreshed", samples.score(2).time, ref="51000002", private_score=0.5, message="from the browser"),
    Event(
        "refreshed", samples.score(9).time, ref="999", status="complete", public_score=0.3, account="grace"
    ),
    samples.pushed(3, save_run_seconds=77.0),
)


@settings(max_examples=60)
@given(st.permutations(STORY))
def test_the_order_of_lines_does_not_matter(events: list[Event]) -> None:
    assert fold(events) == fold(STORY)
    assert pushed(events) == pushed(STORY)


def test_a_submission_knows_what_it_was_made_of_and_what_came_of_it() -> None:
    found = one(*samples.events(1))
    assert (found.ref, found.recorded, found.experiment) == ("51000001", True, "exp001")
    assert found.codes == samples.pushed(1).codes
    assert (found.status, found.public_score) == ("complete", samples.score(1).public_score)
    assert found.time == samples.submitted(1).time


def test_the_newest_score_and_status_win() -> None:
    found = one(
        samples.submitted(1),
        later(samples.score(1), 5, status="complete", public_score=0.7),
        samples.score(1, status="error", error="Submission Scoring Error", public_score=0.1),
    )
    assert (found.status, found.public_score, found.error) == ("complete", 0.7, None)


def test_a_later_line_without_a_score_takes_none_away() -> None:
    refresh = Event("refreshed", later(samples.score(1), 9).time, ref="51000001", private_score=0.6)
    found = one(samples.submitted(1), samples.score(1), refresh)
    assert (found.public_score, found.private_score) == (samples.score(1).public_score, 0.6)


def test_a_refresh_fills_gaps_and_does_not_rewrite_what_we_recorded() -> None:
    refresh = Event(
        "refreshed", later(samples.score(1), 9).time, ref="51000001", message="cut by Kaggl", account="Ada L."
    )
    found = one(samples.submitted(1), refresh)
    assert (found.message, found.account) == (samples.submitted(1).message, "ada")


def test_a_team_mates_submission_of_a_version_we_pushed_is_known_by_its_push() -> None:
    refresh = Event(
        "refreshed",
        samples.score(4).time,
        ref="7",
        notebook="ada/cmi-sub",
        notebook_version=4,
        account="grace",
    )
    found = one(samples.pushed(4), refresh)
    assert (found.account, found.recorded, found.codes) == ("grace", False, samples.pushed(4).codes)


def test_a_browser_submission_carries_kaggles_date() -> None:
    made = samples.START - timedelta(days=30)
    assert one(Event("refreshed", samples.START, ref="7", submitted=made)).time == made


def test_two_submissions_of_one_version_are_two() -> None:
    assert [found.ref for found in fold((samples.submitted(1), samples.submitted(1, ref="77")))] == [
        "51000001",
        "77",
    ]


def test_the_rerun_time_measured_most_closely_counts() -> None:
    found = one(
        samples.submitted(1),
        samples.score(1, rerun_seconds=4000.0, rerun_error=30.0),
        later(samples.score(1), 1, rerun_seconds=9000.0, rerun_error=5000.0),
    )
    assert (found.rerun_seconds, found.rerun_error) == (4000.0, 30.0)


def test_a_push_alone_is_no_submission() -> None:
    assert fold([samples.pushed(1)]) == ()
    assert pushed([samples.pushed(1)])["ada/cmi-sub", 1]["codes"] == samples.pushed(1).codes


def test_a_refresh_is_written_down_only_when_it_says_something_new() -> None:
    known = fold(samples.events(1))
    refresh = Event(
        "refreshed",
        samples.START,
        ref="51000001",
        status="complete",
        public_score=known[0].public_score,
        message="other",
    )
    assert not says_something_new(refresh, known)
    assert says_something_new(replace(refresh, private_score=0.2), known)
    assert says_something_new(replace(refresh, ref="8"), known)


def test_the_leaderboard_may_have_told_which_score_is_better() -> None:
    first = Event("refreshed", samples.START, better="higher")
    assert better_of([later(first, 1, better="lower"), first]) == "lower"
    assert better_of(samples.events(2)) is None


def test_parts_know_their_models() -> None:
    assert one(*samples.events(1)).models == (Part("ada/sleep/pytorch/exp001", 1),)
