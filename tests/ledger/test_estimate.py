"""What `submit` says about the rerun before it costs anything."""

from dataclasses import replace

from kaggle_workflow.ledger.estimate import SaveRun, estimate
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.ledger.fold import Submission, fold
from tests.ledger import samples

HOUR = 3600.0
REPORT = {
    "phases": {"mounts": 2.0, "wheels": 18.0, "entry": 100.0},
    "entry_seconds": 100.0,
    "submission": {"rows": 1000},
    "light": False,
}
SAVE_RUN = SaveRun(seconds=120.0, entry_seconds=100.0, rows=1000)


def rerun(seconds: float, **changes: object) -> Submission:
    (found,) = fold([samples.pushed(1), samples.submitted(1), samples.score(1, rerun_seconds=seconds)])
    return replace(found, **{"machine_shape": None, "save_run_seconds": 100.0, **changes})  # type: ignore[arg-type]  # any field


def test_the_report_of_a_save_run_is_read() -> None:
    assert SaveRun.from_report(REPORT) == SAVE_RUN
    assert SaveRun.from_report({}) == SaveRun()
    assert SaveRun.from_report({"light": True, "submission": {"rows": None}}) == SaveRun(light=True)


def test_hidden_rows_stretch_the_entry_point_and_nothing_else() -> None:
    found = estimate(SAVE_RUN, (), limit=HOUR, hidden_rows=20_000)
    assert found.seconds == 20 + 2000
    assert found.share == 2020 / HOUR
    assert "56% of the limit of 1h" in found.sentence
    assert "1,000 rows" in found.sentence


def test_a_rerun_of_the_same_codes_counts_before_anything_else() -> None:
    same = rerun(1800.0, codes=Part("ada/codes", 1, "c" * 64))
    found = estimate(SAVE_RUN, (same, rerun(60.0)), limit=HOUR, hidden_rows=20_000, codes="c" * 64)
    assert (found.seconds, found.share) == (1800.0, 0.5)
    assert "same codes" in found.sentence
    assert same.ref in found.sentence


def test_earlier_reruns_tell_how_much_longer_than_a_save_run_they_take() -> None:
    found = estimate(SAVE_RUN, (rerun(900.0), rerun(1100.0), rerun(1000.0)), limit=HOUR)
    assert found.seconds == 1200.0
    assert "3 earlier reruns took 10.0 times" in found.sentence
    assert "9.0 to 11.0" in found.sentence


def test_reruns_of_the_same_experiment_are_preferred() -> None:
    other = rerun(5000.0, entry=("exp009.py",))
    assert (
        estimate(
            SAVE_RUN, (other, rerun(1000.0, entry=("exp001.py",))), limit=HOUR, entry=("exp001.py", "--x")
        ).seconds
        == 1200.0
    )


def test_reruns_on_another_machine_or_that_failed_say_nothing() -> None:
    found = estimate(
        SAVE_RUN, (rerun(900.0, machine_shape="NvidiaL4"), rerun(900.0, status="error")), limit=HOUR
    )
    assert found.seconds is None
    assert "--hidden-rows" in found.sentence


def test_a_light_save_run_says_nothing_about_the_rerun() -> None:
    light = replace(SAVE_RUN, light=True)
    found = estimate(light, (rerun(900.0),), limit=HOUR, hidden_rows=20_000)
    assert found.seconds is None
    assert found.share is None
    assert "light" in found.sentence


def test_a_light_save_run_of_an_earlier_submission_is_no_measure() -> None:
    assert estimate(SAVE_RUN, (rerun(900.0, light=True),), limit=HOUR).seconds is None


def test_a_save_run_without_rows_is_said() -> None:
    assert "has no number of rows" in estimate(SaveRun(seconds=10.0), (), limit=HOUR, hidden_rows=5).sentence
