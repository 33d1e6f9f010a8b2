"""Test an installation: import what the requirements name in a fresh interpreter of the overlay."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim.overlay import Overlay, environment

if TYPE_CHECKING:
    from collections.abc import Sequence

# Seconds for all imports of one child together.
_LIMIT = 600
# Runs in the child. Events go to a file, one a line, because packages print to stdout when imported.
_CHILD = """
import importlib, json, os, sys
from importlib import metadata

JUNK = {"tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts"}
SUFFIXES = (".py", ".so", ".pyd")

def modules(name):
    files = metadata.distribution(name).files or []
    paths = [f.as_posix() for f in files if f.name.endswith(SUFFIXES) and ".." not in f.parts]
    packages = {path.rpartition("/")[0] for path in paths if path.endswith("/__init__.py")}
    found = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in packages:
                found.setdefault(".".join(parts[:depth]), None)
                break
        else:
            if len(parts) == 1 or not packages:
                found.setdefault(".".join([*parts[:-1], parts[-1].split(".")[0]]), None)
    public = [m for m in found if all(p.isidentifier() for p in m.split(".")) and m.split(".")[0] not in JUNK]
    public = [m for m in public if not m.startswith("_")] or public
    own = name.lower().replace("-", "_").replace(".", "_")
    same = [m for m in public if m.lower().replace(".", "_") == own]
    return same or public

def tell(**event):
    with open(sys.argv[1], "a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\\n")

for name in json.loads(sys.argv[2]):
    tell(name=name, module="", state="started")
    try:
        names = modules(name)
    except metadata.PackageNotFoundError:
        tell(name=name, module="", state="absent")
        continue
    good = not names
    problems = []
    for module in names:
        tell(name=name, module=module, state="started")
        try:
            importlib.import_module(module)
            good = True
        except BaseException as error:
            reason = str(error).strip().splitlines()
            problems.append((module, type(error).__name__ + (": " + reason[0] if reason else "")))
    if good:
        tell(name=name, module="", state="good")
    else:
        tell(name=name, module=problems[0][0], state="failed", reason=problems[0][1])
"""


@dataclass(frozen=True)
class ImportFailure:
    """A requirement that can't be imported.

    Attributes:
        requirement: the distribution's name.
        module: what was imported, "" when the distribution is not there at all.
        reason: the error, in one line.
    """

    requirement: str
    module: str
    reason: str

    def __str__(self) -> str:
        """The sentence for people."""
        if not self.module:
            return f"{self.requirement} is neither among the wheels nor in the image: collect the wheels in the image that runs this notebook."
        return f"{self.requirement} is installed but `import {self.module}` fails: {self.reason}."


def check_imports(overlay: Overlay, requirements: Sequence[str]) -> tuple[ImportFailure, ...]:
    """Import what some distributions (the image's too) provide in one fresh child, and return what failed.

    A distribution whose name is also a module's is judged by that module; another one is fine when any of its modules can be
    imported, because many ship extras that need more. A module that ends the interpreter (a crash in compiled code) is named,
    and the rest is tried again.
    """
    import json
    import tempfile

    failures: list[ImportFailure] = []
    left = list(requirements)
    with tempfile.TemporaryDirectory(prefix="kaggle-shim-imports-") as scratch:
        log = Path(scratch, "events.jsonl")
        while left:
            log.write_text("", encoding="utf-8")
            end = _run(overlay, log, left)
            importing = None
            for event in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
                importing = event if event["state"] == "started" else None
                if event["state"] in {"absent", "failed"}:
                    failures.append(ImportFailure(event["name"], event["module"], event.get("reason", "")))
                if importing is None:
                    left.remove(event["name"])
            if importing is not None:
                failures.append(ImportFailure(importing["name"], importing["module"], end))
                left.remove(importing["name"])
            else:
                failures.extend(ImportFailure(name, name, f"the interpreter {end}") for name in left)
                left.clear()
    return tuple(failures)


def _run(overlay: Overlay, log: Path, names: Sequence[str]) -> str:
    """Import in a child, which writes its events to `log`; returns how the child ended."""
    import json
    import subprocess

    try:
        done = subprocess.run(
            [str(overlay.python), "-c", _CHILD, str(log), json.dumps(list(names))],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT,
            cwd=log.parent,
            env=environment(overlay, os.environ),
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {_LIMIT} seconds"
    except OSError as error:
        return f"can't be started ({error})"
    return f"ended the interpreter with exit code {done.returncode}"
