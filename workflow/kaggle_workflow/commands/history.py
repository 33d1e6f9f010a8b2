"""`invoke history`."""

from __future__ import annotations

import csv as csv_format
import json as json_format
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kaggle_shim import local
from kaggle_workflow import command_list, console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import history, job_results, standing, validation
from kaggle_workflow.ledger import table as history_table
from kaggle_workflow.ledger.event import score_of
from kaggle_workflow.ledger.fold import Submission, better_of, final_of, fold
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.ledger.jobs import Job, sweeps
from kaggle_workflow.workspace import Workspace

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def show_history(workspace: Workspace, command: command_list.History) -> None:  # noqa: C901 - a case for each form of the output
    """Print the submissions that the ledger knows, or restore what one of them was made of.

    Raises:
        WorkflowError: an option does not fit, Kaggle could not be asked, or the submission can't be restored.
    """
    if command.reproduce:
        _reproduce(workspace, command)
        return
    _check_options(command)
    if command.refresh:
        from kaggle_workflow.submit.refreshing import refresh

        refresh(workspace, quiet=command.json or command.csv)
    book = ledger.read(workspace.root)
    ranking = history.order(workspace.settings.better, better_of(book.events))
    everything = fold(book.events)
    found = history.arrange(history.select(everything, command.filter), command.sort, ranking)
    found = found[::-1] if command.reverse else found
    shown = found[: command.limit] if command.limit else found
    # Without a known direction, a star could mark the worst submission.
    best = None if ranking.assumed else ranking.best(everything)
    jobs = () if command.group else _jobs(book, command.filter)
    warning = book.warning()
    if warning:
        console.warn(warning)
    if command.cv:
        _show_agreement(found, workspace.settings.public_rows, json=command.json)
    elif command.json:
        console.say(as_json(found, shown, best, ranking, book, jobs, group=command.group))
    elif command.csv:
        _write_csv([*_rows(found, shown, ranking, group=command.group), *map(job_results.flat, jobs)])
    elif not everything:
        console.say("The ledger has no submissions yet: `invoke submit` makes the first one.")
    elif not found:
        console.say(
            f"None of {len(everything)} submissions matches {' and '.join(command.filter)}; names to filter by: {', '.join(history.known_names())}."
        )
    elif command.group:
        _show_groups(found, ranking)
    else:
        _show(found, shown, best, ranking)
        ended = standing.final_sentence(final_of(book.events, local.competition(workspace.root)))
        if ended:
            console.say(ended)
        for sentence in history.image_notes(book.events, found):
            console.say(sentence)


def _check_options(command: command_list.History) -> None:
    if command.limit < 0:
        raise WorkflowError(
            f"--limit {command.limit} is negative: write how many submissions to show, 0 for all."
        )
    if command.csv and (command.json or command.cv):
        raise WorkflowError("--csv excludes --json and --cv: choose one.")


def _jobs(book: ledger.Ledger, conditions: Sequence[str]) -> tuple[Job, ...]:
    """The jobs of all sweeps, oldest first, that meet the conditions."""
    matches = history.matcher(conditions)
    return tuple(job for one in sweeps(book.events) for job in one.jobs if matches(job_results.flat(job)))


def _show_agreement(found: Sequence[Submission], public_rows: float | None, *, json: bool) -> None:
    agreement = validation.agreement(found, public_rows)
    if json:
        console.as_json({"agreement": asdict(agreement) if agreement else None})
        return
    for sentence in validation.sentences(agreement) or [
        f"Fewer than {validation.FEWEST} submissions have both a CV and a public score, or one of the two never changes: nothing to compare."
    ]:
        console.say(sentence)


def as_json(
    found: Sequence[Submission],
    shown: Sequence[Submission],
    best: Submission | None,
    ranking: Order,
    book: ledger.Ledger,
    jobs: Sequence[Job],
    *,
    group: bool,
) -> str:
    """The history as one JSON document, with a line for each submission and job, or for each experiment."""
    head = {
        "better": ranking.better,
        "better_assumed": ranking.assumed,
        "best": best.ref if best else None,
        "count": len(found),
        "not_understood": [
            {"line": one.number, "reason": one.reason, "text": one.text} for one in book.unread
        ],
    }
    name = "experiments" if group else "submissions"
    lists = {name: _rows(found, shown, ranking, group=group)}
    if not group:
        lists["jobs"] = [job.to_json() for job in jobs]
    parts = [json_format.dumps(head, ensure_ascii=False)[:-1]]
    for name, items in lists.items():
        lines = ",\n".join(json_format.dumps(one, ensure_ascii=False) for one in items)
        parts.append(f'"{name}": [\n{lines}\n]')
    return f"{', '.join(parts)}}}"


def _show(
    found: Sequence[Submission], shown: Sequence[Submission], best: Submission | None, ranking: Order
) -> None:
    marks = ["*" if one is best else "" for one in shown]
    table = history_table.fit([history.cells(one) for one in shown], marks, width())
    console.say("\n".join(table.lines))
    if best is not None:
        console.say(f"* best public score: {history.number(best.public_score)}, submission {best.ref}.")
    elif ranking.assumed and any(one.public_score is not None for one in found):
        console.say(
            f"No score is marked as the best, because the metric's direction is unknown: {history.LEARN_BETTER}"
        )
    if len(shown) < len(found):
        console.say(f"Showing {len(shown)} of {len(found)} submissions; `--limit 0` shows all.")
    _say_left_out(table)


def _show_groups(found: Sequence[Submission], ranking: Order) -> None:
    groups = history.grouped(found, ranking)
    table = history_table.fit([history.group_cells(one) for one in groups], [""] * len(groups), width())
    console.say("\n".join(table.lines))
    assumed = ", assumed: set workspace.better in invoke.yaml" if ranking.assumed else ""
    console.say(
        f"Each score is the experiment's best ({ranking.better} is better{assumed}); the rerun is the median."
    )
    _say_left_out(table)


def _say_left_out(table: history_table.Table) -> None:
    if table.left_out:
        console.say(f"Too narrow for {', '.join(table.left_out)}; `--csv` shows every column.")


def width() -> int | None:
    """Width of the terminal; None without one, unless COLUMNS is set."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def _rows(
    found: Sequence[Submission], shown: Sequence[Submission], ranking: Order, *, group: bool
) -> list[dict[str, Any]]:
    """A row for each submission that is shown, or for each experiment."""
    if group:
        return [one.to_json() for one in history.grouped(found, ranking)]
    return [history.flat(one) for one in shown]


def _write_csv(rows: Sequence[dict[str, Any]]) -> None:
    # The parameters and metrics of jobs differ from sweep to sweep.
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(history.known_names())
    writer = csv_format.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    sys.stdout.flush()


def _cell(value: object) -> object:
    """A value as a cell: an apostrophe before a text that a spreadsheet would calculate (`=`, `+`, `-`, `@`), unless it is a number."""
    formula = isinstance(value, str) and value.startswith(_FORMULAS) and score_of(value) is None
    return f"'{value}" if formula else value


def _reproduce(workspace: Workspace, command: command_list.History) -> None:
    """Restore what a submission was made of, and push it again if `--push` asks for that."""
    from kaggle_workflow.push.in_order import print_outcomes
    from kaggle_workflow.push.session import Options, Push
    from kaggle_workflow.submit import reproduce

    session = Push(workspace, Options(allow=frozenset(command.allow), yes=command.yes, quiet=command.json))
    done = reproduce.restore(session, command.reproduce)
    if not command.json:
        for sentence in reproduce.sentences(done):
            console.say(sentence)
    if command.push and not done.codes:
        raise WorkflowError(
            f"The codes of submission {command.reproduce} are lost, so it can't be pushed again."
        )
    outcomes = reproduce.push_again(session, done) if command.push else []
    if command.json:
        console.as_json({**asdict(done), "things": [asdict(outcome) for outcome in outcomes]})
    elif command.push:
        print_outcomes(outcomes, session.took, json=False)
