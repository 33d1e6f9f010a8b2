"""The runtime package of a Kaggle code competition workspace: standard library only, Python 3.10 and up.

It runs inside Kaggle's notebooks, in rehearsal and in the workspace. Three names are for users: `run` (the submission
notebook's one line), `collect` (the wheel notebook's one line) and `find` (in user code).
"""

from __future__ import annotations

from pathlib import Path

__version__ = "0.2.0"

__all__ = ["__version__", "collect", "find", "run"]


def run() -> None:
    """Run the entry point of this notebook's plan; see `kaggle_shim.running.run_planned`."""
    from kaggle_shim.running import run_planned

    run_planned()


def collect() -> None:
    """Collect the wheels of this notebook's plan; see `kaggle_shim.running.collect_planned`."""
    from kaggle_shim.running import collect_planned

    collect_planned()


def find(ref: str | None = None) -> Path:
    """The folder of an attached source, by default of the competition; see `kaggle_shim.local.find`."""
    from kaggle_shim.local import find as find_mounted

    return find_mounted(ref)
