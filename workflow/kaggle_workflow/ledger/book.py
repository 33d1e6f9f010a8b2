"""The ledger: what was pushed and submitted, and what came of it, one event per line of `ledger.jsonl`.

The file is meant for git: lines are only ever added, so two branches merge by taking both sides' lines (`merge=union`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.errors import WaitedTooLong, WorkflowError
from kaggle_workflow.ledger.event import KINDS, Event

FILE = "ledger.jsonl"
_LOCK = "build/ledger.lock"
_LOCK_SECONDS = 60


@dataclass(frozen=True)
class Unread:
    """A line of which something was not understood; it stays in the file as it is.

    Attributes:
        number: its line, from 1.
        text: the line.
        reason: what was not understood.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Ledger:
    """What a ledger holds.

    Attributes:
        events: everything that reads as an event of a known kind, in the file's order, each line once.
        unread: lines that do not read, events of unknown kinds, and lines with unknown fields (these are among the events too).
    """

    events: tuple[Event, ...] = ()
    unread: tuple[Unread, ...] = ()

    def warning(self) -> str | None:
        """One sentence about what was not understood, None when everything was."""
        if not self.unread:
            return None
        first = self.unread[0]
        more = f", and {len(self.unread) - 1} more lines" if len(self.unread) > 1 else ""
        return f"{FILE}, line {first.number}: {first.reason}{more}; nothing of it was dropped, see the lines in an editor."


def append(root: Path, *events: Event) -> None:
    """Add events to the ledger of the workspace at `root`, all of them or, after a crash, a line that `read` reports.

    The lines go to the disk before this returns. A last line that a crash cut short stays, and the new ones start below it.

    Raises:
        WorkflowError: an event holds a value that JSON can't carry; nothing was written.
        WaitedTooLong: another command held the ledger for a minute.
        OSError: the disk refused.
    """
    from filelock import FileLock, Timeout

    if not events:
        return
    content = _lines(events)
    lock = root / _LOCK
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=_LOCK_SECONDS), (root / FILE).open("a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":
                    content = b"\n" + content
            while content:
                content = content[file.write(content) :]
            os.fsync(file.fileno())
    except Timeout as error:
        raise WaitedTooLong(
            f"{FILE} was held by another command for {_LOCK_SECONDS} s: end that command, then run this one again."
        ) from error


def read(root: Path) -> Ledger:
    """Everything the ledger of the workspace at `root` says; an absent file is an empty ledger."""
    try:
        content = (root / FILE).read_bytes()
    except FileNotFoundError:
        return Ledger()
    events: list[Event] = []
    unread: list[Unread] = []
    for number, text in _texts(content):
        try:
            event = _event(text)
        except (ValueError, RecursionError) as error:
            unread.append(Unread(number, text, f"it is no event of the ledger ({error})"))
            continue
        if event.event not in KINDS:
            unread.append(
                Unread(number, text, f"events of kind {event.event!r} are not known to this version")
            )
            continue
        if event.extra:
            unread.append(Unread(number, text, f"{', '.join(event.extra)}: not known to this version"))
        events.append(event)
    return Ledger(tuple(events), tuple(unread))


def _lines(events: tuple[Event, ...]) -> bytes:
    try:
        return "".join(event.line() + "\n" for event in events).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise WorkflowError(
            f"{FILE} can't take this event ({error}): nothing was written; correct that value."
        ) from error


def _texts(content: bytes) -> Iterator[tuple[int, str]]:
    """The lines that say something, each once, with its number; a union merge may have doubled some."""
    seen = set()
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        text = line.strip().decode("utf-8", "backslashreplace")
        if text and text not in seen:
            seen.add(text)
            yield number, text


def _event(text: str) -> Event:
    value = _DECODER.decode(text)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - one kind of error for a line that does not read
    return Event.from_json(value)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


# One for all lines: making a decoder takes as long as decoding a line.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
