"""The lock that lets one command at a time write `build/` or send something. Never held during a wait."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kaggle_workflow.errors import WaitedTooLong
from kaggle_workflow.files import write_text
from kaggle_workflow.waiting import seconds

_LIMIT_SECONDS = 3600.0
_LOOK_SECONDS = 0.2


@contextmanager
def held(
    build: Path, doing: str, say: Callable[[str], None], limit: float = _LIMIT_SECONDS
) -> Iterator[None]:
    """Hold the workspace's lock.

    Args:
        build: the folder that it guards.
        doing: what the command does, shown to other commands.
        say: prints the line that names the holder.
        limit: seconds to wait for another command.

    Raises:
        WaitedTooLong: another command held it until the limit.
    """
    from filelock import FileLock, Timeout

    build.mkdir(parents=True, exist_ok=True)
    lock = FileLock(build / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for {holder(build)} (for {seconds(limit)} at most).")
        try:
            lock.acquire(timeout=limit, poll_interval=_LOOK_SECONDS)
        except Timeout as error:
            raise WaitedTooLong(
                f"{holder(build)} has held this workspace for {seconds(limit)}: wait until it ends, or stop it, then run this again."
            ) from error
    try:
        write_text(
            _note(build),
            json.dumps({"pid": os.getpid(), "doing": doing, "since": time.strftime("%H:%M:%S")}) + "\n",
        )
        yield
    finally:
        _note(build).unlink(missing_ok=True)
        lock.release()


def holder(build: Path) -> str:
    """The command that holds the lock and since when; `another command` when that is not known."""
    try:
        value = json.loads(_note(build).read_text(encoding="utf-8"))
        return f"{value['doing']} (process {value['pid']}, since {value['since']})"
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return "another command"


def sends(build: Path) -> int:
    """How many things were sent from this workspace; 0 when nothing says so."""
    try:
        return int(_sends(build).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def count_send(build: Path) -> int:
    """Count one more, for other commands to see; to be called with the lock held."""
    count = sends(build) + 1
    write_text(_sends(build), f"{count}\n")
    return count


def _sends(build: Path) -> Path:
    return build / ".sends"


def _note(build: Path) -> Path:
    return build / ".lock-holder.json"
