"""The accelerators that a `machine_shape` may name, as far as they are known: what rests on this table warns."""

from __future__ import annotations

import difflib

SHAPES = (
    "NvidiaTeslaT4",
    "NvidiaTeslaT4Highmem",
    "NvidiaL4",
    "NvidiaL4X1",
    "NvidiaTeslaA100",
    "NvidiaH100",
    "NvidiaRtxPro6000",
    "TpuV5E8",
    "TpuV6E8",
)

SUCCESSORS = {"NvidiaTeslaP100": "NvidiaTeslaT4", "TpuV38": "TpuV5E8", "Tpu1VmV38": "TpuV5E8"}


def contradiction(shape: str, *, gpu: bool, tpu: bool) -> str | None:
    """What to say when `machine_shape` and the two switches of a notebook's metadata do not fit, None when they do."""
    if gpu and tpu:
        return "enable_gpu and enable_tpu are both true: a session has one of them; set one to false."
    if shape.startswith("Nvidia") and not gpu:
        return f"machine_shape is {shape}, and enable_gpu is false: set it to true{' and enable_tpu to false' if tpu else ''}, or remove machine_shape."
    if shape.startswith("Tpu") and not tpu:
        return f"machine_shape is {shape}, and enable_tpu is false: set it to true{' and enable_gpu to false' if gpu else ''}, or remove machine_shape."
    if (gpu or tpu) and not shape:
        kind, default = ("gpu", SHAPES[0]) if gpu else ("tpu", "TpuV5E8")
        return f"enable_{kind} is true without a machine_shape, so Kaggle chooses the machine: write one, such as {default}."
    return None


def shape_advice(shape: str) -> str | None:
    """What to say about an accelerator's name, None when it is known and current (Kaggle ignores unknown ones in silence)."""
    if shape in SHAPES:
        return None
    if shape in SUCCESSORS:
        return f"the accelerator {shape} is retired: {SUCCESSORS[shape]} took its place."
    close = difflib.get_close_matches(shape, SHAPES, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(SHAPES)}."
    return f"the accelerator {shape} is not one we know, and Kaggle ignores unknown ones in silence: {meant}"
