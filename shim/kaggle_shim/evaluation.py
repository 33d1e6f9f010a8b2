"""Competitions in which a gateway writes the submission: the notebook answers its requests until it is ended.

In a save run the notebook plays the gateway itself (`run_local_gateway`) and leaves a file; in a scored rerun the gateway
runs in another container and the notebook writes nothing. Source: the `kaggle_evaluation` package of several competitions.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kaggle_shim.context import Context
from kaggle_shim.entry import duration

# In rehearsal: a file that appears when the gateway is done. Kaggle ends the notebook then, since `serve()` never returns.
DONE_VARIABLE = "KAGGLE_SHIM_GATEWAY_DONE"
# Where a gateway looks for the server: one port, then the ones it falls back to.
PORTS = frozenset((50051, *range(60053, 60153, 10)))

_USUAL_LIMIT = 15 * 60.0
_LIMIT = re.compile(r"^STARTUP_LIMIT_SECONDS *= *(\d+(?: *\* *\d+)*) *$", re.MULTILINE)
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENING = "0A"
# Seconds in which an entry point may end by itself when the gateway is done.
_LEAVE = 1.0


def startup_limit(package: Path | None) -> float:
    """Seconds that a gateway waits for the server: as its package says, else 15 minutes."""
    try:
        text = (package / "core" / "relay.py").read_text(encoding="utf-8") if package is not None else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    match = _LIMIT.search(text)
    return _USUAL_LIMIT if match is None else math.prod(map(float, match[1].split("*")))


def listening(lines: Iterable[str]) -> frozenset[int]:
    """Listening ports, from the lines of `/proc/net/tcp`."""
    rows = (line.split() for line in lines)
    return frozenset(
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if len(row) > 3 and row[3] == _LISTENING  # noqa: PLR2004 - the columns of that table
    )


class Gateway:
    """The gateway of a run: print and report who writes the submission and when the server is up."""

    def __init__(self, run: Context, package: Path | None) -> None:
        """Print who writes the submission and how long the server may take to start."""
        self._run = run
        self._limit = startup_limit(package)
        writer = (
            "the gateway, in another container"
            if run.rerun
            else "this notebook, which plays the gateway with run_local_gateway"
        )
        self._values: dict[str, Any] = {
            "package": None if package is None else str(package),
            "startup_limit": self._limit,
            "server_up": None,
            "writes": writer,
        }
        run.report.values["gateway"] = self._values
        run.report.say(
            f"gateway: {run.plan.submission} is written by {writer}; the server has {duration(self._limit)} "
            f"to start, {run.used:.1f} s are used."
        )
        # The kernel may listen on one of these ports itself.
        self._before = _open_ports()

    def is_done(self) -> bool:
        """Report the server's start; return True when a rehearsed gateway is done and the entry point must be ended."""
        if self._values["server_up"] is None and (_open_ports() - self._before) & PORTS:
            seconds = self._run.used
            self._values["server_up"] = round(seconds, 1)
            sentence = f"gateway: the server is up after {seconds:.1f} s of the {duration(self._limit)} that the gateway waits."
            if seconds > self._limit * self._run.plan.warn_share:
                self._run.report.warn(f"{sentence} Serve first, load the models in the first call.")
            else:
                self._run.report.say(sentence)
        done = Path(os.environ.get(DONE_VARIABLE, ""))
        return done.is_file() and time.time() - done.stat().st_mtime > _LEAVE


def _open_ports() -> frozenset[int]:
    lines: list[str] = []
    for table in _TABLES:
        # Where a system has no such table, the start isn't reported.
        with suppress(OSError):
            lines += Path(table).read_text(encoding="ascii").splitlines()
    return listening(lines)
