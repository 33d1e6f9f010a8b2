"""`invoke logs`."""

from __future__ import annotations

import sys
import time

from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow import console
from kaggle_workflow.errors import KaggleRefused, Unreachable
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.workspace import Workspace

_RECONNECTS = 20
_RECONNECT_SECONDS = 1.0


def main(workspace: Workspace, *, notebook: str, version: int, json: bool) -> None:
    """Print the log of a notebook's version; while it runs, line by line until it is over."""
    kaggle = Kaggle(console.warn)
    ref = workspace.notebook(notebook).metadata.id
    number = version or newest(kaggle, ref)
    run = kaggle.run(ref, number)
    if json:
        _, log = kaggle.output(ref, number)
        console.as_json(
            {
                "name": ref.name,
                "version": number,
                "state": run.status.lower(),
                "lines": plain(log).splitlines(),
            }
        )
        return
    console.say(f"{ref.name} version {number}: {run.status.lower()}")
    if run.active:
        _follow(kaggle, ref, number)
        console.say(f"{ref.name} version {number}: {kaggle.run(ref, number).status.lower()}")
    else:
        _, log = kaggle.output(ref, number)
        _write(plain(log))


def newest(kaggle: Kaggle, ref: NotebookRef) -> int:
    """The newest version of a notebook; raises KaggleRefused when there is no such notebook."""
    there = kaggle.notebook(ref)
    if there is None:
        raise KaggleRefused(f"{ref.name} is not on Kaggle: push it first (invoke push).")
    return there.newest


def _follow(kaggle: Kaggle, ref: NotebookRef, version: int) -> None:
    """Write the stream; after a break it starts over and skips what was written."""
    written = 0
    for attempt in range(_RECONNECTS):
        seen = 0
        try:
            for text in kaggle.log_stream(ref, version):
                seen += 1
                if seen > written:
                    _write(text)
                    written = seen
        except Unreachable:
            if attempt == _RECONNECTS - 1:
                raise
            time.sleep(_RECONNECT_SECONDS)
        else:
            return


def _write(text: str) -> None:
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(LOG_PREFIX)]
    sys.stdout.write(console.coloured("".join(lines)))
    sys.stdout.flush()
