"""Kaggle's reasons and what to do about each: a row for each, a test for each row."""

from __future__ import annotations

import pytest

from kaggle_workflow.submit import advice

REFUSALS = [
    ("daily-limit", "Submission not allowed: Your team has used its daily Submission allowance (5) today."),
    ("daily-limit", "You have reached the submission limit for today"),
    ("total-limit", "Submission not allowed: Your team has used its total Submission allowance (100)."),
    ("phone-verification", "You must verify your phone number before you can submit"),
    ("rules", "You must accept this competition's rules before you'll be able to submit."),
    ("still-running", "Your Notebook is still running. Submit it when it has finished."),
    ("failed-run", "Your Notebook did not run successfully and cannot be submitted."),
    ("wrong-file", "Did not find provided Notebook Output File"),
    ("internet", "Your Notebook cannot use internet access in this competition."),
    ("not-attached", "Your Notebook does not use this competition as a data source."),
    ("files-only", "This competition takes files, not Notebooks."),
    ("submissions-disabled", "Submissions are disabled for this competition."),
    ("submissions-disabled", "The competition has ended and takes no more Submissions."),
    ("not-yours", "Permission 'kernelSessions.get' was denied"),
]
FAILURES = [
    ("timeout", "Notebook Timeout"),
    ("exception", "Notebook Threw Exception"),
    ("compute", "Notebook Exceeded Allowed Compute"),
    ("no-file", "Submission CSV Not Found"),
    ("scoring", "Submission Scoring Error: the submission lacks the column score"),
]


@pytest.mark.parametrize(("name", "said"), REFUSALS)
def test_the_reason_of_a_refusal_has_its_own_advice(name: str, said: str) -> None:
    wanted = next(row.sentence for row in advice.REFUSALS if row.name == name)
    assert advice.for_refusal(said) == wanted


@pytest.mark.parametrize(("name", "said"), FAILURES)
def test_the_class_of_a_failed_rerun_has_its_own_advice(name: str, said: str) -> None:
    wanted = next(row.sentence for row in advice.FAILURES if row.name == name)
    assert advice.for_failure(said) == wanted


def test_every_row_has_its_test() -> None:
    assert {row.name for row in advice.REFUSALS} == {name for name, _ in REFUSALS}
    assert {row.name for row in advice.FAILURES} == {name for name, _ in FAILURES}


def test_a_reason_that_nobody_knows_says_where_to_look() -> None:
    assert "page" in advice.for_refusal("Computer says no")
    assert "page" in advice.for_failure("Computer says no")
