"""What commands say: tables and progress on a terminal, plain lines everywhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

_THOUSAND = 1000


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(text, flush=True)


def warn(text: str) -> None:
    """One line that deserves a second look."""
    print(f"warning: {text}", file=sys.stderr, flush=True)


def as_json(value: object) -> None:
    """A report for programs: one JSON document on standard output."""
    print(json.dumps(value, indent=1, ensure_ascii=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that fits the terminal, or aligned plain lines where there is none."""
    if not sys.stdout.isatty():
        widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]
        print(title)
        for row in [columns, *rows]:
            print(
                "  "
                + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    Console().print(drawn)


def confirm(question: str, *, yes: bool) -> bool:
    """Ask on the terminal; `yes` answers for it, and without a terminal the answer is no."""
    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB"):
        if count < _THOUSAND:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _THOUSAND
    return f"{count:.1f} GB"
