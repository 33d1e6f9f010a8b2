"""Wait for Kaggle: poll often at first and less often later, and show the condition, its limit and its state."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from kaggle_workflow.errors import Unreachable, WaitedTooLong

T = TypeVar("T")
Say = Callable[[str], None]

# How long Kaggle may process an upload, and how long something may take to appear after an answer that was lost.
PROCESSING_SECONDS = 3600.0
LATE_SECONDS = 120.0
_FIRST_SECONDS = 0.5
_GROWTH = 1.5
_PATIENCE_SECONDS = 600.0
_SAY_EVERY_SECONDS = 60.0
_LONGEST_DETAIL = 200


class Show(Protocol):
    """Shows the state of a wait, in place of the previous one."""

    def __call__(self, text: str, detail: str = "") -> None:
        """Show the state; a change of `detail` alone prints no new line."""


@dataclass(frozen=True)
class Waits:
    """How to wait.

    Attributes:
        poll: the longest pause between two requests, in seconds.
        say: prints a line.
        limit: replaces every wait's own limit (seconds).
        patience: seconds without a network after which a wait ends.
        first: the first pause, in seconds; each is longer than the one before.
        slept: the pauses made, in seconds: time spent waiting for Kaggle.
    """

    poll: float
    say: Say
    limit: float | None = None
    patience: float = _PATIENCE_SECONDS
    first: float = _FIRST_SECONDS
    slept: list[float] = field(default_factory=list, compare=False)

    def until(
        self,
        what: str,
        limit: float,
        look: Callable[[Show], T | None],
        *,
        at_once: bool = True,
        lengthen: bool = True,
    ) -> T:
        """Look until there is a result.

        Args:
            what: the condition, to follow "waiting until".
            limit: seconds.
            look: returns None while the condition is not met; takes a function that shows the state.
            at_once: whether to look before the first pause.
            lengthen: whether `--limit` may make the wait longer than `limit`; it always may make it shorter.

        Raises:
            WaitedTooLong: the condition was not met within the limit.
            Unreachable: Kaggle could not be reached for as long as `patience` says (ten minutes by default).
        """
        if self.limit is not None:
            limit = self.limit if lengthen else min(limit, self.limit)
        started = time.monotonic()
        unreachable: float | None = None
        pause = min(self.first, self.poll)
        with _line(f"waiting until {what} (for {seconds(limit)} at most)", self.say) as show:
            while True:
                try:
                    found = look(show) if at_once else None
                    at_once, unreachable = True, None
                except Unreachable:
                    now = time.monotonic()
                    unreachable = unreachable if unreachable is not None else now
                    if now - unreachable > min(self.patience, limit):
                        raise
                    show("Kaggle can't be reached, retrying")
                    found = None
                if found is not None:
                    return found
                left = limit - (time.monotonic() - started)
                if left <= 0:
                    raise WaitedTooLong(
                        f"Timed out after {seconds(limit)}, waiting until {what}. Run this again to keep waiting."
                    )
                self.slept.append(min(pause, left))
                time.sleep(self.slept[-1])
                pause = min(pause * _GROWTH, self.poll)

    def find_interrupted(
        self, what: str, limit: float, look: Callable[[Show], T | None], *, lengthen: bool = True
    ) -> T | None:
        """Look for what an interrupted command may have made.

        Args:
            what: what was sent, such as `the version of me/cmi-codes`.
            limit: seconds after which it does not exist.
            look: returns it, or None while Kaggle does not show it.
            lengthen: as in `until`; Kaggle may need longer than `limit` to process a dataset or a model.

        Returns:
            What `look` returned, None when it does not exist.

        Raises:
            WaitedTooLong: `--limit` ended the wait early, and it may still appear.
        """
        self.say(f"An earlier command was interrupted; checking whether Kaggle has {what}.")
        try:
            return self.until(f"{what} appears", limit, look, lengthen=lengthen)
        except WaitedTooLong as error:
            if self.limit is not None and self.limit < limit:
                raise WaitedTooLong(
                    f"It is not known yet whether Kaggle has {what}, and nothing was sent: run this again without --limit."
                ) from error
        self.say(f"Kaggle does not have {what}: the earlier command did not send it.")
        return None

    def find_lost(self, what: str, look: Callable[[Show], T | None], *, lengthen: bool = True) -> T:
        """Look for what was sent when Kaggle's answer was lost; like `find_interrupted`, but raises Unreachable when it is not found."""
        self.say(f"Kaggle's answer was lost; checking whether Kaggle has {what}.")
        try:
            return self.until(f"{what} appears", LATE_SECONDS, look, lengthen=lengthen)
        except (WaitedTooLong, Unreachable) as error:
            raise Unreachable(
                f"It is not known whether Kaggle has {what}: run this again, it checks before it sends anything."
            ) from error


def seconds(value: float) -> str:
    """Seconds as people read them."""
    if value < 120:  # noqa: PLR2004 - below two minutes seconds read better
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"  # noqa: PLR2004 - tenths matter below ten
    minutes, rest = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


@contextmanager
def _line(title: str, say: Say) -> Iterator[Show]:
    """A live line on a terminal; elsewhere a plain one at the start, at each change, and every minute."""
    # rich is not needed for an upload from training code on another machine.
    if sys.stderr.isatty() and importlib.util.find_spec("rich") is not None:
        with _live(title) as show:
            yield show
        return
    say(f"{title}.")
    started = time.monotonic()
    last_text, last_at = "", started

    def plain(text: str, detail: str = "") -> None:
        nonlocal last_text, last_at
        now = time.monotonic()
        if text != last_text or now - last_at >= _SAY_EVERY_SECONDS:
            more = f": {detail[:_LONGEST_DETAIL]}" if detail else "."
            say(f"  {text} after {seconds(now - started)}{more}")
            last_text, last_at = text, now

    yield plain


@contextmanager
def _live(title: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    # A log line may hold [brackets], and is cut where the terminal ends.
    text_column = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")
    )
    columns: tuple[Any, ...] = (SpinnerColumn(), TimeElapsedColumn(), text_column)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title)

        def show(text: str, detail: str = "") -> None:
            progress.update(task, description=f"{title}: {text}" + (f"\n{detail}" if detail else ""))

        yield show
