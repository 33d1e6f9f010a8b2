"""The entry point: a script, a module or a command. Make its command line, run it, watch its time, interpret its end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from kaggle_shim import process
from kaggle_shim.context import CODES_VARIABLE, LIGHT_VARIABLE, PYTHON_VARIABLE, REPLACED_VARIABLE, Context
from kaggle_shim.errors import EntryPointError

# Libraries that would otherwise wait for a network that is not there (reported by competitors).
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}


def is_script(entry: Sequence[str]) -> bool:
    """Whether the entry point is a Python script of the code tree."""
    return bool(entry) and entry[0].endswith(".py")


def is_module(entry: Sequence[str]) -> bool:
    """Whether the entry point is a module, as in `-m solution.infer`."""
    return len(entry) > 1 and entry[0] == "-m"


def command_line(entry: Sequence[str], tree: Path, python: str) -> list[str]:
    """The command line that runs the entry point from any folder; raises EntryPointError when it is not in the code tree.

    `entry` is `["exp001.py", …]`, `["-m", "solution.infer", …]`, or a command such as `["make", "-C", "solver", "run"]`, whose
    arguments become absolute where they name something in the tree.
    """
    missing = problem(entry, tree)
    if missing is not None:
        raise EntryPointError(missing)
    if is_script(entry):
        return [python, str(tree / entry[0]), *entry[1:]]
    if is_module(entry):
        return [python, *entry]
    first, *rest = entry
    program = str(tree / first) if "/" in first and _is_file(first, tree) else first
    return [program, *(_absolute(word, tree) for word in rest)]


def problem(entry: Sequence[str], tree: Path) -> str | None:
    """A sentence when the entry point can't be run from `tree`, None when it can.

    A command's program may exist on the image alone, so it must be in the code tree only when it starts with `./`.
    """
    if not entry:
        return "No entry point is set: write workspace.entry in invoke.yaml, such as exp001.py."
    if is_script(entry):
        return None if _is_file(entry[0], tree) else _no_such(entry[0], tree)
    if is_module(entry):
        relative = entry[1].replace(".", "/")
        forms = (f"{relative}.py", f"{relative}/__main__.py")
        top = relative.split("/")[0]
        if not _exists(top, tree) and not _exists(f"{top}.py", tree) and "." in entry[1]:
            # A module of an installed package, such as a launcher, shows up only in the run.
            return None
        return None if any(_is_file(form, tree) for form in forms) else _no_such(f"module {entry[1]}", tree)
    if entry[0].startswith("./") and not _is_file(entry[0], tree):
        return _no_such(entry[0], tree)
    return None


def duration(seconds: float) -> str:
    """Seconds as people write limits: `9h`, `1h30m`, `45s`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{left}s" if left else ""]
    return "".join(parts) or "0s"


def environment(
    run: Context, base: Mapping[str, str], tree: Path, package: Path | None, scripts: Iterable[Path]
) -> dict[str, str]:
    """The environment of the entry point: the notebook's (`base`, with the wheels in it), extended, never replaced."""
    result = {**({} if run.plan.internet else OFFLINE), **base}
    own = [tree, Path(__file__).resolve().parents[1], *([package.parent] if package else []), *scripts]
    kept = filter(None, result.get("PYTHONPATH", "").split(os.pathsep))
    result["PYTHONPATH"] = os.pathsep.join([*map(str, own), *kept])
    result["PYTHONUNBUFFERED"] = "1"
    result[CODES_VARIABLE] = str(tree)
    result[PYTHON_VARIABLE] = sys.executable
    if result.get("MPLBACKEND", "").startswith("module://"):
        # The kernel's plotting backend can't draw from a child process and may not be importable there.
        result["MPLBACKEND"] = "Agg"
    if run.plan.light and not run.rerun:
        result[LIGHT_VARIABLE] = "1"
    own_values = dict(run.plan.environment)
    if replaced := {name: result[name] for name in own_values if name in result}:
        result[REPLACED_VARIABLE] = json.dumps(replaced)
    return result | own_values


def run_entry(
    run: Context, command: list[str], variables: Mapping[str, str], should_end: Callable[[], bool] | None
) -> None:
    """Run the entry point to its end, or until `should_end` returns True.

    Raises EntryPointError when it can't be started, fails, or is ended at the guard time without a submission.
    """
    plan, report = run.plan, run.report
    report.say(f"entry point: {' '.join(plan.entry)}")
    warn_at = None
    if plan.limit is not None:
        limit = duration(plan.limit)
        report.say(f"limit: {limit}{' assumed' if plan.limit_assumed else ''}, {run.used:.0f} s used.")
        sentence = f"{plan.warn_share:.0%} of the limit of {limit} has been used."
        warn_at = max(0.0, plan.limit * plan.warn_share - run.used), partial(report.warn, sentence)
    try:
        ended = process.run_child(
            command,
            cwd=run.working,
            environment=variables,
            write=partial(print, end="", flush=True),
            warn_at=warn_at,
            guard=None if plan.guard is None else max(0.0, plan.guard - run.used),
            grace=plan.grace,
            should_end=should_end,
        )
    except OSError as error:
        raise EntryPointError(
            f"The entry point {' '.join(plan.entry)} can't be started ({error.strerror or error}): set workspace.entry to a program of the image, "
            "such as bash run.sh, or to a file of codes/ that starts with #! and its interpreter."
        ) from error
    report.values |= {
        "entry_seconds": round(ended.seconds, 3),
        "exit_code": ended.exit_code,
        "peak_memory": ended.peak_memory,
    }
    if ended.stopped:
        report.say("the gateway is done: the entry point was stopped.")
    elif ended.guarded:
        report.values["guarded"] = True
        _after_guard(run, ended.exit_code)
    elif ended.exit_code != 0:
        raise EntryPointError(_failure(plan.entry, ended))


def _after_guard(run: Context, exit_code: int) -> None:
    """Report which file is the submission of an entry point that was ended, or raise EntryPointError."""
    plan, warn = run.plan, run.report.warn
    guard = duration(plan.guard or 0.0)
    whole = run.working / plan.submission
    rest = run.working / plan.partial if plan.partial else None
    writes = bool(plan.submission) and not (plan.output == "gateway" and run.rerun)
    # It exited in order, on the signal or by itself: the file that it wrote last is the submission.
    if exit_code == 0 and (not writes or _written(whole) > (_written(rest) if rest else 0.0)):
        kept = f": {whole.name} is the submission" if writes else ""
        warn(f"The entry point stopped when asked at the guard time of {guard}, with exit code 0{kept}.")
    elif rest is not None and rest.is_file():
        os.replace(rest, whole)
        warn(f"The entry point was stopped at the guard time of {guard}: {rest.name} is the submission.")
    else:
        lost = f", and the partial file {rest.name} is missing" if rest else ""
        raise EntryPointError(
            f"The entry point was stopped at the guard time of {guard}{lost}: make it faster, or raise workspace.guard."
        )


def _written(path: Path) -> float:
    """Modification time of a file, 0 when missing."""
    return path.stat().st_mtime if path.is_file() else 0.0


def _failure(entry: tuple[str, ...], ended: process.Ended) -> str:
    """One sentence about an entry point that failed, followed by the last lines it printed."""
    how = f"ended by signal {-ended.exit_code}" if ended.exit_code < 0 else f"exit code {ended.exit_code}"
    hint = " (often: out of memory)" if ended.exit_code in (-9, 137) else ""
    sentence = f"The entry point {' '.join(entry)} failed after {ended.seconds:.1f} s, {how}{hint}"
    if not ended.tail:
        return f"{sentence}, and printed nothing."
    return "\n".join([f"{sentence}: {ended.tail[-1].strip()}", *(f"  | {line}" for line in ended.tail)])


def _absolute(word: str, tree: Path) -> str:
    return str(tree / word) if word and _exists(word, tree) else word


# os.path, because pathlib raises for words that no file can have as a name, such as a script for `bash -c`.
def _exists(word: str, tree: Path) -> bool:
    return os.path.exists(os.path.join(tree, word))  # noqa: PTH110, PTH118 - as above


def _is_file(word: str, tree: Path) -> bool:
    return os.path.isfile(os.path.join(tree, word)) and _has_right_case(word, tree)  # noqa: PTH113, PTH118 - as above


def _has_right_case(word: str, tree: Path) -> bool:
    """Whether the case is right too: macOS and Windows find `Exp001.py` for `exp001.py`, Kaggle does not."""
    if word == word.swapcase() or not _exists(word.swapcase(), tree):
        return True
    folder = str(tree)
    for part in os.path.normpath(word).split(os.sep):  # noqa: PTH206 - as above
        if part != os.pardir and part not in os.listdir(folder):
            return False
        folder = os.path.join(folder, part)  # noqa: PTH118 - as above
    return True


def _no_such(what: str, tree: Path) -> str:
    scripts = sorted(path.name for path in tree.glob("*.py"))
    there = f"there are {', '.join(scripts[:8])}" if scripts else "there is no script"
    shown = what if what.isprintable() else ascii(what)
    return f"The entry point {shown} is not in the codes: {there}; set workspace.entry in invoke.yaml or write the file."
