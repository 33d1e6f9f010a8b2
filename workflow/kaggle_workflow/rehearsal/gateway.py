"""The gateway of a rehearsed rerun: find its program, its data and its result.

On Kaggle it runs in a container of its own, reaches the notebook as `inference_server`, and is reached as `gateway`. A
competition's package brings its own (`kaggle_evaluation/<name>_gateway.py`); where there is none, the user writes one.
Source: the package of several competitions, which also writes `result.json` with what went wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim import local, refs
from kaggle_shim.running import EVALUATION_PACKAGE
from kaggle_workflow.errors import RunFailed, WorkflowError
from kaggle_workflow.files import read_object
from kaggle_workflow.rehearsal.inputs import Mount
from kaggle_workflow.rehearsal.local_inputs import RERUN

OWN = "gateway.py"
HOSTS = ("gateway", "inference_server")
_FIXED = re.compile(r"/kaggle/input/((?:competitions/)?[A-Za-z0-9][A-Za-z0-9_.-]*)")
_BARE = ("competitions", "datasets", "models", "notebooks")


@dataclass(frozen=True)
class Gateway:
    """A program that sends test data to the notebook.

    Attributes:
        file: the program, on this machine.
        inside: where it lies under the input root (posix), None for the user's own, which is not mounted.
        imports: the competition's folder under the input root: what the program imports from.
    """

    file: Path
    inside: str | None
    imports: str


def choose(competition: refs.CompetitionRef, folder: Path, root: Path, layout: str) -> Gateway:
    """Find the gateway: the user's own, else the competition's.

    Args:
        competition: the notebook's.
        folder: its local data.
        root: the workspace.
        layout: where things are mounted.

    Raises:
        WorkflowError: there is none, or more than one.
    """
    target = competition.mount(layout)
    own = local.data_folder(root) / RERUN / OWN
    if own.is_file():
        return Gateway(own, None, target)
    found = sorted((folder / EVALUATION_PACKAGE).glob("*_gateway.py"))
    remedy = f"Write one as {own}: it runs beside the notebook, which it reaches at the host name inference_server."
    if not found:
        raise WorkflowError(
            f"No gateway found for a rerun of {competition}: {folder / EVALUATION_PACKAGE} has no *_gateway.py. {remedy}"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise WorkflowError(f"{competition} has several gateways ({names}), and a rerun needs one. {remedy}")
    return Gateway(found[0], f"{target}/{EVALUATION_PACKAGE}/{found[0].name}", target)


def fixed_places(text: str, target: str) -> tuple[str, ...]:
    """Hard-coded places, other than `target`, where a gateway expects the competition's data."""
    named = dict.fromkeys(_FIXED.findall(text))
    return tuple(place for place in named if place not in (target, *_BARE))


def also_at(mounts: tuple[Mount, ...], target: str, places: tuple[str, ...]) -> tuple[Mount, ...]:
    """The mounts at and below `target`, repeated at each of `places`."""
    own = [mount for mount in mounts if mount.target == target or mount.target.startswith(f"{target}/")]
    return tuple(
        Mount(mount.source, place + mount.target[len(target) :]) for place in places for mount in own
    )


def verdict(gateway: Gateway, folder: Path) -> Path | None:
    """Read the gateway's result.

    Args:
        gateway: the program.
        folder: what was its working folder, with the note on its end.

    Returns:
        The submission it wrote, None when it wrote none.

    Raises:
        RunFailed: it failed, or the notebook ended while it was still asking.
    """
    ended = read_object(folder / "ended.json")
    said = read_object(folder / "result.json")
    if said.get("Succeeded") is False:
        details = str(said.get("ErrorDetails") or "").strip().splitlines()
        reason = f": {details[-1]}" if details else ""
        raise RunFailed(
            f"The gateway reported {said.get('ErrorName', 'a failure')}{reason}. Its output is above."
        )
    if ended.get("finished") and ended.get("exit_code") != 0:
        raise RunFailed(
            f"The gateway {gateway.file.name} failed (exit code {ended.get('exit_code')}). Its output is above."
        )
    if gateway.inside is not None and not ended.get("finished"):
        raise RunFailed(
            "The notebook ended before the gateway was done: call serve() when KAGGLE_IS_COMPETITION_RERUN is set."
        )
    return next(iter(sorted(folder.glob("submission.*"))), None)
