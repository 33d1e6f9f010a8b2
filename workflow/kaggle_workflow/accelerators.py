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


def shape_advice(shape: str) -> str | None:
    """What to say about an accelerator's name, None when it is known and current (Kaggle ignores unknown ones in silence)."""
    if shape in SHAPES:
        return None
    if shape in SUCCESSORS:
        return f"the accelerator {shape} is retired: {SUCCESSORS[shape]} took its place."
    close = difflib.get_close_matches(shape, SHAPES, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(SHAPES)}."
    return f"the accelerator {shape} is not one we know, and Kaggle ignores unknown ones in silence: {meant}"
