"""`python -m kaggle_workflow.run_entry [NOTEBOOK]`: the notebook's entry point in this process, so that a debugger reaches it (F5).

The notebook is `sub` by default. The entry point runs as on Kaggle, with two differences: the working folder is `build/debug`, and
there is no limit.
"""

from __future__ import annotations

import os
import runpy
import sys

from kaggle_shim import entry, local
from kaggle_workflow import workspace
from kaggle_workflow.errors import WorkflowError


def main() -> None:
    """Run it as `__main__`; exits with one sentence when it can't be run here."""
    root = local.workspace_root()
    if root is None:
        sys.exit("error: this is no workspace. Start it in the folder that holds invoke.yaml and codes/.")
    codes = root / "codes"
    try:
        opened = workspace.load(root)
        # F5 works before there is a notebook.
        name = opened.notebook(sys.argv[1]).name if len(sys.argv) > 1 else workspace.SUB
        chosen = opened.settings.of(name)
    except WorkflowError as error:
        sys.exit(f"error: {error}")
    words = (*chosen.entry, *chosen.args)
    problem = entry.problem(words, codes)
    if problem is None and not (entry.is_script(words) or entry.is_module(words)):
        problem = f"The entry point {words[0]} is a command: a debugger needs a script or a module, so start it from the terminal."
    if problem is not None:
        sys.exit(f"error: {problem}")
    working = root / "build" / "debug"
    working.mkdir(parents=True, exist_ok=True)
    os.chdir(working)
    os.environ.update(chosen.environment)
    if entry.is_module(words):
        sys.path[0] = str(codes)
        sys.argv = [words[1], *words[2:]]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        script = codes / words[0]
        # The script's own folder comes first, as when Python is given a file; then codes/, as on Kaggle.
        sys.path[:1] = [str(script.parent), str(codes)]
        sys.argv = [str(script), *words[1:]]
        runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
