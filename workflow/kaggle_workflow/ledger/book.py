"""Read and append the ledger, `ledger.jsonl`: one event per line.

Commit the file to git: lines are only appended, so two branches merge by keeping the lines of both (`merge=union`).
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
    """A line that could not be read, wholly or in part; it stays in the file.

    Attributes:
        number: its number, from 1.
        text: the line.
        reason: what is wrong with it.
    """

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Ledger:
    """Content of a ledger.

    Attributes:
        events: events of known kinds, in the order of the file, without duplicate lines.
        unread: lines that can't be read, events of unknown kinds, and lines with unknown fields (also among the events).
    """

    events: tuple[Event, ...] = ()
    unread: tuple[Unread, ...] = ()

    def warning(self) -> str | None:
        """A sentence about the lines that could not be read, None when there are none."""
        if not self.unread:
            return None
        first = self.unread[0]
        more = f" ({len(self.unread) - 1} more lines like it)" if len(self.unread) > 1 else ""
        return f"{FILE}, line {first.number}: {first.reason}{more}. The line was kept: fix it in an editor, or update the tool."


def append(root: Path, *events: Event) -> None:
    """Append events to the ledger of the workspace at `root`; they are on the disk when this returns.

    A crash may leave an incomplete last line: it stays, `read` reports it, and the next event starts a new line.

    Raises:
        WorkflowError: an event has a value that JSON can't represent; nothing was written.
        WaitedTooLong: another command locked the ledger for a minute.
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
            f"Another command has locked {FILE} for {_LOCK_SECONDS} s: wait until it ends, or stop it, then run this again."
        ) from error


def read(root: Path) -> Ledger:
    """Read the ledger of the workspace at `root`; a missing file is an empty ledger."""
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
            unread.append(Unread(number, text, f"not an event ({error})"))
            continue
        if event.event not in KINDS:
            unread.append(Unread(number, text, f"unknown kind of event {event.event!r}"))
            continue
        if event.extra:
            unread.append(Unread(number, text, f"unknown fields {', '.join(event.extra)}"))
        events.append(event)
    return Ledger(tuple(events), tuple(unread))


def _lines(events: tuple[Event, ...]) -> bytes:
    try:
        return "".join(event.line() + "\n" for event in events).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise WorkflowError(
            f"{FILE} can't record this event ({error}), so nothing was written: correct that value."
        ) from error


def _texts(content: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their numbers, each once: a union merge may have doubled some."""
    seen = set()
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        text = line.strip().decode("utf-8", "backslashreplace")
        if text and text not in seen:
            seen.add(text)
            yield number, text


def _event(text: str) -> Event:
    value = _DECODER.decode(text)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for a line that can't be read
    return Event.from_json(value)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


# One for all lines: making a decoder takes as long as decoding a line.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
