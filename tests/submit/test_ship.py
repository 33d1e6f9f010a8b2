"""From a saved file to a score in one command, and what a second one does."""

from __future__ import annotations

import json

import pytest

from kaggle_workflow.errors import Refused, RunFailed
from kaggle_workflow.submit.submitting import Request
from tests.local_kaggle import RunOrder
from tests.push.conftest import COMPETITION
from tests.submit.conftest import NOTEBOOK, Desk


def throws(order: RunOrder) -> str:
    raise ValueError("on hidden rows")


def test_an_edit_is_pushed_submitted_and_scored(desk: Desk) -> None:
    desk.edit()
    shipped = desk.ship()
    assert [outcome.did for outcome in shipped.outcomes] == ["sent", "unchanged", "sent"]
    assert shipped.submission is not None
    assert (shipped.submission.notebook_version, shipped.submission.public_score) == (2, 1.0)
    assert set(shipped.seconds) == {"push", "submit", "watch"}


def test_a_second_ship_of_the_same_state_shows_the_score_and_submits_nothing(desk: Desk) -> None:
    first = desk.ship()
    desk.kaggle.forget_requests()
    second = desk.ship(yes=False)
    assert first.submission is not None
    assert second.submission == first.submission
    assert second.submitted is not None
    assert second.submitted.did == "already submitted"
    assert desk.sends() == 0
    assert not desk.kaggle.requests(method="CreateCodeSubmission")


def test_every_question_comes_before_the_first_byte(desk: Desk) -> None:
    desk.edit()
    with pytest.raises(Refused, match="uses a submission") as caught:
        desk.ship(yes=False)
    assert caught.value.name == "spend-submission"
    assert desk.sends() == 0


def test_what_push_would_ask_comes_before_the_first_byte_too(desk: Desk) -> None:
    source = desk.kaggle.world.store.notebook_folder(desk.kaggle.notebook(NOTEBOOK), 1) / "source"
    value = json.loads(source.read_text(encoding="utf-8"))
    value["cells"][-1]["source"] += "\nprint('edited on the site')"
    source.write_text(json.dumps(value), encoding="utf-8")
    desk.edit()
    with pytest.raises(Refused, match="edited on Kaggle"):
        desk.ship(yes=False)
    assert desk.sends() == 0


def test_no_submissions_left_is_said_before_the_push(desk: Desk) -> None:
    for _ in range(5):
        desk.submit(Request(again=True))
    desk.kaggle.wait_for_runs()
    desk.edit()
    with pytest.raises(Refused, match=r"^Nothing was sent\. No submissions left today") as caught:
        desk.ship()
    assert caught.value.name == "no-submissions-left"
    assert desk.versions("codes") == 1


def test_detach_leaves_at_each_wait_and_ship_goes_on(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    desk.edit()
    left = desk.ship(detach=True)
    assert (left.submitted, left.outcomes[-1].version) == (None, 2)
    assert not desk.on_kaggle()
    desk.kaggle.release_runs()
    desk.kaggle.wait_for_runs()
    desk.kaggle.hold_runs()
    left = desk.ship(detach=True)
    assert left.submission is not None
    assert left.submission.status == "pending"
    desk.kaggle.release_runs()
    done = desk.ship()
    assert done.submission is not None
    assert done.submission.public_score == 1.0
    assert (desk.versions("sub"), len(desk.on_kaggle())) == (2, 1)


def test_the_command_ends_with_the_seconds_of_each_stage(desk: Desk) -> None:
    desk.edit()
    done = desk.invoke("ship", "--yes", "--message", "wider", "--cv", "0.71")
    assert done.returncode == 0, done.stdout + done.stderr
    for stage in ("codes: upload", "codes: processing", "sub: queue", "sub: run", "submit", "watch"):
        assert stage in done.stdout
    assert done.stdout.count(": public 1") == 1
    again = desk.invoke("ship", "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert (told["submitted"]["did"], told["submission"]["cv"]) == ("already submitted", 0.71)
    assert desk.on_kaggle()[0].description.startswith("wider [cmi-sub v2 ")


def test_a_rerun_that_fails_is_exit_4_and_stays_known(desk: Desk) -> None:
    desk.script.rerun = throws
    for _ in range(2):
        failed = desk.invoke("ship", "--yes")
        assert failed.returncode == 4, failed.stdout + failed.stderr
        assert "Notebook Threw Exception. It failed on the hidden files" in failed.stderr
    assert len(desk.on_kaggle()) == 1


def test_kaggles_no_is_exit_3_and_ours_is_exit_2(desk: Desk) -> None:
    ours = desk.invoke("submit")
    assert (ours.returncode, "--allow spend-submission" in ours.stderr) == (2, True)
    desk.kaggle.set_rules(COMPETITION, accepted=False)
    kaggles = desk.invoke("submit", "--yes")
    assert (kaggles.returncode, "rules" in kaggles.stderr) == (3, True), kaggles.stderr


def test_a_dry_run_sends_nothing(desk: Desk) -> None:
    desk.edit()
    shipped = desk.ship(dry_run=True, yes=False)
    assert [outcome.did for outcome in shipped.outcomes] == ["would send", "unchanged", "would send"]
    assert desk.sends() == 0


def test_a_push_whose_run_fails_submits_nothing(desk: Desk) -> None:
    desk.script.report = {"codes": {"fingerprint": "ab" * 32}}
    desk.edit()
    with pytest.raises(RunFailed):
        desk.ship()
    assert not desk.on_kaggle()
