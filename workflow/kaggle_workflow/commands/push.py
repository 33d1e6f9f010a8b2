"""`invoke push`, and the commands that push one part of the workspace."""

from __future__ import annotations

from kaggle_workflow import command_list
from kaggle_workflow.command_options import Command
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.push import codes, deps, in_order, sub
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.workspace import DEPS, Workspace

_OPTIONS = (
    "allow",
    "yes",
    "force",
    "dry_run",
    "public",
    "no_wait",
    "limit",
    "message",
    "accelerator",
    "json",
)


def open_session(workspace: Workspace, command: Command) -> Push:
    """Start the session of a command that sends; raises WorkflowError for a bad `--limit`."""
    given = vars(command)
    return Push(workspace, Options.parse(**{name: given[name] for name in _OPTIONS if name in given}))


def push_in_order(workspace: Workspace, command: command_list.Push) -> None:
    """Push codes, deps and a notebook in order, and print the result of each."""
    session = open_session(workspace, command)
    in_order.print_outcomes(in_order.push_all(session, command.notebook), session.took, json=command.json)


def push_codes(workspace: Workspace, command: command_list.PushCodes) -> None:
    """Push the code dataset and print the result."""
    session = open_session(workspace, command)
    in_order.print_outcomes([codes.push_codes(session)], session.took, json=command.json)


def push_deps(workspace: Workspace, command: command_list.PushDeps) -> None:
    """Push the wheel notebook and print the result; raises WorkflowError in a workspace without one."""
    session = open_session(workspace, command)
    outcomes = deps.push_wheels(session)
    if not outcomes and DEPS not in workspace.notebook_names():
        raise WorkflowError("This workspace has no deps notebook: deps/kernel-metadata.json is missing.")
    if not outcomes:
        session.say(
            f"Nothing to collect: {DEPS}/requirements.txt lists no package, and {DEPS}/wheels/ holds none."
        )
    in_order.print_outcomes(outcomes, session.took, json=command.json)


def push_sub(workspace: Workspace, command: command_list.PushSub) -> None:
    """Push one notebook, wait for its run, and print the result."""
    in_order.refuse_faults(workspace)
    session = open_session(workspace, command)
    in_order.print_outcomes([sub.push_notebook(session, command.notebook)], session.took, json=command.json)
