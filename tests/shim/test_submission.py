"""A look at the submission: what stops a save run, what only warns."""

import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kaggle_shim import submission

SAMPLE = "id,target\n1,0\n2,0\n"


def look(
    tmp_path: Path, text: str | None, check: str = "columns", sample: str | None = SAMPLE
) -> submission.Verdict:
    competition = tmp_path / "competition"
    competition.mkdir()
    if sample is not None:
        (competition / "sample_submission.csv").write_text(sample, encoding="utf-8")
    path = tmp_path / "submission.csv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return submission.examine(path, check, competition, sys.executable, os.environ)


def test_the_columns_of_the_sample_are_right(tmp_path: Path) -> None:
    assert look(tmp_path, "id,target\n1,0.5\n2,0.7\n") == submission.Verdict((), (), 2)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (None, "missing"),
        ("", "empty"),
        ("id,value\n1,2\n", "lacks target"),
        ("id,target,more\n1,2,3\n", "more too many"),
    ],
)
def test_what_can_not_be_scored_is_an_error(tmp_path: Path, text: str | None, word: str) -> None:
    verdict = look(tmp_path, text)
    assert len(verdict.errors) == 1
    assert word in verdict.errors[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("target,id\n0,1\n0,2\n", "another order"),
        ("id,target\n1,\n2,0\n", "1 missing"),
        ("id,target\n1,0\n1,0\n", "repeats"),
        ("id,target\n1,0\n", "1 rows"),
        ("id,target\n1,0\n3,0\n", "other values"),
    ],
)
def test_what_may_be_meant_warns_and_stops_only_when_strict(tmp_path: Path, text: str, word: str) -> None:
    verdict = look(tmp_path, text)
    assert verdict.errors == ()
    assert any(word in sentence for sentence in verdict.warnings)
    (tmp_path / "strict").mkdir()
    assert any(word in sentence for sentence in look(tmp_path / "strict", text, "strict").errors)


def test_a_header_alone_is_legal(tmp_path: Path) -> None:
    assert look(tmp_path, "id,target\n").errors == ()


def test_a_mask_longer_than_the_usual_field_is_read(tmp_path: Path) -> None:
    text = f"id,target\n1,{'1 ' * 100_000}\n2,0\n"
    assert look(tmp_path, text) == submission.Verdict((), (), 2)


def test_existence_is_enough_when_that_is_asked_for(tmp_path: Path) -> None:
    assert look(tmp_path, "anything", "exists") == submission.Verdict((), (), None)


def test_without_a_sample_the_existence_is_checked_and_said(tmp_path: Path) -> None:
    verdict = look(tmp_path, "a,b\n1,2\n", sample=None)
    assert verdict.errors == ()
    assert "no sample" in verdict.warnings[0]


def test_parquet_is_read_with_the_interpreter_of_the_entry_point(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    pq.write_table(pa.table({"id": [1, 2], "target": [0.1, None]}), tmp_path / "submission.parquet")
    pq.write_table(pa.table({"id": [1, 2], "target": [0.0, 0.0]}), tmp_path / "c/sample_submission.parquet")
    verdict = submission.examine(
        tmp_path / "submission.parquet", "columns", tmp_path / "c", sys.executable, os.environ
    )
    assert verdict.rows == 2
    assert verdict.errors == ()
    assert "1 missing" in verdict.warnings[0]


def test_a_package_that_prints_when_it_is_imported_is_no_reason_to_fail(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "submission.parquet")
    (tmp_path / "sitecustomize.py").write_text("print('welcome')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    table = submission.read_table(tmp_path / "submission.parquet", sys.executable, environment)
    assert (table.columns, table.rows) == (("id",), 2)


@pytest.mark.parametrize("name", ["submission.json", "submission.zip"])
def test_other_kinds_of_files_are_looked_at_by_existence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert submission.examine(path, "strict", tmp_path, sys.executable, os.environ).errors
    path.write_text("{}")
    assert submission.examine(path, "strict", tmp_path, sys.executable, os.environ) == submission.Verdict(
        (), (), None
    )
