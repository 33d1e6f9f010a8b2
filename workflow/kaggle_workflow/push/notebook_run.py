"""The run of one version: waited for, proved, and told of when it failed."""

from __future__ import annotations

import time

from kaggle_workflow.errors import RunFailed
from kaggle_workflow.kaggle.errors import NotThere
from kaggle_workflow.kaggle.logs import tail
from kaggle_workflow.kaggle.values import Run
from kaggle_workflow.push import answers as push_answers
from kaggle_workflow.push.notebook_payload import Payload, Rules
from kaggle_workflow.push.session import RUN_SECONDS, Outcome, Push
from kaggle_workflow.waiting import Show, seconds

_TAIL_LINES = 30


def see_through(push: Push, rules: Rules, payload: Payload, version: int, outcome: Outcome) -> None:
    """Wait for the run of that version, and prove it."""
    ref = payload.ref
    if not push.options.wait and not rules.needed:
        push.say(f"{ref.name} version {version} runs; `invoke status` shows how it stands.")
        return
    started = time.monotonic()
    begun: float | None = None

    def look(show: Show) -> Run | None:
        nonlocal begun
        run = push.kaggle.run(ref, version)
        if run.status != "QUEUED" and begun is None:
            begun = time.monotonic()
        show(run.status.lower())
        return None if run.active or run.status == "NEW_SCRIPT" else run

    run = push.waits.until(
        f"the run of {ref.name} version {version} is over", RUN_SECONDS, look, at_once=outcome.did != "sent"
    )
    ended = time.monotonic()
    begun = begun if begun is not None else ended
    outcome.seconds["queue"], outcome.seconds["run"] = round(begun - started, 2), round(ended - begun, 2)
    if not run.complete:
        raise RunFailed(_failure(push, payload, version, run, ended - started))
    outcome.notes += rules.prove(push, payload, version)
    push.known.note(ref.name, version, complete=True, metadata=payload.metadata_hash)


def _failure(push: Push, payload: Payload, version: int, run: Run, took: float) -> str:
    """One sentence about a run that failed, with what its log ends with printed before."""
    name = f"{payload.ref.name} version {version}"
    if run.status.startswith("CANCEL"):
        return f"{name} was cancelled on Kaggle after {seconds(took)}: push again to run it anew (--force if nothing changes)."
    try:
        _, log = push.kaggle.output(payload.ref, version)
    except NotThere:
        log = ""
    report = push_answers.report_of(log)
    for line in tail(log, _TAIL_LINES):
        push.say(f"  | {line[:400]}")
    told = [line for line in tail(log, _TAIL_LINES) if "Error: " in line and not line.startswith(" ")]
    said = str(report.get("failure") or run.message or (told[-1] if told else "")).strip().splitlines()
    why = f": {said[0]}" if said else ", and Kaggle gives no reason: `invoke logs` shows all of its log"
    return f"{name} failed after {seconds(took)} ({run.status.lower()}){why}"
