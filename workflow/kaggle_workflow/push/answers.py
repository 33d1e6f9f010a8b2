"""Interpret Kaggle's answers to a saved notebook; no network here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kaggle_shim.manifest import short
from kaggle_shim.plan import Plan
from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.kaggle.values import Notebook, Saved
from kaggle_workflow.metadata_reading import SOURCES

_ADVICE = {
    "dataset": "check the name, that it is yours or public, and that its first version is ready",
    "competition": "accept the rules on its page, and check the name",
    "notebook": "check the name, and that one of its versions completed",
    "model": "write owner/model/framework/variation/version, with the newest version if Kaggle refuses an older one",
}


class SessionsFull(KaggleRefused):
    """As many runs of this account as Kaggle allows are queued or running."""


class QuotaUsed(KaggleRefused):
    """The week's hours of the accelerator are used up."""


def accepted_version(saved: Saved, ref: NotebookRef) -> int:
    """The version's number; raises KaggleRefused (or a class above) for an answer that is a refusal.

    The official client prints these and exits 0; it never mentions invalid models (kaggle 2.2.4).
    """
    if saved.error:
        refusal, advice = _kind_of(saved.error.lower())
        raise refusal(f"Kaggle refused {ref.name}: {saved.error.rstrip('.')}. {advice}")
    for kind, names in saved.invalid.items():
        if names and kind in _ADVICE:
            which = ", ".join(names)
            at = f" version {saved.version}" if saved.version else ""
            raise KaggleRefused(
                f"Kaggle saved {ref.name}{at} without the {kind} {which}: {_ADVICE[kind]}. Then push again."
            )
    if saved.version is None:
        raise KaggleRefused(
            f"Kaggle's answer to {ref.name} has no version number: check {saved.url or 'its page'}, then push again."
        )
    if saved.name and saved.name.lower() != ref.name.lower():
        raise KaggleRefused(
            f"Kaggle saved it as {saved.name}, not as {ref.name}: make title and id in its metadata equal, delete the other notebook, then push again."
        )
    return saved.version


def _kind_of(error: str) -> tuple[type[KaggleRefused], str]:
    """The class of a refusal in Kaggle's words (lower case), and what to do about it."""
    if "session count" in error:
        return (
            SessionsFull,
            "Wait until one of your runs is over (`invoke status` shows them), or stop one on its page, then push again.",
        )
    if "quota" in error:
        return QuotaUsed, "Choose another accelerator, or wait until the quota is reset."
    return KaggleRefused, "Fix what it names, then push again."


def differences(sent: Mapping[str, Any], there: Notebook) -> tuple[list[str], list[str]]:
    """Differences that make a version useless or harmful, and minor ones.

    Args:
        sent: the metadata as it was sent, with every setting explicit.
        there: what Kaggle has.
    """
    grave, others = [], []
    if there.internet and not sent["enable_internet"]:
        grave.append("the internet is on, but off was requested")
    elif sent["enable_internet"] and not there.internet:
        others.append("the internet is off, but on was requested")
    if sent["is_private"] and not there.private:
        grave.append("it is public, but private was requested")
    elif there.private and not sent["is_private"]:
        others.append("it is private, but public was requested")
    for key, kind in SOURCES.items():
        lost = sorted(_names(kind, sent.get(key) or ()) - _names(kind, there.sources.get(kind, ())))
        added = sorted(_names(kind, there.sources.get(kind, ())) - _names(kind, sent.get(key) or ()))
        others += [f"the {kind} {name} is not attached" for name in lost]
        others += [f"the {kind} {name} is attached, but was not requested" for name in added]
    shape = str(sent.get("machine_shape") or "")
    if shape and there.machine_shape != shape:
        has = there.machine_shape or "none"
        others.append(f"the accelerator is {has}, but {shape} was requested")
    image = str(sent.get("docker_image") or "")
    if image and there.docker_image and there.docker_image != image:
        others.append(f"the image is {there.docker_image}, but {image} was requested")
    return grave, others


def _names(kind: str, refs: Any) -> set[str]:
    """References for comparison: lower case, datasets and notebooks without the version, which Kaggle may omit."""
    parts = 2 if kind in ("dataset", "notebook") else 5
    return {"/".join(str(ref).lower().split("/")[:parts]) for ref in refs}


def ran_other(plan: Plan, report: Mapping[str, Any]) -> str | None:
    """How the report of a run contradicts the plan, as the end of a sentence; None when it agrees."""
    wanted = plan.inline_codes or next((one.fingerprint for one in plan.of_role("codes")), None)
    codes = report.get("codes")
    found = str(codes.get("fingerprint") or "") if isinstance(codes, dict) else ""
    if wanted is not None and found != wanted:
        return (
            f"ran {f'the codes {short(found)}' if found else 'unknown codes'}, but {short(wanted)} was staged"
        )
    if report.get("template") != plan.template:
        return f"ran with the shim {report.get('template')}, but {plan.template} was staged"
    return None


def report_of(log: str) -> dict[str, Any]:
    """The run report in a log, {} when there is none that can be read."""
    for line in reversed(plain(log).splitlines()):
        _, mark, text = line.partition(LOG_PREFIX)
        if mark:
            try:
                value = json.loads(text)
            except ValueError:
                continue
            if isinstance(value, dict):
                return value
    return {}
