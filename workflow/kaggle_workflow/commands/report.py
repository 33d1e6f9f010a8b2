"""`invoke report`."""

from __future__ import annotations

from pathlib import Path

from kaggle_shim import local
from kaggle_workflow import command_list, console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import sweep, write_text
from kaggle_workflow.findings import relative
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import choosing, history, standing
from kaggle_workflow.ledger.event import now
from kaggle_workflow.ledger.fold import better_of, final_of, fold
from kaggle_workflow.report import page, sweeps
from kaggle_workflow.workspace import Workspace

DEFAULT = "report.html"


def write_report(workspace: Workspace, command: command_list.Report) -> None:
    """Write the report and print where it is; raises WorkflowError if `--output` names a folder."""
    output = command.output
    target = Path(output).expanduser() if output else workspace.build / DEFAULT
    if target.is_dir():
        raise WorkflowError(
            f"--output {output} is a folder: name the file to write, such as {output.rstrip('/')}/{DEFAULT}."
        )
    book = ledger.read(workspace.root)
    submissions = fold(book.events)
    competition = local.competition(workspace.root)
    ranking = history.order(workspace.settings.better, better_of(book.events, competition))
    final = final_of(book.events, competition)
    in_time = [
        one
        for one in submissions
        if one.competition in (None, competition)
        and (final is None or final.ended is None or one.time <= final.ended)
    ]
    facts = page.Facts(
        title=competition or workspace.root.name,
        made=now(),
        limit=workspace.settings.limit_seconds,
        limit_assumed=workspace.settings.limit is None,
        ranking=ranking,
        public_rows=workspace.settings.public_rows,
        ended=standing.final_sentence(final),
        hindsight="" if ranking.assumed else choosing.hindsight(in_time, ranking),
        warning=book.warning(),
        sweeps=sweeps.newest(book.events, ranking),
    )
    text = page.page(submissions, facts)
    size = len(text.encode("utf-8"))
    sweep(target.parent)
    write_text(target, text)
    if command.json:
        console.as_json({"path": str(target), "submissions": len(submissions), "bytes": size})
        return
    if facts.warning:
        console.warn(facts.warning)
    count = console.count(len(submissions), "submission")
    console.say(f"{relative(target, workspace.root)}: {count}, {console.size(size)}; open it in a browser.")
