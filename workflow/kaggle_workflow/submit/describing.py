"""What a submission is said to be: its message, its line in the ledger, its score in validation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from kaggle_shim import local
from kaggle_workflow import git
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import fold as history_fold
from kaggle_workflow.ledger import made_of
from kaggle_workflow.ledger.event import PENDING, SUBMITTED, Event, now
from kaggle_workflow.push.looking import Target
from kaggle_workflow.push.session import Push

METRICS = "metrics.json"


def message_of(push: Push, target: Target, given: str) -> str:
    """The description in front of the mark: as given, or entry point and subject of the commit that was pushed."""
    if given:
        return given
    entry = " ".join(target.plan.entry) if target.plan else target.ref.slug
    codes = (target.report or {}).get("codes")
    codes = codes if isinstance(codes, dict) else {}
    subject = git.subject(push.workspace.root, str(codes.get("commit") or ""))
    changed = " (with changes)" if subject and codes.get("dirty") else ""
    return f"{entry}: {subject}{changed}" if subject else entry


def event_of(push: Push, target: Target, message: str, cv: float | None) -> Event:
    """The `submitted` line: what the push knew about the version counts, the rest is read off the version itself."""
    part = target.part
    pushed = history_fold.pushed(ledger.read(push.workspace.root).events)
    facts: dict[str, Any] = {}
    if target.plan is not None:
        facts = made_of.facts(
            push.workspace,
            target.folder.name,
            target.plan,
            target.report or {},
            part,
            machine_shape=target.there.machine_shape,
            image=target.there.docker_image,
        )
    facts |= pushed.get((target.ref.name, target.version), {})
    facts |= {"notebook": target.ref.name, "notebook_version": target.version, "sub": part}
    facts["competition"] = target.competition.slug
    return Event(
        event=SUBMITTED,
        time=now(),
        account=push.checked_account,
        status=PENDING,
        cv=cv,
        overruled=tuple(dict.fromkeys(push.overruled)) or None,
        message=message,
        **facts,
    )


def cv_of(push: Push, target: Target, given: float | None) -> float | None:
    """The score in validation: as given, or `cv` of `metrics.json` beside the weights of the entry point's experiment."""
    if given is not None or target.plan is None:
        return given
    entry, _ = made_of.split_entry(push.workspace, target.folder.name, target.plan)
    if not entry:
        return None
    folder = local.data_folder(push.workspace.root) / "working" / "models" / history_fold.experiment_of(entry)
    return _read_cv(push, folder / METRICS)


def _read_cv(push: Push, path: Path) -> float | None:
    if not path.is_file():
        return None
    try:
        score = float(json.loads(path.read_text(encoding="utf-8"))["cv"])
    except (OSError, ValueError, KeyError, TypeError):
        score = math.nan
    if math.isfinite(score):
        return score
    push.warn(
        f'{path} has no number under "cv": no score in validation is kept with this submission (--cv gives one).'
    )
    return None
