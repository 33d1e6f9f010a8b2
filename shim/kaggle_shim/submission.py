"""Check the submission, as strictly as the workspace asks.

`exists`: the file is there and not empty. `columns`: a table has the columns of the competition's sample. `strict`: the rows
and ids of the sample as well. Of other kinds of files only the existence is checked. `judge` is pure.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kaggle_shim.errors import SubmissionError

SAMPLE_NAMES = ("sample_submission", "sampleSubmission", "SampleSubmission", "submission_format")
_SAMPLE_PATTERN = re.compile(r"(sample|example|test).?submission|submission.?(format|sample)", re.IGNORECASE)
_SEEN_ENTRIES = 500
_NO_SAMPLE = (
    "The competition has no sample submission to compare with: only the file's existence was checked."
)
_LONGEST_FIELD = 1 << 30
_MISSING_VALUES = frozenset(("", "nan", "null", "none", "na"))
# Read in a child, with the interpreter that has the entry point's packages; the shim itself knows no parquet.
_PARQUET_READER = """
import json, sys
import pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
first = [str(value) for value in table.column(0).to_pylist()] if table.num_columns else []
nulls = sum(table.column(i).null_count for i in range(table.num_columns))
print(json.dumps({"columns": table.column_names, "rows": table.num_rows, "ids": first, "missing": nulls}))
"""


@dataclass(frozen=True)
class Table:
    """What is compared of a table: column names, number of rows, the first column's values, number of missing values."""

    columns: tuple[str, ...]
    rows: int
    ids: tuple[str, ...]
    missing: int


@dataclass(frozen=True)
class Verdict:
    """Result of a check: errors stop a save run, warnings never do; `rows` is None for a file that isn't a table."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    rows: int | None


def examine(
    path: Path, check: str, competition: Path | None, python: str, environment: Mapping[str, str]
) -> Verdict:
    """Examine a submission as closely as `check` says, against the sample in the mounted competition.

    `python` is an interpreter that may have pyarrow, for parquet, and `environment` its environment.
    """
    if fault := _not_there(path):
        return Verdict((fault,), (), None)
    if check == "exists" or path.suffix not in (".csv", ".parquet"):
        return Verdict((), (), None)
    rows = None
    try:
        table = read_table(path, python, environment)
        rows = table.rows
        sample = find_sample(competition, path.suffix) if competition is not None else None
        if sample is None:
            return Verdict((), (_NO_SAMPLE,), rows)
        errors, warnings = judge(
            table, read_table(sample, python, environment), check, path.name, sample.name
        )
    except SubmissionError as error:
        return Verdict((), (str(error),), rows)
    except OSError as error:
        gone = f"The competition's sample can't be read in {competition} ({error.strerror or error}): only {path.name}'s existence was checked."
        return Verdict((), (gone,), rows)
    return Verdict(errors, warnings, rows)


def _not_there(path: Path) -> str | None:
    if path.is_file() and path.stat().st_size:
        return None
    if path.is_file():
        return f"{path.name} is empty (zero bytes): the entry point opened it and wrote nothing, let it write the rows."
    entries = islice(path.parent.iterdir(), _SEEN_ENTRIES) if path.parent.is_dir() else ()
    beside = sorted(entry.name for entry in entries if entry.is_file())
    there = f"the entry point left {', '.join(beside[:8])}" if beside else "the entry point left no file"
    return f"{path.name} is missing in {path.parent}: {there}; write it there, or name it in workspace.submission."


def judge(
    table: Table, sample: Table, check: str, name: str, sample_name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compare a submission with the sample: (errors, warnings), each a sentence."""
    errors: list[str] = []
    soft: list[str] = []
    lacking = [column for column in sample.columns if column not in table.columns]
    extra = [column for column in table.columns if column not in sample.columns]
    if lacking or extra:
        parts = [f"lacks {', '.join(lacking)}"] if lacking else []
        parts += [f"has {', '.join(extra)} too many"] if extra else []
        errors.append(
            f"{name} {' and '.join(parts)}, compared with {sample_name}: write the sample's columns."
        )
    elif table.columns != sample.columns:
        soft.append(f"{name} has the columns of {sample_name} in another order.")
    if table.missing:
        soft.append(f"{name} has {table.missing} missing values.")
    if not errors:
        soft += _about_rows(table, sample, name, sample_name)
    if check == "strict":
        return (*errors, *soft), ()
    return tuple(errors), tuple(soft)


def _about_rows(table: Table, sample: Table, name: str, sample_name: str) -> list[str]:
    sentences = []
    key = sample.columns[0] if sample.columns else ""
    if len(set(table.ids)) != len(table.ids):
        sentences.append(f"{name} repeats values of its first column {key}.")
    if table.rows != sample.rows:
        sentences.append(f"{name} has {table.rows} rows, {sample_name} has {sample.rows}.")
    elif table.columns == sample.columns and set(table.ids) != set(sample.ids):
        sentences.append(f"{name} has other values of {key} than {sample_name}.")
    return sentences


def find_sample(competition: Path, suffix: str) -> Path | None:
    """The competition's sample submission of that suffix, by its usual names, then among the first entries of the folder."""
    for stem in SAMPLE_NAMES:
        path = competition / f"{stem}{suffix}"
        if path.is_file():
            return path
    with os.scandir(competition) as entries:
        for entry in islice(entries, _SEEN_ENTRIES):
            if entry.name.endswith(suffix) and _SAMPLE_PATTERN.search(entry.name):
                return Path(entry.path)
    return None


def read_table(path: Path, python: str, environment: Mapping[str, str]) -> Table:
    """Read a csv or parquet table; raises SubmissionError when it can't be read as one."""
    return _read_parquet(path, python, environment) if path.suffix == ".parquet" else _read_csv(path)


def _read_csv(path: Path) -> Table:
    missing = 0
    ids = []
    # A mask of a whole picture, run-length encoded, is longer than the usual 131,072 characters.
    usual = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            columns = tuple(next(reader, []))
            for row in filter(None, reader):
                ids.append(row[0])
                missing += sum(value.strip().lower() in _MISSING_VALUES for value in row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SubmissionError(
            f"{path.name} can't be read as csv ({error}): only its existence was checked."
        ) from error
    finally:
        csv.field_size_limit(usual)
    return Table(columns, len(ids), tuple(ids), missing)


def _read_parquet(path: Path, python: str, environment: Mapping[str, str]) -> Table:
    command = [python, "-c", _PARQUET_READER, str(path)]
    child = subprocess.run(command, env=dict(environment), capture_output=True, encoding="utf-8", check=False)
    try:
        # What other packages print when they are imported comes first.
        value = json.loads(child.stdout.strip().rpartition("\n")[2])
        return Table(tuple(value["columns"]), value["rows"], tuple(value["ids"]), value["missing"])
    except (ValueError, KeyError, TypeError) as error:
        reason = child.stderr.strip().rpartition("\n")[2] or f"exit code {child.returncode}"
        raise SubmissionError(
            f"{path.name} can't be read as parquet ({reason}): only its existence was checked."
        ) from error
