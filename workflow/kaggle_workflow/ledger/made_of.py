"""What a pushed version is made of, for the ledger: from its plan, its run's report and its sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaggle_shim import refs
from kaggle_shim.plan import Plan
from kaggle_workflow.ledger.estimate import SaveRun
from kaggle_workflow.ledger.event import Part
from kaggle_workflow.workspace import Workspace


def facts(
    workspace: Workspace,
    name: str,
    plan: Plan,
    report: Mapping[str, Any],
    sub: Part,
    *,
    machine_shape: str = "",
    image: str = "",
    versions: Mapping[str, int | None] | None = None,
) -> dict[str, Any]:
    """Fields of an `Event`, without unknown ones.

    Args:
        workspace: the workspace.
        name: folder of the notebook.
        plan: the version's plan.
        report: the report of its save run, empty while there is none.
        sub: the notebook's version, with the fingerprint of its source.
        machine_shape: the accelerator, "" for none.
        image: the image in the metadata, used when the report has none.
        versions: versions of datasets and notebooks that were current when it was pushed, by `owner/slug`.
    """
    entry, args = split_entry(workspace, name, plan)
    codes = report.get("codes")
    codes = codes if isinstance(codes, dict) else {}
    run = SaveRun.from_report(report)
    known = versions or {}
    found: dict[str, Any] = {
        "competition": plan.competition,
        "notebook": sub.ref,
        "notebook_version": sub.version,
        "entry": entry,
        "args": args,
        "git_commit": codes.get("commit"),
        "git_dirty": codes.get("dirty"),
        "codes": _codes(workspace, plan, known),
        "deps": _deps(plan, known),
        "sub": sub,
        "models": tuple(
            Part(one.ref.name, one.ref.version, one.fingerprint)
            for one in plan.inputs
            if isinstance(one.ref, refs.ModelRef)
        ),
        "template": plan.template,
        "image": image_of(report) or image or None,
        "machine_shape": machine_shape or None,
        "save_run_seconds": run.seconds,
        "save_run_rows": run.rows,
        "peak_memory": report.get("peak_memory"),
        "light": run.light if report else None,
        "limit": plan.limit,
    }
    return {field: value for field, value in found.items() if value is not None}


def split_entry(workspace: Workspace, name: str, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entry point and arguments; a plan has them as one command line."""
    settings = workspace.settings.of(name)
    if plan.entry == (*settings.entry, *settings.args):
        return settings.entry, settings.args
    cut = next((at + 1 for at, word in enumerate(plan.entry) if word.endswith(".py")), len(plan.entry))
    return plan.entry[:cut], plan.entry[cut:]


def image_of(report: Mapping[str, Any]) -> str:
    """The image of a run: its name, which can be pinned, or else the commit it was built from."""
    image = report.get("image")
    if not isinstance(image, dict):
        return ""
    return str(image.get("docker_image") or image.get("git_commit") or "")


def _codes(workspace: Workspace, plan: Plan, versions: Mapping[str, int | None]) -> Part | None:
    if plan.inline_codes is not None:
        return Part(workspace.codes.id.name, None, plan.inline_codes)
    one = next(iter(plan.of_role("codes")), None)
    if one is None or not isinstance(one.ref, refs.DatasetRef):
        return None
    return Part(one.ref.name, one.ref.version or versions.get(one.ref.name), one.fingerprint)


def _deps(plan: Plan, versions: Mapping[str, int | None]) -> Part | None:
    for one in plan.of_role("wheels"):
        if isinstance(one.ref, refs.NotebookRef):
            return Part(one.ref.name, one.ref.version or versions.get(one.ref.name), one.fingerprint)
    return None
