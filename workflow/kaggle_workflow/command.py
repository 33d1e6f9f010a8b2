"""Run a command; turn its failures into one sentence and an exit code (docs/reference/exit-codes.md)."""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import traceback
from pathlib import Path
from types import TracebackType

from invoke.exceptions import Exit

from kaggle_workflow.command_options import Command
from kaggle_workflow.errors import WorkflowError

_INTERRUPTED = 130
# A command in a message: in backticks, or `invoke` with its options.
_COMMANDS = re.compile(r"`([^`]+)`|\b(invoke [a-z][\w-]*(?: --[\w-]+)*)")


def run(root: Path, command: Command) -> None:
    """Run a command for the workspace at `root`.

    With `--json`, a failure is printed as a JSON object on standard output too.

    Raises:
        Exit: it could not be done; with the sentence and the exit code.
    """
    try:
        _run(root, command)
    except Exit as error:
        from kaggle_workflow import console

        if getattr(command, "json", False) and error.code and not console.has_printed_json():
            _print_failure(error)
        raise


def _run(root: Path, command: Command) -> None:
    try:
        from kaggle_workflow import files, versions, workspace

        outdated = versions.outdated(root)
        if outdated is not None:
            print(f"warning: {outdated}", file=sys.stderr, flush=True)
        module, _, function = command.runs.partition(":")
        runs = getattr(importlib.import_module(f"kaggle_workflow.commands.{module}"), function)
        made = workspace.load(root)
        files.sweep(*made.written_folders())
        runs(made, command)
    except KeyboardInterrupt:
        raise Exit(
            "Interrupted. Run the command again to continue where it stopped.", code=_INTERRUPTED
        ) from None
    except BrokenPipeError:
        silence_closed_pipe()
        raise Exit("", code=0) from None
    except ImportError as error:
        raise _of_import(error) from error
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        raise Exit(
            f"error: {what}{error.strerror or error}. Fix this, then run the command again.", code=2
        ) from error
    except Exception as error:
        raise _as_exit(error) from error


def validate(root: Path) -> None:
    """Read `invoke.yaml` before invoke does; raises Exit with one sentence for a bad line."""
    from kaggle_workflow import settings

    try:
        settings.load(root, os.environ)
    except WorkflowError as error:
        told = Exit(f"error: {error}", code=error.exit_code)
        told.__cause__ = error
        # The command line is not parsed yet.
        if "--json" in sys.argv:
            _print_failure(told)
        raise told from error


def silence_closed_pipe() -> None:
    """Keep the interpreter from reporting at exit that the reader of standard output closed the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_failure(error: Exit) -> None:
    """Print a failure for programs: exit code, name, message, and the commands that the message suggests."""
    cause = error.__cause__
    message = (error.message or "").removeprefix("error: ")
    value = {
        "error": {
            "exit_code": error.code,
            "name": getattr(cause, "name", None) if isinstance(cause, WorkflowError) else None,
            "kind": type(cause).__name__ if cause is not None else "Interrupted",
            "message": message,
            "commands": ["".join(found) for found in _COMMANDS.findall(message)],
        }
    }
    print(json.dumps(value, indent=1, ensure_ascii=False), flush=True)


def _as_exit(error: Exception) -> Exception:
    from kaggle_shim.errors import ShimError
    from kaggle_workflow import console
    from kaggle_workflow.credentials import own as secrets_own

    if isinstance(error, WorkflowError):
        # The sentence may quote Kaggle, and Kaggle may repeat what was sent.
        told = f"error: {console.plain(secrets_own.redacted(str(error)))}" if str(error) else ""
        return Exit(told, code=error.exit_code)
    if isinstance(error, ShimError):
        return Exit(console.plain(f"error: {error}"), code=2)
    # The traceback of a bug may quote what was sent.
    sys.excepthook = _print_redacted
    return error


def _print_redacted(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    from kaggle_workflow.credentials import own as secrets_own

    print(secrets_own.redacted("".join(traceback.format_exception(error))), file=sys.stderr, end="")


def _of_import(error: ImportError) -> Exit:
    from kaggle_workflow.versions import INSTALL

    problem = (
        f"the package {error.name} is not installed"
        if isinstance(error, ModuleNotFoundError)
        else f"an installed package has the wrong version ({error})"
    )
    return Exit(f"error: {problem}: {INSTALL}.", code=2)
