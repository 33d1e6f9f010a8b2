"""Record a pushed notebook in the ledger, when its run is over or right away with `--no-wait`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kaggle_shim.refs import NotebookRef
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import made_of, markers
from kaggle_workflow.ledger.event import PUSHED, Event, Part, now
from kaggle_workflow.push.notebook_payload import Payload
from kaggle_workflow.push.session import Push
from kaggle_workflow.stage import plans


def record_push(
    push: Push,
    payload: Payload,
    version: int,
    report: Mapping[str, Any],
    moved: Sequence[str] = (),
) -> None:
    """Append a `pushed` event, unless the ledger has one of that version.

    Args:
        push: the command, with the versions it read.
        payload: the content of that version.
        version: the version.
        report: the report of its run, empty without one.
        moved: what its run found changed in Kaggle's image.
    """
    ref = payload.ref
    noted = push.known.of(ref.name, version)
    known = noted.get("recorded")
    if known == "run" or (known and not report):
        return
    before = [event for event in ledger.read(push.workspace.root).events if _is_of(event, ref, version)]
    if not before or (report and not any(event.save_run_seconds is not None for event in before)):
        event = _event(push, payload, version, report, moved)
        if "dirty" in noted:
            # The commit at which this machine sent it: the work tree may have changed while the run was waited for.
            event = replace(event, git_commit=noted["commit"], git_dirty=noted["dirty"])
        elif before:
            # What the line of the push says stays.
            event = replace(event, git_commit=None, git_dirty=None)
        elif payload.codes is not None and payload.codes.commit is not None:
            event = replace(event, git_commit=payload.codes.commit, git_dirty=payload.codes.dirty)
        ledger.append(push.workspace.root, event)
    push.known.note(ref.name, version, recorded="run" if report else "push")


def _is_of(event: Event, ref: NotebookRef, version: int) -> bool:
    return event.event == PUSHED and (event.notebook, event.notebook_version) == (ref.name, version)


def _event(
    push: Push, payload: Payload, version: int, report: Mapping[str, Any], moved: Sequence[str]
) -> Event:
    deps = plans.deps_id(push.workspace)
    if deps is not None and deps.name not in push.versions:
        there = push.kaggle.notebook(deps)
        push.versions[deps.name] = there.newest if there is not None else None
    facts = made_of.facts(
        push.workspace,
        payload.folder.name,
        payload.staged.plan,
        report,
        Part(payload.ref.name, version, markers.source_fingerprint(payload.text)),
        machine_shape=str(payload.metadata.get("machine_shape") or ""),
        image=str(payload.metadata.get("docker_image") or ""),
        versions=push.versions,
    )
    overruled = tuple(dict.fromkeys(push.overruled)) or None
    return Event(
        event=PUSHED,
        time=now(),
        account=push.checked_account,
        overruled=overruled,
        image_moved=moved[0] if moved else None,
        **facts,
    )
