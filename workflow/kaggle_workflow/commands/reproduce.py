"""`invoke history --reproduce`."""

from __future__ import annotations

from dataclasses import asdict

from kaggle_workflow import console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.push.in_order import print_outcomes
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.submit import reproduce
from kaggle_workflow.workspace import Workspace


def main(workspace: Workspace, *, ref: str, push: bool, yes: bool, allow: list[str], json: bool) -> None:
    """Restore what a submission was made of, and push it again when that is asked for.

    Raises:
        WorkflowError: what it was made of is not known or lost, or the push failed.
    """
    session = Push(workspace, Options(allow=frozenset(allow), yes=yes, quiet=json))
    done = reproduce.restore(session, ref)
    if not json:
        for sentence in reproduce.sentences(done):
            console.say(sentence)
    if push and not done.codes:
        raise WorkflowError(f"The codes of submission {ref} are lost, so it can't be pushed again.")
    outcomes = reproduce.push_again(session, done) if push else []
    if json:
        console.as_json({**asdict(done), "things": [asdict(outcome) for outcome in outcomes]})
    elif push:
        print_outcomes(outcomes, session.took, json=False)
