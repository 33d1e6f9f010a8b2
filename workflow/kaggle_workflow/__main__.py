"""`python -m kaggle_workflow COMMAND`: the commands for the workspace in the current folder, without its tasks.py."""

import sys
from pathlib import Path

from invoke.exceptions import Exit
from invoke.program import Program

from kaggle_workflow.tasks import collection

try:
    commands = collection(str(Path.cwd() / "tasks.py"))
except Exit as error:
    print(error.message, file=sys.stderr)
    sys.exit(error.code)
Program(namespace=commands, name="kaggle_workflow", binary="python -m kaggle_workflow").run()
