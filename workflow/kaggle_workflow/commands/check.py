"""`invoke check`."""

from __future__ import annotations

import sys
from dataclasses import asdict

from kaggle_workflow import check, command_list, console
from kaggle_workflow.credentials import baseline
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import ERROR, errors, shown
from kaggle_workflow.fix import everything as fixes
from kaggle_workflow.fix.drafts import Change
from kaggle_workflow.images import resolving
from kaggle_workflow.push.session import aside
from kaggle_workflow.workspace import Workspace, load


def check_workspace(workspace: Workspace, command: command_list.Check) -> None:
    """Print every finding, after the repairs and the exceptions for credentials that the options ask for.

    Raises:
        WorkflowError: a finding is an error, or repairs were shown and there is no terminal to confirm on.
    """
    for place in command.no_secret:
        for hit in secrets_workspace.allow(workspace, place):
            value = f"{hit.name} ({hit.shown})" if hit.shown else hit.name
            aside(f"{shown(place)}: {value} is listed in {baseline.FILE} as no credential: commit that file.")
    if command.fix:
        _fix(workspace, command)
        workspace = load(workspace.root)
    found = check.find_all(workspace)
    wrong = len(errors(found))
    warnings = console.count(len(found) - wrong, "warning")
    resolved = resolving.resolve(workspace, aside) if command.deps and not wrong else None
    if command.json and not command.fix:
        console.as_json(
            {
                **({"deps": asdict(resolved or resolving.NOTHING)} if command.deps else {}),
                "errors": wrong,
                "warnings": len(found) - wrong,
                "findings": [finding.to_json() for finding in found],
            }
        )
    elif not command.json:
        for finding in sorted(found, key=lambda one: one.level != ERROR):
            console.say(str(finding))
        if not wrong:
            console.say(f"check: no errors, {warnings}.")
        for line in resolved.lines() if resolved is not None else ():
            console.say(line)
    if wrong:
        files = len(fixes.plan(workspace).changes())
        offer = f" (`invoke check --fix` shows repairs of {console.count(files, 'file')})" if files else ""
        raise WorkflowError(
            f"{console.count(wrong, 'error')} and {warnings}: fix the errors, then run `invoke check` again{offer}."
        )


def _fix(workspace: Workspace, command: command_list.Check) -> None:
    changes = fixes.plan(workspace).changes()
    written = []
    for change in changes:
        if _confirmed(change, command):
            change.write(workspace.root)
            written.append(change.path)
    left = [change.path for change in changes if change.path not in written]
    if command.json:
        values = [
            {"path": one.path, "reasons": one.reasons, "diff": one.diff(), "written": one.path in written}
            for one in changes
        ]
        console.as_json({"changes": values})
    elif changes:
        console.say(f"fix: {console.count(len(written), 'file')} written.")
    else:
        console.say("fix: nothing to repair that needs no decision of yours.")
    if left and not command.yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WorkflowError(
            f"{', '.join(left)}: not written, because there is no terminal to confirm on. Run `invoke check --fix --yes` to write what the diffs show."
        )


def _confirmed(change: Change, command: command_list.Check) -> bool:
    if not command.json:
        for reason in dict.fromkeys(change.reasons):
            console.say(f"{change.path}: {reason}")
        console.say(change.diff().rstrip("\n"))
    return console.confirm(f"Write {change.path}?", yes=command.yes)
