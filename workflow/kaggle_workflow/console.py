"""What commands say: tables and progress on a terminal, plain lines everywhere else."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence

_THOUSAND = 1000
# What moves a cursor, names a window, turns the writing around, or is no character at all: C0, C1, bidi controls, surrogates.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)"
)
_COLOURS_OR_CONTROLS = re.compile(rf"(?P<kept>\x1b\[[0-9;:]*m|\r)|{_CONTROLS.pattern}")


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(plain(text), flush=True)


def warn(text: str) -> None:
    """One line that deserves a second look."""
    print(plain(f"warning: {text}"), file=sys.stderr, flush=True)


def plain(text: str) -> str:
    """A text in which whatever would command a terminal is spelled out: names, messages and logs come from others."""
    return _CONTROLS.sub(_spelled, text)


def coloured(text: str) -> str:
    """A log as a terminal may show it: its colours and the lines that it writes over, nothing else that commands."""
    return _COLOURS_OR_CONTROLS.sub(lambda one: one["kept"] or _spelled(one), text)


class _Printed:
    """Whether this command has printed its JSON document."""

    document = False


def as_json(value: object) -> None:
    """A report for programs: one JSON document on standard output."""
    _Printed.document = True
    print(plain(json.dumps(value, indent=1, ensure_ascii=False)))


def has_printed_json() -> bool:
    """Whether this command has printed its JSON document: a failure after it adds no second one."""
    return _Printed.document


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that fits the terminal, or aligned plain lines where there is none."""
    title, rows = plain(title), [[plain(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
        print(title)
        for row in [columns, *rows]:
            print(
                "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # As Text, since [brackets] in a name are no markup of rich's.
    # The title stands above the table: inside, rich would wrap it at the table's width.
    drawn = Table(show_edge=False, pad_edge=False)
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(Text(title), drawn, sep="\n")


def confirm(question: str, *, yes: bool) -> bool:
    """Ask on the terminal; `yes` answers for it, and without a terminal the answer is no."""
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input(plain(f"{question} [y/N] ")).strip().lower() in ("y", "yes")


def choose(question: str, choices: Sequence[str]) -> str | None:
    """Ask on the terminal for one of several words; None without a terminal, and for an answer that is none of them."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    given = input(plain(f"{question} [{'/'.join(choices)}] ")).strip().lower()
    return next((choice for choice in choices if given and choice.startswith(given)), None)


def count(number: int, noun: str) -> str:
    """A number with its noun, such as `1 error` and `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if count < _THOUSAND:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _THOUSAND
    return f"{count:.1f} GB"


def _spelled(one: re.Match[str]) -> str:
    """As JSON spells it, so that JSON stays JSON."""
    return f"\\u{ord(one[0]):04x}"
