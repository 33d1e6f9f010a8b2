"""Lay out a table within a width: columns that do not fit are left out by rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kaggle_workflow.ledger.history import printable

_GAP = 2
_FLEXIBLE = "message"
_FLEXIBLE_LEAST = 16
_FLEXIBLE_WANTED = 40
_RIGHT = frozenset(("public", "place", "private", "CV", "rerun", "submissions", "version"))
# Which columns to keep when not all fit, the most important first.
RANK = (
    "public",
    "ref",
    "date (UTC)",
    "experiment",
    "CV",
    "place",
    "private",
    "rerun",
    "submissions",
    "best",
    "last (UTC)",
    "message",
    "codes",
    "version",
    "commit",
    "save run",
    "account",
    "machine",
)


@dataclass(frozen=True)
class Table:
    """Lines of a table, the heading first, and the columns that did not fit."""

    lines: tuple[str, ...]
    left_out: tuple[str, ...]


def fit(rows: Sequence[Mapping[str, str]], marks: Sequence[str], width: int | None) -> Table:
    """Lay out rows that share their columns.

    Args:
        rows: by column name, in the order to show; columns that are empty everywhere are not shown.
        marks: the text before each row, such as `*`.
        width: width in cells, None for no limit.
    """
    shown = [{name: printable(text) for name, text in row.items()} for row in rows]
    names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in shown)]
    widths = {name: max(_width(name), *(_width(row[name]) for row in shown)) for name in names}
    kept = _kept(widths, width)
    if width is not None and _FLEXIBLE in kept:
        taken = sum(widths[name] + _GAP for name in kept if name != _FLEXIBLE)
        widths[_FLEXIBLE] = max(_FLEXIBLE_LEAST, min(widths[_FLEXIBLE], width - _GAP - taken))

    def line(mark: str, row: Mapping[str, str]) -> str:
        parts = [mark.ljust(_GAP - 1)]
        for name in kept:
            text = row[name]
            lacking = widths[name] - _width(text)
            if lacking < 0:
                text = _cut(text, widths[name])
                lacking = widths[name] - _width(text)
            parts.append(" " * lacking + text if name in _RIGHT else text + " " * lacking)
        text = parts[0] + " " + (" " * _GAP).join(parts[1:])
        return text.rstrip() if width is None or _width(text.rstrip()) <= width else _cut(text, width)

    lines = (
        line("", {name: name for name in names}),
        *(line(mark, row) for mark, row in zip(marks, shown, strict=True)),
    )
    return Table(lines, tuple(name for name in names if name not in kept))


def _kept(widths: Mapping[str, int], width: int | None) -> list[str]:
    """The columns that fit, chosen by rank, in their order."""
    room = float("inf") if width is None else width - _GAP
    chosen: set[str] = set()
    for name in sorted(widths, key=lambda one: RANK.index(one) if one in RANK else len(RANK)):
        needed = widths[name]
        if name == _FLEXIBLE:
            wanted = min(needed, _FLEXIBLE_WANTED)
            needed = wanted if wanted <= room else min(needed, _FLEXIBLE_LEAST)
        # The first two columns are always shown, in a narrow terminal shortened.
        if needed <= room or len(chosen) < len(RANK[:2]):
            chosen.add(name)
            room -= needed + _GAP
    return [name for name in widths if name in chosen]


def _width(text: str) -> int:
    """Width of a text in a terminal's cells; letters of some scripts take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, width: int) -> str:
    """A text shortened to a width, with an ellipsis."""
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…"
