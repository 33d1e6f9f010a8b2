"""`invoke report`."""

from __future__ import annotations

from pathlib import Path

from kaggle_shim import local
from kaggle_workflow import console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import sweep, write_text
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import history
from kaggle_workflow.ledger.event import now
from kaggle_workflow.ledger.fold import better_of, fold
from kaggle_workflow.report import page as html_report
from kaggle_workflow.workspace import Workspace

DEFAULT = "report.html"


def main(workspace: Workspace, *, output: str, json: bool) -> None:
    """Write the report and say where it is.

    Raises:
        WorkflowError: the output's name is that of a folder.
    """
    target = Path(output).expanduser() if output else workspace.build / DEFAULT
    if target.is_dir():
        raise WorkflowError(
            f"--output {output} is a folder: name the file to write, such as {output.rstrip('/')}/{DEFAULT}."
        )
    book = ledger.read(workspace.root)
    submissions = fold(book.events)
    facts = html_report.Facts(
        title=local.competition(workspace.root) or workspace.root.name,
        made=now(),
        limit=workspace.settings.limit_seconds,
        limit_assumed=workspace.settings.limit is None,
        ranking=history.order(workspace.settings.better, better_of(book.events)),
        warning=book.warning(),
    )
    text = html_report.page(submissions, facts)
    sweep(target.parent)
    write_text(target, text)
    if json:
        console.as_json(
            {"path": str(target), "submissions": len(submissions), "bytes": len(text.encode("utf-8"))}
        )
        return
    if facts.warning:
        console.warn(facts.warning)
    shown = target.relative_to(workspace.root) if target.is_relative_to(workspace.root) else target
    counted = "1 submission" if len(submissions) == 1 else f"{len(submissions)} submissions"
    console.say(
        f"{shown.as_posix()}: {counted}, {console.size(len(text.encode('utf-8')))}; open it in a browser."
    )
