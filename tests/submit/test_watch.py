"""Waiting for scores: every end of a rerun, several at once, broken networks, kills, hooks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from kaggle_shim.refs import CompetitionRef, NotebookRef
from kaggle_workflow import workspace
from kaggle_workflow.errors import RunFailed, WaitedTooLong, WorkflowError
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import Event, now
from kaggle_workflow.ledger.fold import Submission, better_of
from kaggle_workflow.submit import refreshing, rerun, watching
from kaggle_workflow.submit.submitting import Request
from tests.local_kaggle import RunOrder, faults
from tests.push.conftest import COMPETITION
from tests.submit.conftest import GOOD, Desk


def child(desk: Desk, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "invoke", *words],
        cwd=desk.root,
        env={**os.environ, "INVOKE_WORKSPACE_POLL": "0.05"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def looked(desk: Desk, count: int = 1) -> None:
    """Return when submissions were listed that often; fails after 30 s."""
    deadline = time.monotonic() + 30
    while len(desk.kaggle.requests(method="ListSubmissions")) < count:
        assert time.monotonic() < deadline, "nobody looked"
        time.sleep(0.01)


def throws(order: RunOrder) -> str:
    raise ValueError("on hidden rows")


BAD = "row_id,score\n0,1\n"


@pytest.mark.parametrize(
    ("how", "said", "do"),
    [
        ("timeout", "Notebook Timeout", "longer than the competition allows"),
        ("throws", "Notebook Threw Exception", "invoke rehearse --rerun"),
        ("no file", "Submission CSV Not Found", "workspace.submission"),
        ("bad file", "Submission Scoring Error: the submission lacks the column event", "its columns"),
    ],
)
def test_a_rerun_that_fails(desk: Desk, how: str, said: str, do: str) -> None:
    ends = {"throws": throws, "no file": lambda _: None, "bad file": lambda _: BAD}
    desk.script.rerun = ends.get(how, lambda _: GOOD)
    if how == "timeout":
        desk.kaggle.fault(faults.run("timeout", method="Rerun"))
    desk.submit()
    (one,) = desk.watch()
    assert (one.status, one.error) == ("error", said)
    with pytest.raises(RunFailed, match=do) as caught:
        watching.raise_failures([one])
    assert caught.value.exit_code == 4
    assert said in str(caught.value)


def test_two_in_flight_are_told_apart_by_reference(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    ends = iter([None, GOOD])
    desk.script.rerun = lambda _: next(ends)
    first = desk.submit()
    second = desk.submit(Request(again=True))
    desk.kaggle.release_runs()
    over = {one.ref: one for one in desk.watch()}
    kaggles = {str(one.ref): one.status for one in desk.on_kaggle()}
    assert set(over) == {str(first.ref), str(second.ref)} == set(kaggles)
    assert {ref: (one.status or "").upper() for ref, one in over.items()} == kaggles
    assert sorted(kaggles.values()) == ["COMPLETE", "ERROR"]


def test_one_of_two_is_watched_by_its_reference(desk: Desk) -> None:
    first = desk.submit()
    desk.kaggle.hold_runs()
    desk.submit(Request(again=True))
    (one,) = desk.watch(first.ref)
    assert one.ref == str(first.ref)
    with pytest.raises(WorkflowError, match="has no submission 7"):
        desk.watch(7)


def test_the_rerun_is_measured_from_outside_with_its_error(desk: Desk) -> None:
    def slow(order: RunOrder) -> str:
        time.sleep(1.0)  # the length of the rerun is what is measured
        return GOOD

    desk.script.rerun = slow
    begun = time.monotonic()
    desk.submit()
    (one,) = desk.watch()
    took = time.monotonic() - begun
    assert one.rerun_seconds is not None
    assert one.rerun_error is not None
    assert one.rerun_seconds + one.rerun_error >= 1.0
    assert one.rerun_seconds - one.rerun_error <= took
    assert "including its time in the queue" in rerun.scored(one)


@pytest.mark.parametrize(
    ("last_pending", "over", "expected"),
    [
        (3570.0, 3600.0, (3585.0, 15.0)),
        (1800.0, 3600.0, (2700.0, 900.0)),
        (600.0, 3600.0, None),
        (None, 3600.0, None),
    ],
)
def test_what_was_not_looked_at_is_not_claimed(
    last_pending: float | None, over: float, expected: tuple[float, float] | None
) -> None:
    measured = rerun.measure(0.0, last_pending, over)
    assert (measured and (measured.seconds, measured.error)) == expected


def test_a_broken_network_is_waited_out_and_said(desk: Desk) -> None:
    desk.submit()
    desk.kaggle.fault(
        faults.drop_before("ListSubmissions", times=7), faults.status("ListSubmissions", 503, times=3)
    )
    (one,) = desk.watch(limit=60.0)
    assert one.status == "complete"
    assert any("can't be reached, retrying" in line for line in desk.said)


def test_a_score_that_never_comes(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    desk.submit()
    with pytest.raises(WaitedTooLong, match=r"is scored.*Run this again to keep waiting") as caught:
        desk.watch(limit=0.3)
    assert caught.value.exit_code == 5
    assert any("pending 0s of 9h" in line for line in desk.said)


def test_what_a_team_mate_submitted_is_theirs_to_watch(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    mine = desk.submit()
    theirs = Event("submitted", now(), ref="7", account="mate", competition=COMPETITION, status="pending")
    ledger.append(desk.root, theirs)
    assert [one.ref for one in watching.open_ones(desk.push())] == [str(mine.ref)]


def test_ctrl_c_and_kill_and_go_on_with_the_same_submission(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    done = desk.submit()
    for sign, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        desk.kaggle.forget_requests()
        watcher = child(desk, "watch")
        looked(desk)
        watcher.send_signal(sign)
        assert watcher.wait(timeout=30) == code
        watcher.communicate()
    desk.kaggle.release_runs()
    watcher = child(desk, "watch", "--json")
    told, _ = watcher.communicate(timeout=60)
    assert watcher.returncode == 0
    assert f'"ref": "{done.ref}"' in told
    assert len(desk.on_kaggle()) == 1
    assert len(ledger.read(desk.root).events) == 3


def test_nothing_is_locked_while_it_waits(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    desk.submit()
    watcher = child(desk, "watch")
    looked(desk, 2)
    desk.edit()
    assert desk.codes().version == 2
    desk.kaggle.release_runs()
    assert watcher.wait(timeout=30) == 0
    watcher.communicate()


def test_two_watchers_write_one_line_and_call_the_hook_once(desk: Desk) -> None:
    with (desk.root / "tasks.py").open("a", encoding="utf-8") as file:
        file.write(
            "def on_score(submission):\n    open('told.txt', 'a').write(f'{submission.ref} {submission.public_score}\\n')\n"
        )
    desk.kaggle.hold_runs()
    done = desk.submit()
    watchers = [child(desk, "watch") for _ in range(2)]
    looked(desk, 3)
    desk.kaggle.release_runs()
    assert [watcher.wait(timeout=60) for watcher in watchers] == [0, 0]
    for watcher in watchers:
        watcher.communicate()
    assert (desk.root / "told.txt").read_text(encoding="utf-8") == f"{done.ref} 1.0\n"
    assert [event.event for event in ledger.read(desk.root).events].count("score") == 1


def test_a_hook_hears_of_a_failure_and_a_broken_one_is_reported(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_failure(submission: Submission) -> None:
        raise OSError(submission.error)

    monkeypatch.setitem(sys.modules, "tasks", types.SimpleNamespace(on_failure=on_failure))
    desk.script.rerun = throws
    desk.submit()
    (one,) = desk.watch()
    assert one.status == "error"
    assert any("on_failure failed (OSError: Notebook Threw Exception)" in line for line in desk.warned)


def test_a_watch_with_nothing_in_flight_says_so(desk: Desk) -> None:
    watcher = child(desk, "watch")
    told, _ = watcher.communicate(timeout=60)
    assert (watcher.returncode, "No submission of this workspace is pending" in told) == (0, True)


def test_refresh_takes_in_what_was_submitted_in_the_browser(desk: Desk) -> None:
    kaggle = desk.push().kaggle
    own = kaggle.submit(
        CompetitionRef(COMPETITION), NotebookRef("tester", "cmi-sub"), 1, "submission.csv", "in the browser"
    )
    mine = desk.submit()
    desk.kaggle.wait_for_runs()
    at = workspace.load(desk.root)
    assert refreshing.refresh(at, quiet=True) == 2
    by_ref = {one.ref: one for one in desk.history()}
    assert (by_ref[str(own)].message, by_ref[str(own)].recorded, by_ref[str(own)].public_score) == (
        "in the browser",
        False,
        1.0,
    )
    assert (by_ref[str(mine.ref)].public_score, by_ref[str(mine.ref)].private_score) == (1.0, None)
    assert refreshing.refresh(at, quiet=True) == 0

    folder = desk.kaggle.world.store.competition_folder(COMPETITION)
    text = (folder / "competition.json").read_text(encoding="utf-8")
    (folder / "competition.json").write_text(
        text.replace("{", '{"deadline": "2026-01-01",', 1), encoding="utf-8"
    )
    assert refreshing.refresh(at, quiet=True) == 2
    assert {one.private_score for one in desk.history()} == {0.0}


@pytest.mark.parametrize(
    ("scores", "better"),
    [(("0.9", "0.8"), "higher"), (("1.2", "3.4"), "lower"), (("1", "1"), None), (("", "1"), None)],
)
def test_the_leaderboard_tells_which_score_is_better(scores: tuple[str, ...], better: str | None) -> None:
    assert refreshing.better_of(scores) == better


def test_a_refresh_learns_from_the_leaderboard_which_score_is_better(desk: Desk) -> None:
    board = {"submissions": [{"teamName": "a", "score": "1.2"}, {"teamName": "b", "score": "3.4"}]}
    desk.kaggle.fault(faults.answer("GetLeaderboard", board, times=2))
    for _ in range(2):
        refreshing.refresh(workspace.load(desk.root), quiet=True)
    assert [event.better for event in ledger.read(desk.root).events if event.better] == ["lower"]


def test_the_first_score_learns_it_once(desk: Desk) -> None:
    board = {"submissions": [{"teamName": "a", "score": "1.2"}, {"teamName": "b", "score": "3.4"}]}
    desk.kaggle.fault(faults.answer("GetLeaderboard", board, times=None))
    desk.submit()
    desk.kaggle.wait_for_runs()
    desk.watch()
    assert [event.better for event in ledger.read(desk.root).events if event.better] == ["lower"]
    refreshing.learn_better(desk.push(), COMPETITION)
    assert len(desk.kaggle.requests(method="GetLeaderboard")) == 1


def test_the_user_is_asked_once_where_the_leaderboard_does_not_tell(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "lower"

    monkeypatch.setattr("builtins.input", answer)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    desk.kaggle.fault(faults.status("GetLeaderboard", 500, times=None))
    for _ in range(2):
        refreshing.learn_better(desk.push(), COMPETITION)
    assert asked == [f"Which score is better in {COMPETITION}? [higher/lower] "]
    assert [line for line in desk.said if "workspace.better in invoke.yaml" in line]
    assert better_of(ledger.read(desk.root).events) == "lower"


def test_a_leaderboard_that_does_not_answer_stops_no_score(desk: Desk) -> None:
    desk.kaggle.fault(faults.status("GetLeaderboard", 500, "no", times=None))
    desk.submit()
    desk.kaggle.wait_for_runs()
    (one,) = desk.watch()
    assert one.status == "complete"
    assert any("The leaderboard of" in line for line in desk.warned)


def test_history_refresh_on_the_command_line(desk: Desk) -> None:
    desk.submit()
    desk.kaggle.wait_for_runs()
    shown = desk.invoke("history", "--refresh", "--json")
    assert (shown.returncode, '"public_score": 1.0' in shown.stdout) == (0, True), shown.stderr
    assert Path(desk.root / "ledger.jsonl").read_text(encoding="utf-8").count('"refreshed"') == 1
