"""How often one command reads the workspace: `python benchmarks/reads.py`, against the local Kaggle.

Counted are the calls that read the user's files or compose a notebook, and the processes that are started, in each command
after one code file was changed. A workspace has two notebooks and one folder of codes. What is read right before it is sent is
read again on purpose: the user may have saved a file meanwhile.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "shim")]

import pytest  # noqa: E402 - the path is set above

from kaggle_workflow import check, command_list, git, metadata, settings, workspace  # noqa: E402 - the path is set above
from kaggle_workflow.command_options import Command  # noqa: E402 - the path is set above
from kaggle_workflow.commands import check as check_command  # noqa: E402 - the path is set above
from kaggle_workflow.commands import doctor as doctor_command  # noqa: E402 - the path is set above
from kaggle_workflow.commands import push as push_command  # noqa: E402 - the path is set above
from kaggle_workflow.stage import codes, compose, requirements, tree  # noqa: E402 - the path is set above
from tests.local_kaggle import LocalKaggle, ScriptedRunner  # noqa: E402 - the path is set above
from tests.push.conftest import COMPETITION, Played, hurry, make_workspace, play  # noqa: E402 - the path is set above

COUNTED = {
    "settings": (settings, "load"),
    "metadata of notebooks": (metadata, "read_kernel"),
    "metadata of codes": (metadata, "read_dataset"),
    "list of codes/": (tree, "list_files"),
    "codes staged": (codes, "stage"),
    "notebooks parsed": (compose, "_valid"),
    "notebooks composed": (compose, "compose"),
    "requirements": (requirements, "read_asked"),
    "check": (check, "find_all"),
    "git": (git, "state"),
    "processes": (subprocess.Popen, "__init__"),
}
COMMANDS: dict[str, tuple[Callable[..., None], Command]] = {
    "check": (check_command.check_workspace, command_list.Check()),
    "doctor": (doctor_command.examine, command_list.Doctor()),
    "push": (push_command.push_in_order, command_list.Push(yes=True)),
    "push, unchanged": (push_command.push_in_order, command_list.Push(yes=True)),
    "push-sub": (push_command.push_sub, command_list.PushSub(yes=True, allow=["codes-not-current"])),
}


@contextlib.contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the calls that are made inside."""
    found: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            found[name] += 1
            return function(*given, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, (owner, function) in COUNTED.items():
            patch.setattr(owner, function, counting(name, getattr(owner, function)))
        yield found


def main() -> None:
    """Print the table."""
    rows: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        root = make_workspace(ROOT, Path(scratch))
        played = Played()
        with LocalKaggle(
            Path(scratch) / "kaggle", runner=ScriptedRunner(lambda order: play(played, order))
        ) as kaggle:
            public = root / "data" / "competitions" / COMPETITION
            kaggle.behave(processing_seconds=0.05)
            kaggle.add_competition(
                COMPETITION, public={p.name: p.read_bytes() for p in public.iterdir()}, metric="accuracy"
            )
            for name, value in {**kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.05"}.items():
                patch.setenv(name, value)
            hurry(patch)
            for number, (name, (run, command)) in enumerate(COMMANDS.items()):
                # A command is a process of its own.
                compose._parsed.clear()  # noqa: SLF001 - what a command remembers
                if "unchanged" not in name:
                    entry = root / "codes" / "exp001.py"
                    entry.write_text(f"{entry.read_text(encoding='utf-8')}\n# {number}\n", encoding="utf-8")
                with (
                    counted() as found,
                    contextlib.redirect_stdout(io.StringIO()),
                    contextlib.suppress(Exception),
                ):
                    run(workspace.load(root), command)
                rows[name] = found
    print(f"| {'':<22} | {' | '.join(rows)} |")
    for name in COUNTED:
        print(
            f"| {name:<22} | {' | '.join(f'{found[name]:>{len(column)}}' for column, found in rows.items())} |"
        )


if __name__ == "__main__":
    main()
