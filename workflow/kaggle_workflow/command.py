"""Runs a command and turns its failures into one sentence and the exit code of DESIGN.md."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from invoke.exceptions import Exit

from kaggle_workflow.errors import WorkflowError

_INSTALL = "pip install -r workflow/requirements.txt"
_OURS = ("workflow", "kaggle_shim")


def run(root: Path, name: str, **options: Any) -> None:
    """Run `kaggle_workflow.commands.<name>.main(workspace, **options)`.

    Raises:
        Exit: with the sentence and the code, when it could not be done.
        ImportError: parts of the template are missing or do not fit each other; so says `tasks.py`, which needs none of them.
    """
    try:
        from kaggle_workflow import files, versions, workspace

        lacking = versions.advice(root)
        if lacking is not None:
            print(f"warning: {lacking}", file=sys.stderr, flush=True)
        module = importlib.import_module(f"kaggle_workflow.commands.{name.replace('-', '_')}")
        made = workspace.load(root)
        files.sweep(*made.written_folders())
        module.main(made, **options)
    except KeyboardInterrupt:
        raise Exit("Interrupted; running the command again goes on where it stopped.", code=130) from None
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit("", code=0) from None
    except (ImportError, SyntaxError) as error:
        raise _of_import(error) from error
    except OSError as error:
        raise Exit(_system(error), code=2) from error
    except Exception as error:
        raise _as_exit(error, root) from error


def validate(root: Path) -> None:
    """Read `invoke.yaml` before invoke does; raises Exit with one sentence for a bad line."""
    from kaggle_workflow import settings

    try:
        settings.load(root, os.environ)
    except WorkflowError as error:
        raise Exit(f"error: {error}", code=error.exit_code) from error


def _as_exit(error: Exception, root: Path) -> Exception:
    from kaggle_shim.errors import ShimError
    from kaggle_workflow import console
    from kaggle_workflow.credentials import own as secrets_own

    if isinstance(error, WorkflowError):
        # Kaggle's own words may be part of the sentence, and they may repeat what was sent to it.
        told = f"error: {console.plain(secrets_own.redacted(str(error)))}" if str(error) else ""
        return Exit(told, code=error.exit_code)
    if isinstance(error, ShimError):
        return Exit(console.plain(f"error: {error}"), code=2)
    from kaggle_workflow import git

    if not isinstance(error, Exit) and git.changed(root, ("tasks.py", "workflow", "shim")):
        # The template's files are not as they were committed: a fault of the program may be one of an update.
        return ImportError(secrets_own.redacted(f"{type(error).__name__}: {error}"))
    # Whatever this is, its traceback may quote what was sent.
    sys.excepthook = _print_redacted
    return error


def _print_redacted(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    from kaggle_workflow.credentials import own as secrets_own

    print(secrets_own.redacted("".join(traceback.format_exception(error))), file=sys.stderr, end="")


def _of_import(error: ImportError | SyntaxError) -> Exception:
    """What is raised in place of an error while importing: ours as ImportError, a package's as Exit."""
    if isinstance(error, SyntaxError):
        return ImportError(f"{Path(error.filename or '').name}, line {error.lineno}, is no Python")
    if (error.name or "").split(".")[0] in _OURS:
        return ImportError(
            f"{error.name} is missing" if isinstance(error, ModuleNotFoundError) else str(error)
        )
    told = (
        f"the package {error.name} is not installed here"
        if isinstance(error, ModuleNotFoundError)
        else f"a package does not fit ({error})"
    )
    return Exit(f"error: {told}: run `{_INSTALL}` (or start commands with `uv run`).", code=2)


def _system(error: OSError) -> str:
    what = f"{error.filename}: " if error.filename else ""
    return f"error: {what}{error.strerror or error}; mend that and run the command again."
