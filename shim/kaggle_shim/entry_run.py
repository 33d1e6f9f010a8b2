"""Run the entry point: set its environment, watch its time, interpret its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from kaggle_shim import process
from kaggle_shim.context import CODES_VARIABLE, LIGHT_VARIABLE, Context
from kaggle_shim.entry import duration, failure
from kaggle_shim.errors import EntryPointError

# Libraries that would otherwise wait for a network that is not there (reported by competitors).
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}


def environment(
    context: Context, base: Mapping[str, str], tree: Path, package: Path | None, scripts: Iterable[Path]
) -> dict[str, str]:
    """The environment of the entry point: the notebook's (`base`, with the wheels in it), extended, never replaced."""
    result = {**(OFFLINE if not context.plan.internet else {}), **base}
    path = [str(tree), str(Path(__file__).resolve().parents[1])]
    if package is not None:
        path.append(str(package.parent))
    path += map(str, scripts)
    path += [part for part in result.get("PYTHONPATH", "").split(os.pathsep) if part]
    result["PYTHONPATH"] = os.pathsep.join(path)
    result["PYTHONUNBUFFERED"] = "1"
    result[CODES_VARIABLE] = str(tree)
    if result.get("MPLBACKEND", "").startswith("module://"):
        # The kernel's plotting backend can't draw from a child process and may not be importable there.
        result["MPLBACKEND"] = "Agg"
    if context.plan.light and not context.rerun:
        result[LIGHT_VARIABLE] = "1"
    return {**result, **dict(context.plan.environment)}


def run_entry(
    context: Context, command: list[str], variables: Mapping[str, str], should_end: Callable[[], bool] | None
) -> None:
    """Run the entry point to its end, or until `should_end` returns True.

    Raises EntryPointError when it can't be started, fails, or is ended at the guard time without a submission.
    """
    context.report.say(f"entry point: {' '.join(context.plan.entry)}")
    if context.plan.limit is not None:
        assumed = " assumed" if context.plan.limit_assumed else ""
        context.report.say(f"limit: {duration(context.plan.limit)}{assumed}, {context.used:.0f} s used.")
    try:
        ended = process.run_child(
            command,
            cwd=context.working,
            environment=variables,
            write=_write_out,
            warn_at=_warning_time(context),
            guard=None if context.plan.guard is None else max(0.0, context.plan.guard - context.used),
            grace=context.plan.grace,
            should_end=should_end,
        )
    except OSError as error:
        raise EntryPointError(
            f"The entry point {' '.join(context.plan.entry)} can't be started ({error.strerror or error}): set workspace.entry to a program of the image, "
            "such as bash run.sh, or to a file of codes/ that starts with #! and its interpreter."
        ) from error
    context.report.values |= {
        "entry_seconds": round(ended.seconds, 3),
        "exit_code": ended.exit_code,
        "peak_memory": ended.peak_memory,
    }
    if ended.stopped:
        context.report.say("the gateway is done: the entry point was ended.")
    elif ended.guarded:
        _after_guard(context, ended.exit_code)
    elif ended.exit_code != 0:
        raise EntryPointError(failure(context.plan.entry, ended))


def _warning_time(context: Context) -> tuple[float, Callable[[], object]] | None:
    if context.plan.limit is None:
        return None
    seconds = context.plan.limit * context.plan.warn_share
    sentence = f"{context.plan.warn_share:.0%} of the limit of {duration(context.plan.limit)} are used."
    return max(0.0, seconds - context.used), partial(context.report.warn, sentence)


def _after_guard(context: Context, exit_code: int) -> None:
    """Report which file is the submission of an entry point that was ended, or raise EntryPointError."""
    guard = duration(context.plan.guard or 0.0)
    context.report.values["guarded"] = True
    plan = context.plan
    whole = context.working / plan.submission
    rest = context.working / plan.partial if plan.partial else None
    writes = bool(plan.submission) and not (plan.output == "gateway" and context.rerun)
    # It exited in order, on the signal or by itself: the file that it wrote last is the submission.
    if exit_code == 0 and (not writes or _written(whole) > (_written(rest) if rest else 0.0)):
        kept = f": {whole.name} is the submission" if writes else ""
        context.report.warn(
            f"The entry point was asked to end at the guard time of {guard} and did, with exit code 0{kept}."
        )
    elif rest is not None and rest.is_file():
        os.replace(rest, whole)
        context.report.warn(
            f"The entry point was ended at the guard time of {guard}: {rest.name} is the submission."
        )
    else:
        lost = f", and the partial file {rest.name} is missing" if rest else ""
        raise EntryPointError(
            f"The entry point was ended at the guard time of {guard}{lost}: make it faster, or raise workspace.guard."
        )


def _written(path: Path) -> float:
    """Modification time of a file, 0 when missing."""
    return path.stat().st_mtime if path.is_file() else 0.0


def _write_out(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
