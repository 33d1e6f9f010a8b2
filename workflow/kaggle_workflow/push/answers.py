"""What Kaggle's answers to a saved notebook mean; no network here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kaggle_shim.refs import NotebookRef
from kaggle_shim.report import LOG_PREFIX
from kaggle_workflow.kaggle.logs import plain
from kaggle_workflow.kaggle.values import Notebook, Saved

_KEYS = {
    "dataset": "dataset_sources",
    "competition": "competition_sources",
    "notebook": "kernel_sources",
    "model": "model_sources",
}
_ADVICE = {
    "dataset": "is the name right, is it yours or public, and is its first version ready?",
    "competition": "accept its rules on its page, and look at the name",
    "notebook": "is the name right, and does it have a version that ran to its end?",
    "model": "name owner/model/framework/variation/version, and the newest version if an older one is not taken",
}


def refusal(saved: Saved, ref: NotebookRef) -> str | None:
    """The sentence when the answer is a no, None when it is a yes.

    The official client prints these and exits 0; it never mentions invalid models (kaggle 2.2.4).
    """
    if saved.error:
        return f"Kaggle did not take {ref.name}: {saved.error.rstrip('.')}. {_advice(saved.error)}"
    for kind, names in saved.invalid.items():
        if names and kind in _ADVICE:
            which = ", ".join(names)
            at = f" version {saved.version}" if saved.version else ""
            return f"Kaggle saved {ref.name}{at} without the {kind} {which}, which it does not take: {_ADVICE[kind]}. Then push again."
    if saved.version is None:
        return f"Kaggle's answer to {ref.name} has no version number: look at {saved.url or 'its page'}, then push again."
    if saved.name and saved.name.lower() != ref.name.lower():
        return f"Kaggle saved it as {saved.name}, not as {ref.name}: make the title and the id in its metadata equal, delete the other one, push again."
    return None


def _advice(error: str) -> str:
    low = error.lower()
    if "session count" in low:
        return "Wait until one of your runs is over (`invoke status` shows them), or stop one on its page, then push again."
    if "quota" in low:
        return "Choose another accelerator, or wait until the quota is renewed."
    return "Correct what it names, then push again."


def differences(sent: Mapping[str, Any], there: Notebook) -> list[str]:
    """Which of the switches and sources that were sent Kaggle has otherwise, one phrase each; none means unchanged."""
    grave, others = judge(sent, there)
    return grave + others


def judge(sent: Mapping[str, Any], there: Notebook) -> tuple[list[str], list[str]]:
    """Differences that make a version useless or harmful, and others.

    Args:
        sent: the metadata as it was sent, every switch written out.
        there: what Kaggle has.
    """
    grave, others = [], []
    if there.internet and not sent["enable_internet"]:
        grave.append("Kaggle has the internet on, and it was sent with it off")
    elif sent["enable_internet"] and not there.internet:
        others.append("Kaggle has the internet off, and it was sent with it on")
    if sent["is_private"] and not there.private:
        grave.append("it is public, and it was sent as private")
    elif there.private and not sent["is_private"]:
        others.append("it is private, and it was sent as public")
    for kind, key in _KEYS.items():
        lost = sorted(_names(kind, sent.get(key) or ()) - _names(kind, there.sources.get(kind, ())))
        added = sorted(_names(kind, there.sources.get(kind, ())) - _names(kind, sent.get(key) or ()))
        others += [f"the {kind} {name} is not attached" for name in lost]
        others += [f"the {kind} {name} is attached and was not asked for" for name in added]
    shape = str(sent.get("machine_shape") or "")
    if shape and there.machine_shape != shape:
        has = there.machine_shape or "none"
        others.append(f"the accelerator is {has}, and {shape} was asked for")
    image = str(sent.get("docker_image") or "")
    if image and there.docker_image and there.docker_image != image:
        others.append(f"the image is {there.docker_image}, and {image} was asked for")
    return grave, others


def _names(kind: str, refs: Any) -> set[str]:
    """References as they can be compared: lower case, datasets and notebooks without the version that Kaggle may leave out."""
    parts = 2 if kind in ("dataset", "notebook") else 5
    return {"/".join(str(ref).lower().split("/")[:parts]) for ref in refs}


def report_of(log: str) -> dict[str, Any]:
    """The run report in a log, {} when it holds none that can be read."""
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
