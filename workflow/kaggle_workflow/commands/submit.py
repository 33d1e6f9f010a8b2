"""`invoke submit`, `invoke watch`, and `invoke ship`, which pushes first."""

from __future__ import annotations

import math
from dataclasses import asdict

from kaggle_workflow import command_list, console
from kaggle_workflow.command_options import Submits
from kaggle_workflow.commands.push import open_session
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger.history import flat
from kaggle_workflow.submit import shipping, submitting, watching
from kaggle_workflow.submit.submitting import Request
from kaggle_workflow.workspace import Workspace


def submit(workspace: Workspace, command: command_list.Submit) -> None:
    """Submit a pushed version and print its reference."""
    request = _request(command, command.notebook, command.version)
    done = submitting.submit(open_session(workspace, command), request)
    if command.json:
        console.as_json(asdict(done))
    elif done.ref:
        console.say(
            f"{done.did}: {done.ref}, {done.notebook} version {done.version}, {done.message!r}; "
            f"`invoke watch` waits for its score. {done.page}"
        )
    else:
        console.say(
            f"{done.did} {done.notebook} version {done.version} to {done.competition}, {done.message!r}."
        )


def ship(workspace: Workspace, command: command_list.Ship) -> None:
    """Push, submit and watch; raises RunFailed when the rerun failed."""
    request = _request(command, command.notebook, 0)
    shipped = shipping.ship(open_session(workspace, command), request, detach=command.detach)
    if command.json:
        console.as_json(shipped.to_json())
    else:
        shipping.print_times(shipped)
    if shipped.submission is not None:
        watching.raise_failures([shipped.submission])


def watch(workspace: Workspace, command: command_list.Watch) -> None:
    """Wait until submissions are over; raises RunFailed when one failed."""
    session = open_session(workspace, command)
    chosen = watching.open_ones(session, command.ref)
    if not chosen:
        session.say(
            "No submission of this workspace is pending: `invoke submit` makes one, `invoke history` lists those that are over."
        )
    over = watching.watch(session, chosen)
    if command.json:
        console.as_json({"submissions": [flat(one) for one in over]})
    watching.raise_failures(over)


def _request(command: Submits, notebook: str, version: int) -> Request:
    """What to submit; raises WorkflowError for an option that is not a usable number."""
    if command.hidden_rows < 0:
        raise WorkflowError(
            f"--hidden-rows {command.hidden_rows} is negative: write how many rows the hidden test set has."
        )
    try:
        score = float(command.cv) if command.cv else None
    except ValueError:
        score = math.nan
    if score is not None and not math.isfinite(score):
        raise WorkflowError(f"--cv {command.cv} is not a number: write the validation score, such as 0.812.")
    number = submitting.check_version(version)
    return Request(notebook, number, command.again, command.message, score, command.hidden_rows or None)
