"""`invoke logs`."""

from __future__ import annotations

import sys
import time

from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow import command_list, console
from kaggle_workflow.errors import KaggleRefused, Unreachable
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.workspace import Workspace

_RECONNECTS = 20
_RECONNECT_SECONDS = 1.0


def show_log(workspace: Workspace, command: command_list.Logs) -> None:
    """Print the log of a notebook's version; while it runs, line by line until it is over."""
    kaggle = Kaggle(console.warn)
    ref = workspace.notebook(command.notebook).metadata.id
    version = command.version or newest_version(kaggle, ref)
    run = kaggle.run(ref, version)
    state = run.status.lower()
    log = plain(kaggle.output(ref, version)[1]) if command.json or not run.active else ""
    if command.json:
        console.as_json({"name": ref.name, "version": version, "state": state, "lines": log.splitlines()})
        return
    console.say(f"{ref.name} version {version}: {state}")
    if run.active:
        _follow(kaggle, ref, version)
        console.say(f"{ref.name} version {version}: {kaggle.run(ref, version).status.lower()}")
    else:
        _write(log)


def newest_version(kaggle: Kaggle, ref: NotebookRef) -> int:
    """The newest version of a notebook; raises KaggleRefused if there is no such notebook."""
    there = kaggle.notebook(ref)
    if there is None:
        raise KaggleRefused(f"{ref.name} is not on Kaggle: run `invoke push` first.")
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
