"""Average tables: submissions, or out-of-fold predictions, with row ids and columns of numbers.

The sums run in the order of the tables and in plain floats, so the mean of three is `(a + b + c) / 3` to the last digit.
"""

from __future__ import annotations

import csv
import math
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kaggle_shim.errors import BlendError

_T = TypeVar("_T")
_U = TypeVar("_U")
HOW = ("mean", "weighted", "rank")
# Predictions written with a few digits add up to about one.
_NEAR_ONE = 1e-3


@dataclass(frozen=True)
class Table:
    """A table to average.

    Attributes:
        name: what it is, in messages.
        header: names of its columns.
        targets: the columns to average, in the order of the header.
        keys: what identifies each row: its values in all other columns, in the order of their names.
        columns: the numbers, by target.
    """

    name: str
    header: tuple[str, ...]
    targets: tuple[str, ...]
    keys: list[tuple[str, ...]]
    columns: dict[str, array[float]]


def read_all(
    files: Mapping[str, Path],
    targets: Sequence[str] = (),
    leave_out: Callable[[str, BlendError], None] | None = None,
) -> dict[str, Table]:
    """Read CSV tables, and give them their rows in one order.

    Columns and rows are compared with those that most tables have, or with those of the first, so that a bad table never costs good ones.

    Args:
        files: the files, by what they are called in messages.
        targets: the columns to average; empty for all but the first.
        leave_out: takes name and reason of a table that can't be averaged, which is left out; None to raise.

    Raises:
        BlendError: a table can't be averaged.
    """

    def each(make: Callable[[str, _T], _U], items: Iterable[tuple[str, _T]]) -> dict[str, _U]:
        made = {}
        for name, item in items:
            try:
                made[name] = make(name, item)
            except BlendError as error:
                if leave_out is None:
                    raise
                leave_out(name, error)
        return made

    headers = each(_header, files.items())
    columns = _most_common([(header, frozenset(header)) for header in headers.values()])
    chosen = targets or (columns or ())[1:]
    tables = each(lambda name, path: read(path, name, chosen), ((name, files[name]) for name in headers))
    first = _most_common([(table, frozenset(table.keys)) for table in tables.values()])
    return each(lambda _, table: aligned(table, first or table), tables.items())


def _most_common(items: Sequence[tuple[_T, frozenset[object]]]) -> _T | None:
    """The first item whose set most items have; None for no item."""
    if not items:
        return None
    ((most, _),) = Counter(has for _, has in items).most_common(1)
    return next(item for item, has in items if has == most)


def _header(name: str, path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(next(csv.reader(file), ()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> BlendError:
    return BlendError(f"{name} can't be read as CSV ({error}): only CSV files can be averaged.")


def read(path: Path, name: str, targets: Sequence[str] = ()) -> Table:
    """Read a CSV table.

    Args:
        path: the file.
        name: what it is, in messages.
        targets: the columns to average; empty for all but the first.

    Raises:
        BlendError: it can't be read, lacks a target, repeats a row, has a row without all columns, or something else than finite
            numbers in a target.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = tuple(next(reader, ()))
            chosen = tuple(column for column in header if column in (targets or header[1:]))
            missing = [column for column in targets if column not in header]
            if missing or not chosen:
                raise BlendError(
                    f"{name} has no column {', '.join(missing) or 'to average'}; it has {', '.join(header)}."
                )
            places = [header.index(column) for column in chosen]
            # By name: another table may have its columns in another order.
            others = [header.index(column) for column in sorted({*header} - {*chosen})]
            columns = [array("d") for _ in places]
            keys = []
            for row in filter(None, reader):
                keys.append(tuple(row[place] for place in others if place < len(row)))
                for place, column in zip(places, columns, strict=True):
                    column.append(_number(row, place, name, header))
                if len(row) < len(header):
                    raise BlendError(
                        f"{name} has {len(row)} values in the row {row[0]} and {len(header)} columns: each row needs them all."
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(name, error) from error
    key, times = Counter(keys).most_common(1)[0] if keys else ((), 1)
    if times > 1:
        raise BlendError(f"{name} has {times} rows with the id {', '.join(key)}: each row needs its own.")
    return Table(name, header, chosen, keys, dict(zip(chosen, columns, strict=True)))


def _number(row: list[str], place: int, name: str, header: tuple[str, ...]) -> float:
    value = row[place] if place < len(row) else ""
    try:
        number = float(value)
    except ValueError:
        number = None
    if number is not None and math.isfinite(number):
        return number
    if number is not None:
        raise BlendError(
            f"{name} has {value} in the column {header[place]} of the row {row[0]}, and only finite numbers can be averaged."
        )
    raise BlendError(
        f"{name} has {value!r} in the column {header[place]} of the row {row[0]}, and only numbers can be averaged. "
        "Name the columns of numbers with --target; to blend class labels, submit their probabilities instead."
    )


def aligned(table: Table, first: Table) -> Table:
    """The table with its rows in the order of `first`.

    Raises:
        BlendError: the two have other columns or other rows; the message names both and what differs.
    """
    if set(table.header) != set(first.header):
        differ = sorted(set(table.header) ^ set(first.header))
        raise BlendError(
            f"{table.name} and {first.name} have different columns ({', '.join(differ)} in one only): they can't be averaged."
        )
    if table.keys == first.keys:
        return table
    rows = {key: number for number, key in enumerate(table.keys)}
    differing = [key for key in first.keys if key not in rows] or sorted(rows.keys() - set(first.keys))
    if differing:
        raise BlendError(
            f"{table.name} and {first.name} have different rows ({len(table.keys)} and {len(first.keys)}; "
            f"{', '.join(differing[0])} is in one only): they can't be averaged."
        )
    places = [rows[key] for key in first.keys]
    columns = {
        name: array("d", (values[place] for place in places)) for name, values in table.columns.items()
    }
    return Table(table.name, first.header, first.targets, first.keys, columns)


def combine(tables: Sequence[Table], weights: Sequence[float], how: str) -> dict[str, array[float]]:
    """The averaged columns, by target.

    Args:
        tables: at least one, each `aligned` to the first.
        weights: one for each table; they need not add up to one.
        how: one of `HOW`. `rank` averages ranks (the mean rank for equal values, divided by the number of rows), and makes
            them add up to one in each row again if the predictions of every table do.
    """
    first = tables[0]
    result = {}
    for target in first.targets:
        parts = [table.columns[target] for table in tables]
        parts = [ranks(part) for part in parts] if how == "rank" else parts
        result[target] = array("d", (_mean(values, weights) for values in zip(*parts, strict=True)))
    if how == "rank" and len(first.targets) > 1 and all(map(are_probabilities, tables)):
        for row in range(len(first.keys)):
            total = sum(column[row] for column in result.values())
            for column in result.values():
                column[row] /= total
    return result


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    # Not sum(): from Python 3.12 on it corrects rounding errors, so it gives another last digit.
    total = whole = 0.0
    for value, weight in zip(values, weights, strict=True):
        total += weight * value
        whole += weight
    return total / whole


def are_probabilities(table: Table) -> bool:
    """Whether the targets of every row are probabilities that add up to one."""
    return all(
        min(row) >= 0 and abs(sum(row) - 1) <= _NEAR_ONE
        for row in zip(*(table.columns[target] for target in table.targets), strict=True)
    )


def ranks(values: Sequence[float]) -> array[float]:
    """The rank of each value divided by their number: above 0 for the smallest, 1 for the largest."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = array("d", bytes(8 * len(values)))
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            result[place] = (start + 1 + end) / 2 / len(values)
        start = end
    return result


def write(path: Path, first: Table, columns: dict[str, array[float]]) -> None:
    """Write averaged columns with the rows and the header of `first`, whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    others = {name: place for place, name in enumerate(sorted({*first.header} - {*first.targets}))}
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(first.header)
        for row, key in enumerate(first.keys):
            writer.writerow(
                repr(columns[name][row]) if name in columns else key[others[name]] for name in first.header
            )
    os.replace(temporary, path)
