"""Wait for the run of one version, check what it ran, and explain a failure."""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress

from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow import console
from kaggle_workflow.errors import RunFailed
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.kaggle.errors import NotThere
from kaggle_workflow.kaggle.logs import tail
from kaggle_workflow.kaggle.values import Run
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import Outcome, Push
from kaggle_workflow.waiting import Show, seconds

_RUN_SECONDS = 14 * 3600.0
_TAIL_LINES = 30
# A run shorter than this costs no request for its log; a broken log is opened again after as many seconds.
LOG_SECONDS = 15.0
REOPEN_SECONDS = 60.0
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")


class LogTail:
    """The last line of a running notebook's log, read by a thread over one long request.

    It never fails: a log that can't be read has no last line.
    """

    def __init__(self, ref: NotebookRef, version: int) -> None:
        self.line = ""
        self._over = threading.Event()
        threading.Thread(target=self._follow, args=(ref, version), daemon=True).start()

    def stop(self) -> None:
        """Stop reading after the line that comes next."""
        self._over.set()

    def _follow(self, ref: NotebookRef, version: int) -> None:
        while not self._over.is_set():
            with suppress(Exception):
                # Not the command's connection: the main thread uses that one at the same time.
                for text in Kaggle(console.warn).log_stream(ref, version):
                    self.line = last_line(text) or self.line
                    if self._over.is_set():
                        return
            self._over.wait(REOPEN_SECONDS)


def last_line(text: str) -> str:
    """The last line of a piece of a log that is neither empty nor the run report, without colours and controls."""
    lines = (console.plain(_COLOURS.sub("", line)).strip() for line in reversed(text.splitlines()))
    return next((line for line in lines if line and not line.startswith(LOG_PREFIX)), "")


def wait_for_run(push: Push, rules: Rules, payload: Payload, version: int, outcome: Outcome) -> None:
    """Wait for the run of that version, and check what it ran."""
    ref = payload.ref
    if not push.options.wait and not rules.needed:
        push.say(f"{ref.name} version {version} is running; `invoke status` shows its state.")
        return
    started = time.monotonic()
    begun: float | None = None
    log: LogTail | None = None

    def look(show: Show) -> Run | None:
        nonlocal begun, log
        run = push.kaggle.run(ref, version)
        if run.status != "QUEUED" and begun is None:
            begun = time.monotonic()
        if log is None and run.status == "RUNNING" and time.monotonic() - (begun or 0.0) >= LOG_SECONDS:
            log = LogTail(ref, version)
        show(run.status.lower(), log.line if log is not None else "")
        return None if run.active or run.status == "NEW_SCRIPT" else run

    try:
        run = push.waits.until(
            f"the run of {ref.name} version {version} is over",
            _RUN_SECONDS,
            look,
            at_once=outcome.did != "sent",
        )
    finally:
        if log is not None:
            log.stop()
    ended = time.monotonic()
    begun = begun if begun is not None else ended
    outcome.seconds["queue"], outcome.seconds["run"] = round(begun - started, 2), round(ended - begun, 2)
    if not run.complete:
        raise RunFailed(_failure(push, payload, version, run, ended - started))
    outcome.notes += rules.prove(push, payload, version)
    push.known.note(ref.name, version, complete=True, metadata=payload.metadata_hash)


def _failure(push: Push, payload: Payload, version: int, run: Run, took: float) -> str:
    """Print the end of a failed run's log, and return one sentence about the failure."""
    name = f"{payload.ref.name} version {version}"
    if run.status.startswith("CANCEL"):
        return f"{name} was cancelled on Kaggle after {seconds(took)}: push again to run it again (with --force if nothing changed)."
    try:
        _, log = push.kaggle.output(payload.ref, version)
    except NotThere:
        log = ""
    for line in tail(log, _TAIL_LINES):
        push.say(f"  | {line[:400]}")
    said = reason_of(run, log)
    why = f": {said}" if said else ", and Kaggle gives no reason: find the cause with `invoke logs`"
    return f"{name} failed after {seconds(took)} ({run.status.lower()}){why}"


def reason_of(run: Run, log: str) -> str:
    """Why a run failed, in one line: what its report, Kaggle, or the last error in its log says; "" when nothing does."""
    told = [line for line in tail(log, _TAIL_LINES) if "Error: " in line and not line.startswith(" ")]
    failure = push_answers.report_of(log).get("failure")
    said = str(failure or run.message or (told[-1] if told else "")).strip().splitlines()
    return said[0] if said else ""
