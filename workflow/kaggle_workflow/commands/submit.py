"""`invoke submit`."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from kaggle_workflow import console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.submit import submitting
from kaggle_workflow.submit.submitting import Request
from kaggle_workflow.workspace import Workspace


def main(
    workspace: Workspace,
    *,
    notebook: str,
    version: int,
    again: bool,
    message: str,
    cv: str,
    hidden_rows: int,
    json: bool,
    **options: Any,
) -> None:
    """Submit a pushed version and print its reference."""
    request = request_of(notebook, version, message, cv, hidden_rows, again=again)
    done = submitting.submit(Push(workspace, Options.parse(json=json, **options)), request)
    if json:
        console.as_json(asdict(done))
    elif done.ref:
        said = f"{done.did}: {done.ref}, {done.notebook} version {done.version}, {done.message!r}"
        console.say(f"{said}; invoke watch waits for its score. {done.page}")
    else:
        console.say(
            f"{done.did} {done.notebook} version {done.version} to {done.competition}, {done.message!r}."
        )


def request_of(
    notebook: str, version: int, message: str, cv: str, hidden_rows: int, *, again: bool
) -> Request:
    """What the options ask for; raises WorkflowError for a number that is none."""
    if hidden_rows < 0:
        raise WorkflowError(
            f"--hidden-rows {hidden_rows} is no number of rows: write how many the hidden test has."
        )
    try:
        score = float(cv) if cv else None
    except ValueError as error:
        raise WorkflowError(
            f"--cv {cv} is no number: write the score in validation, such as 0.812."
        ) from error
    if score is not None and not math.isfinite(score):
        raise WorkflowError(f"--cv {cv} is no score: write a number such as 0.812.")
    number = submitting.check_version(version)
    return Request(notebook, number, again, message, score, hidden_rows or None)
