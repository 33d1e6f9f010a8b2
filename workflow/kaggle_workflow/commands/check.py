"""`invoke check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict

from kaggle_workflow import check, console
from kaggle_workflow.credentials import baseline
from kaggle_workflow.credentials import workspace as secrets_workspace
from kaggle_workflow.edit.diffs import Change
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import ERROR, Finding, errors, shown
from kaggle_workflow.fix import everything as fixes
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.images import resolving
from kaggle_workflow.push.session import aside
from kaggle_workflow.workspace import Workspace, load


def main(
    workspace: Workspace,
    *,
    json: bool,
    fix: bool,
    yes: bool,
    deps: bool = False,
    no_secret: Sequence[str] = (),
) -> None:
    """Print every finding, after repairing what can be repaired if asked to, and noting what is no credential.

    With `deps`, resolve the requirements against Kaggle's image too.

    Raises:
        WorkflowError: a finding is an error, or repairs were shown and there is no terminal to confirm on.
    """
    for place in no_secret:
        for hit in secrets_workspace.allow(workspace, place):
            told = f"{hit.name} ({hit.shown})" if hit.shown else hit.name
            aside(f"{shown(place)}: {told} is listed in {baseline.FILE} as no credential: commit that file.")
    if fix:
        _fix(workspace, json=json, yes=yes)
        workspace = load(workspace.root)
    found = check.find_all(workspace)
    wrong = len(errors(found))
    resolved = resolving.resolve(workspace, aside) if deps and not wrong else None
    if json and not fix:
        console.as_json(
            {
                **({"deps": asdict(resolved or resolving.NOTHING)} if deps else {}),
                "errors": wrong,
                "warnings": len(found) - wrong,
                "findings": [finding.to_json() for finding in found],
            }
        )
    elif not json:
        _show(found, wrong)
        for line in resolved.lines() if resolved is not None else ():
            console.say(line)
    if wrong:
        raise WorkflowError(
            f"{console.count(wrong, 'error')} and {console.count(len(found) - wrong, 'warning')}: fix the errors, then run `invoke check` again{_offer(workspace)}."
        )


def _show(found: tuple[Finding, ...], wrong: int) -> None:
    for finding in sorted(found, key=lambda f: f.level != ERROR):
        console.say(str(finding))
    if not wrong:
        console.say(f"check: no errors, {console.count(len(found), 'warning')}.")


def _offer(workspace: Workspace) -> str:
    files = _planned(workspace).changes()
    return (
        f" (invoke check --fix repairs {console.count(len(files), 'file')}, and shows how first)"
        if files
        else ""
    )


def _planned(workspace: Workspace) -> Draft:
    return fixes.plan(workspace)


def _fix(workspace: Workspace, *, json: bool, yes: bool) -> None:
    changes = _planned(workspace).changes()
    written = [
        change.path for change in changes if _wanted(change, json=json, yes=yes) and _write(change, workspace)
    ]
    left = [change.path for change in changes if change.path not in written]
    if json:
        console.as_json(
            {
                "changes": [
                    {"path": c.path, "reasons": c.reasons, "diff": c.diff(), "written": c.path in written}
                    for c in changes
                ]
            }
        )
    else:
        console.say(
            f"fix: {console.count(len(written), 'file')} written."
            if changes
            else "fix: nothing that needs no decision of yours."
        )
    if left and not yes and not _can_ask():
        raise WorkflowError(
            f"{', '.join(left)}: not written, because there is no terminal to confirm on. Run `invoke check --fix --yes` to write what the diffs show."
        )


def _wanted(change: Change, *, json: bool, yes: bool) -> bool:
    if not json:
        for reason in dict.fromkeys(change.reasons):
            console.say(f"{change.path}: {reason}")
        console.say(change.diff().rstrip("\n"))
    return console.confirm(f"Write {change.path}?", yes=yes)


def _write(change: Change, workspace: Workspace) -> bool:
    change.write(workspace.root)
    return True


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
