"""The commands of this workspace. `invoke --list` shows them, `invoke --help NAME` explains one.

This file belongs to the template and is replaced by `copier update`; commands of your own go into `local_tasks.py`.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from invoke import Collection, Context, Task, task

ROOT = Path(__file__).resolve().parent
LOCAL = ROOT / "local_tasks.py"


def _run(name: str, **options: Any) -> None:
    from workflow.command import run

    run(ROOT, name, **options)


@task(help={"json": "print the findings as JSON"})
def check(_context: Context, json: bool = False) -> None:
    """Validate the whole workspace, without network."""
    _run("check", json=json)


@task(
    help={
        "notebook": "folder of the notebook to run (default: sub)",
        "layout": "how inputs are mounted: namespaced (default) or classic",
        "entry": "another entry point, for this once",
        "rerun": "as in the scored rerun: data/rerun is laid over the competition's files",
        "without": "mount an empty folder for this source (may be repeated)",
        "python": "interpreter that stands for Kaggle's image",
        "require-isolation": "fail where this machine can't give the sandbox",
        "force": "collect the wheels again",
        "json": "print the result as JSON",
    },
    iterable=["without"],
)
def rehearse(
    _context: Context,
    notebook: str = "sub",
    layout: str = "namespaced",
    entry: str = "",
    rerun: bool = False,
    without: list[str] | None = None,
    python: str = "",
    require_isolation: bool = False,
    force: bool = False,
    json: bool = False,
) -> None:
    """Run deps and sub on this machine, offline, as Kaggle would."""
    _run(
        "rehearse",
        notebook=notebook,
        layout=layout,
        entry=entry,
        rerun=rerun,
        without=without or [],
        python=python,
        require_isolation=require_isolation,
        force=force,
        json=json,
    )


def _local_tasks() -> list[Task[Any]]:
    """The tasks of `local_tasks.py`; a broken file is reported and passed by."""
    if not LOCAL.is_file():
        return []
    spec = importlib.util.spec_from_file_location("local_tasks", LOCAL)
    if spec is None or spec.loader is None:
        return []
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the user's file, our commands go on working
        print(f"warning: local_tasks.py is passed by: {type(error).__name__}: {error}", file=sys.stderr)
        return []
    return [value for value in vars(module).values() if isinstance(value, Task)]


def _collection() -> Collection:
    from workflow.command import validate

    validate(ROOT)
    collection = Collection(check, rehearse)
    for own in _local_tasks():
        collection.add_task(own)
    return collection


namespace = _collection()
