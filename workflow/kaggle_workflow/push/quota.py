"""What there is to say about an accelerator before a notebook is sent: its name and this week's quota. All of it warns."""

from __future__ import annotations

from kaggle_workflow import accelerators
from kaggle_workflow.errors import KaggleRefused, Unreachable
from kaggle_workflow.push.session import Push
from kaggle_workflow.workspace import Notebook


def tell(push: Push, folder: Notebook) -> None:
    """Say what is known about the accelerator of the command line, or of the metadata; nothing for a notebook without one."""
    shape = push.options.accelerator
    advice = accelerators.shape_advice(shape) if shape else None
    if advice is not None:
        push.warn(advice)
    kind = _kind(shape) or folder.metadata.accelerator
    if kind is None:
        return
    try:
        quota = push.kaggle.quota()[kind]
    except (KaggleRefused, Unreachable) as error:
        push.warn(f"How much of the {kind.upper()} quota is left is not known: {error}")
        return
    if quota is None:
        push.say(f"{kind.upper()} quota: Kaggle does not say how much is left.")
        return
    push.say(f"{kind.upper()} quota: {quota.used:.1f} of {quota.allowed:.0f} h used this week.")
    if quota.used >= quota.allowed:
        push.warn(f"The {kind.upper()} quota of this week is used up: Kaggle may refuse the run.")


def _kind(shape: str) -> str | None:
    """`gpu` or `tpu` by the name of an accelerator."""
    if shape.startswith("Nvidia"):
        return "gpu"
    return "tpu" if shape.startswith("Tpu") else None
