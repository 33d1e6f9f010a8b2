"""What submit looks at before it costs anything, what it sends, and what it remembers."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from kaggle_workflow.errors import KaggleRefused, Refused, Unreachable, WaitedTooLong, WorkflowError
from kaggle_workflow.kaggle.values import Limits
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import markers
from kaggle_workflow.ledger.event import SUBMITTED
from kaggle_workflow.push.intents import Intents
from kaggle_workflow.submit import gate, settling
from kaggle_workflow.submit.submitting import Request
from tests import workspaces
from tests.local_kaggle import faults
from tests.push import conftest as pushing
from tests.push.conftest import COMPETITION
from tests.submit.conftest import GOOD, NOTEBOOK, Desk


def refused(desk: Desk, name: str, said: str, request: Request | None = None) -> None:
    """The refusal stands by its name, nothing was sent, and `--allow` is the way through it."""
    with pytest.raises(Refused, match=said) as caught:
        desk.submit(request)
    assert caught.value.name == name
    assert not desk.kaggle.requests(method="CreateCodeSubmission")
    assert caught.value.exit_code == 2


def through(desk: Desk, *names: str, request: Request | None = None) -> None:
    """Overruled, it is submitted, and the ledger keeps what was overruled."""
    desk.submit(request, allow=frozenset(names))
    assert desk.history()[-1].overruled == names


def test_a_score_arrives_and_the_ledger_knows_what_made_it(desk: Desk) -> None:
    done = desk.submit()
    (one,) = desk.watch()
    assert (done.did, one.ref, one.status, one.public_score) == (
        "submitted",
        str(done.ref),
        "complete",
        1.0,
    )
    assert (one.notebook, one.notebook_version, one.entry) == (NOTEBOOK, 1, ("exp001.py",))
    assert one.message == "exp001.py: wider windows"
    assert (one.save_run_seconds, one.save_run_rows, one.peak_memory) == (105.0, 2, 2_000_000_000)
    assert one.codes is not None
    assert one.deps is not None
    assert (one.codes.ref, one.codes.version, one.deps.version) == ("tester/cmi-codes", 1, 1)
    assert (one.account, one.git_dirty, one.light, one.recorded) == ("tester", False, False, True)
    _, mark = markers.split(desk.on_kaggle()[0].description)
    assert mark is not None
    assert (mark.slug, mark.version) == ("cmi-sub", 1)


def test_the_commit_is_that_of_everything_that_was_sent(desk: Desk) -> None:
    first = desk.history_of_pushes()[-1].git_commit
    desk.metadata(keywords=["sleep"])
    assert [outcome.did for outcome in desk.all()] == ["unchanged", "unchanged", "sent"]
    notebook_changed = desk.history_of_pushes()[-1]
    assert (notebook_changed.git_commit, notebook_changed.git_dirty) == (first, True)
    desk.submit()
    assert desk.history()[-1].message == "exp001.py: wider windows (with changes)"

    desk.edit()
    desk.codes()
    workspaces.git(desk.root, "commit", "--quiet", "--all", "-m", "narrower windows")
    assert [outcome.did for outcome in desk.all()] == ["unchanged", "unchanged", "sent"]
    committed = desk.history_of_pushes()[-1]
    assert committed.git_commit not in (None, first)
    assert committed.git_dirty is False
    desk.submit()
    assert desk.history()[-1].message == "exp001.py: narrower windows"


@pytest.mark.parametrize("way", ["not waited for", "wait cut short"])
def test_a_commit_made_while_the_run_waits_changes_nothing_of_what_was_sent(desk: Desk, way: str) -> None:
    first = desk.history_of_pushes()[-1].git_commit
    desk.edit()
    if way == "wait cut short":
        desk.kaggle.hold_runs()
        with pytest.raises(WaitedTooLong):
            desk.all(limit=1.0)
        desk.kaggle.release_runs()
    else:
        desk.all(wait=False)
    workspaces.git(desk.root, "commit", "--quiet", "--all", "-m", "later")
    desk.all()
    ran = desk.history_of_pushes()[-1]
    assert ran.save_run_seconds is not None
    assert (ran.git_commit, ran.git_dirty) == (first, True)


def test_a_push_is_written_down_once(desk: Desk) -> None:
    desk.all()
    desk.all(force=True)
    pushed = [event for event in ledger.read(desk.root).events if event.event == "pushed"]
    assert [event.notebook_version for event in pushed] == [1, 2]
    assert [event.codes.version for event in pushed if event.codes] == [1, 2]


def test_an_unfinished_run(desk: Desk) -> None:
    desk.kaggle.hold_runs()
    desk.edit()
    desk.all(wait=False)
    refused(desk, "run-not-complete", "version 2 is queued: submit it when its run is over")
    with pytest.raises(KaggleRefused, match=r"still running.*invoke ship waits"):
        desk.submit(allow=frozenset(["run-not-complete"]))


def test_a_failed_run(desk: Desk) -> None:
    desk.kaggle.fault(faults.run("fail"))
    with pytest.raises(WorkflowError):
        desk.repush()
    refused(desk, "run-not-complete", r"The run of tester/cmi-sub version 2 did not complete \(error")


def test_no_output(desk: Desk) -> None:
    desk.repush(save=None)
    refused(desk, "no-output", r"has no submission.csv in its output \(run-report.json\)")
    with pytest.raises(
        KaggleRefused, match=r"Did not find provided Notebook Output File\. Name the file that"
    ):
        desk.submit(allow=frozenset(["no-output"]))


def test_an_output_of_zero_bytes(desk: Desk) -> None:
    desk.repush(save="")
    refused(desk, "empty-output", "is empty")
    through(desk, "empty-output")


def test_other_columns_than_the_sample(desk: Desk) -> None:
    desk.repush(save="row_id,series_id,event,score,weight\n0,a,onset,1,1\n")
    refused(desk, "columns", "missing: step; unexpected: weight")
    through(desk, "columns")


def test_columns_in_another_order_are_said_and_refuse_nothing(desk: Desk) -> None:
    desk.repush(save=GOOD.replace("row_id,series_id,step,event,score", "row_id,event,step,series_id,score"))
    desk.submit()
    assert any("another order" in line for line in desk.warned)


def test_the_sample_is_asked_of_kaggle_where_it_is_not_here(desk: Desk) -> None:
    for path in (desk.root / "data" / "competitions").rglob("sample*"):
        path.unlink()
    desk.repush(save="row_id\n0\n")
    desk.kaggle.behave(single_file_zipped=True)
    refused(desk, "columns", "missing: series_id, step, event, score")


def test_a_report_of_other_codes(desk: Desk) -> None:
    with pytest.raises(WorkflowError):
        desk.repush(report={"codes": {"fingerprint": "ab" * 32}})
    refused(desk, "other-fingerprint", "ran the codes abababababab, but")
    through(desk, "other-fingerprint")


def test_a_run_without_a_report(desk: Desk) -> None:
    desk.repush()
    (desk.kaggle.notebook_output(NOTEBOOK) / "run-report.json").unlink()
    log = desk.kaggle.notebook_output(NOTEBOOK).with_name("log.json")
    log.write_text("[]", encoding="utf-8")
    refused(desk, "unproved-run", "what it ran can't be checked")
    through(desk, "unproved-run")


def test_internet_on(desk: Desk) -> None:
    desk.kaggle.notebook(NOTEBOOK).versions[-1].enable_internet = True
    refused(desk, "internet-on", "has internet access")
    with pytest.raises(KaggleRefused, match=r"cannot use internet access.*enable_internet to false"):
        desk.submit(allow=frozenset(["internet-on"]))


def test_no_submissions_left_says_when_the_limit_resets(desk: Desk) -> None:
    for _ in range(5):
        desk.submit(Request(again=True))
        desk.watch()
    desk.kaggle.forget_requests()
    refused(desk, "no-submissions-left", r"5 used\): submit again after 00:00 UTC, in ", Request(again=True))
    with pytest.raises(
        KaggleRefused,
        match=r"daily Submission allowance \(5\) today\. Submit this version again after 00:00 UTC",
    ):
        desk.submit(Request(again=True), allow=frozenset(["no-submissions-left"]))


def test_the_total_allowance_is_another_sentence() -> None:
    at = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
    daily, total = (gate.left(Limits(0, 5, 90, by_total=by), at) for by in (False, True))
    assert daily is not None
    assert total is not None
    assert "00:00 UTC, in 1h30m" in daily.sentence
    assert "All 90 submissions" in total.sentence


def test_all_zeros_mean_unknown_and_refuse_nothing(desk: Desk) -> None:
    assert desk.push().kaggle.limits(desk.push().workspace.notebook("sub").metadata.sources[1]).left is None  # type: ignore[arg-type]  # the competition
    assert desk.submit().did == "submitted"


def test_a_version_that_was_not_pushed_from_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOKE_WORKSPACE_ID", "0123456789abcdef")
    refused(desk, "not-pushed", "was pushed from another workspace")
    through(desk, "not-pushed")


def test_a_version_that_was_edited_on_kaggle(desk: Desk) -> None:
    notebook = desk.kaggle.notebook(NOTEBOOK)
    source = desk.kaggle.world.store.notebook_folder(notebook, 1) / "source"
    value = json.loads(source.read_text(encoding="utf-8"))
    value["cells"][-1]["source"] += "\nprint('edited on the site')"
    source.write_text(json.dumps(value), encoding="utf-8")
    refused(desk, "not-pushed", "was edited on Kaggle")


def test_nobody_says_yes(desk: Desk) -> None:
    with pytest.raises(Refused, match=r"uses a submission.*add --yes") as caught:
        desk.submit(yes=False)
    assert caught.value.name == "spend-submission"
    assert not desk.on_kaggle()
    desk.submit(yes=False, allow=frozenset(["spend-submission"]))
    assert len(desk.on_kaggle()) == 1


@pytest.mark.parametrize(("answer", "code", "count"), [("y", 0, 1), ("n", 2, 0)])
def test_the_answer_on_a_terminal_decides(desk: Desk, answer: str, code: int, count: int) -> None:
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "invoke", "submit"]
    with subprocess.Popen(words, cwd=desk.root, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        told = b""
        while b"[y/N]" not in told:
            told += os.read(ours, 1024)
        os.write(ours, f"{answer}\n".encode())
        with contextlib.suppress(OSError):  # Linux ends the terminal's stream with an error
            while block := os.read(ours, 1024):
                told += block
    os.close(ours)
    assert (child.returncode, len(desk.on_kaggle())) == (code, count), told.decode()
    assert b"uses a submission" in told


def test_a_dry_run_looks_at_everything_and_sends_nothing(desk: Desk) -> None:
    assert desk.submit(dry_run=True, yes=False).did == "would submit"
    assert not desk.on_kaggle()


def test_an_older_version_is_submitted_by_its_number(desk: Desk) -> None:
    desk.repush()
    desk.submit(Request(version=1))
    assert desk.on_kaggle()[0].notebook_version == 1
    assert any("version 2 of tester/cmi-sub is newer" in line for line in desk.warned)
    with pytest.raises(WorkflowError, match="version 7 is not on Kaggle"):
        desk.submit(Request(version=7))


def test_the_same_version_is_not_submitted_twice_unasked(desk: Desk) -> None:
    first = desk.submit()
    assert (desk.submit().did, desk.submit().ref) == ("already submitted", first.ref)
    assert len(desk.on_kaggle()) == 1
    assert desk.submit(Request(again=True)).ref != first.ref


def test_without_build_and_ledger_it_is_still_known_on_kaggle(desk: Desk) -> None:
    first = desk.submit(Request(message="by hand"))
    (desk.root / "ledger.jsonl").unlink()
    for path in (desk.root / "build").rglob("*.json"):
        path.unlink()
    assert (desk.submit().did, len(desk.on_kaggle())) == ("already submitted", 1)
    (one,) = desk.history()
    assert (one.ref, one.message, one.recorded) == (str(first.ref), "by hand", True)


@pytest.mark.parametrize("form", ["flat", "nested"])
def test_the_reason_of_a_refusal_is_kaggles_own_text_and_one_line_of_advice(desk: Desk, form: str) -> None:
    desk.kaggle.behave(error_form=form)
    desk.kaggle.fault(faults.status("CreateCodeSubmission", 400, "Phone verification is required."))
    with pytest.raises(
        KaggleRefused, match=r"refused to submit .* 1: Phone verification is required\. Verify your phone"
    ) as caught:
        desk.submit()
    assert caught.value.exit_code == 3
    assert desk.submit().did == "submitted"


def test_rules_that_are_not_accepted(desk: Desk) -> None:
    desk.kaggle.set_rules(COMPETITION, accepted=False)
    with pytest.raises(KaggleRefused, match="rules"):
        desk.submit()


def test_a_late_submission_is_scored_with_its_private_score(desk: Desk) -> None:
    folder = desk.kaggle.world.store.competition_folder(COMPETITION)
    value = json.loads((folder / "competition.json").read_text(encoding="utf-8"))
    (folder / "competition.json").write_text(
        json.dumps({**value, "deadline": "2026-01-01"}), encoding="utf-8"
    )
    desk.submit()
    (one,) = desk.watch()
    assert (one.public_score, one.private_score) == (1.0, 0.0)


@pytest.mark.parametrize("drop", [faults.drop_before, faults.drop_after])
def test_a_lost_answer_is_settled_by_looking_for_the_mark(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, drop: object
) -> None:
    pushing.hurry(monkeypatch, 0.5)
    desk.kaggle.fault(drop("CreateCodeSubmission"))  # type: ignore[operator]  # one of two functions
    if drop is faults.drop_after:
        assert desk.submit().did == "found"
    else:
        with pytest.raises(Unreachable, match="not known whether Kaggle has") as caught:
            desk.submit()
        assert caught.value.exit_code == 6
        # What --limit cuts short proves nothing: Kaggle may be slow, and a second submission would be spent.
        pushing.hurry(monkeypatch, 600.0)
        with pytest.raises(WaitedTooLong, match=r"not known yet whether .*, and nothing was sent"):
            desk.submit(limit=0.0)
        assert desk.on_kaggle() == []
        pushing.hurry(monkeypatch, 0.3)
        assert desk.submit().did == "submitted"
    assert len(desk.on_kaggle()) == 1
    assert [one.ref for one in desk.history()] == [str(desk.on_kaggle()[0].ref)]


def test_a_lost_answer_to_a_repeat_is_not_mixed_up_with_the_first(desk: Desk) -> None:
    first = desk.submit()
    desk.kaggle.fault(faults.drop_after("CreateCodeSubmission"))
    second = desk.submit(Request(again=True))
    assert second.did == "found"
    assert {str(first.ref), str(second.ref)} == {one.ref for one in desk.history()}
    assert len(desk.on_kaggle()) == 2


def test_a_submission_that_kaggles_list_does_not_show_yet_is_not_sent_again(desk: Desk) -> None:
    first = desk.submit()
    desk.kaggle.fault(faults.answer("ListSubmissions", {"submissions": []}, times=None))
    again = desk.submit()
    assert (again.did, again.ref) == ("already submitted", first.ref)
    assert len(desk.on_kaggle()) == 1


def test_a_repeat_that_did_not_arrive_is_not_mixed_up_with_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushing.hurry(monkeypatch, 0.3)
    first = desk.submit()
    desk.kaggle.fault(faults.drop_before("CreateCodeSubmission"))
    with pytest.raises(Unreachable):
        desk.submit(Request(again=True))
    assert [one.ref for one in desk.history()] == [str(first.ref)]
    assert desk.submit(Request(again=True)).did == "submitted"
    assert len(desk.on_kaggle()) == 2


def test_killed_before_the_answer_was_written_down(desk: Desk) -> None:
    first = desk.submit(Request(message="kept", cv=0.7))
    line = next(event for event in ledger.read(desk.root).events if event.event == SUBMITTED)
    intents = Intents(desk.root / "build")
    _, mark = markers.split(desk.on_kaggle()[0].description)
    text = (desk.root / "ledger.jsonl").read_text(encoding="utf-8")
    (desk.root / "ledger.jsonl").write_text("".join(text.splitlines(keepends=True)[:-1]), encoding="utf-8")
    with intents.sending(
        settling.intent_key(NOTEBOOK), str(mark), details={"before": [], "event": line.to_json()}
    ):
        pass
    (one,) = desk.watch()
    assert (one.ref, one.cv, one.message, one.public_score) == (str(first.ref), 0.7, "kept", 1.0)
    assert len(desk.on_kaggle()) == 1


def test_cv_comes_from_the_option_or_from_metrics_beside_the_weights(desk: Desk) -> None:
    weights = desk.root / "data" / "working" / "models" / "exp001"
    weights.mkdir(parents=True)
    (weights / "metrics.json").write_text('{"cv": 0.812}', encoding="utf-8")
    desk.submit()
    desk.submit(Request(again=True, cv=0.5))
    assert [one.cv for one in desk.history()] == [0.812, 0.5]
    (weights / "metrics.json").write_text('{"cv": NaN}', encoding="utf-8")
    desk.submit(Request(again=True))
    assert desk.history()[-1].cv is None
    assert any('no number under "cv"' in line for line in desk.warned)


def test_the_estimate_rests_on_rows_or_on_earlier_reruns(desk: Desk) -> None:
    assert "say how many rows the hidden test has" in desk.submit(dry_run=True).estimate
    found = desk.submit(Request(hidden_rows=200)).estimate
    assert "2h47m, 31% of the limit of 9h: the save run's entry point took 1m40s for 2 rows" in found


def test_a_light_save_run_is_known_to_report_gate_estimate_and_ledger(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVOKE_WORKSPACE_SAVE_RUN", "light")
    desk.repush()
    assert any("is light (workspace.save-run)" in line for line in desk.warned)
    done = desk.submit()
    assert "the save run was light" in done.estimate
    assert any("checked mounts, install and imports, but not a full run" in line for line in desk.warned)
    assert desk.history()[-1].light is True
