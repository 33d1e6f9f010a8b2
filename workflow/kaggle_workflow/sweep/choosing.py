"""Which jobs of a sweep are meant: all of them, the best ones, or those that are named."""

from __future__ import annotations

from collections.abc import Sequence

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book, fold, history, job_results
from kaggle_workflow.ledger.event import COMPLETE
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.ledger.jobs import Job, Sweep
from kaggle_workflow.workspace import Workspace

ALL, BEST = "all", "best"


def choose(workspace: Workspace, sweep: Sweep, words: Sequence[str], metric: str = "") -> tuple[Job, ...]:
    """The jobs of a sweep that are meant, each once.

    Args:
        workspace: the workspace, which knows which score is better.
        sweep: the sweep.
        words: `all`, `best` or names of jobs; one text may hold several, with commas.
        metric: what they are compared by for `best`, "" for the usual one.

    Raises:
        WorkflowError: there is no such job, it is not complete, or it can't be said which is best.
    """
    by_name = {job.name: job for job in sweep.jobs}
    found: dict[str, Job] = {}
    for word in (word.strip() for text in words for word in text.split(",")):
        if word == ALL:
            found |= by_name
        elif word == BEST:
            found |= {job.name: job for job in best(sweep, metric, order_of(workspace, sweep))}
        elif word in by_name:
            found[word] = by_name[word]
        else:
            raise WorkflowError(
                f"{sweep.name} has no job {word}: name {ALL}, {BEST}, or one of {', '.join(by_name)}."
            )
    unfinished = [f"{job.key} ({job.status})" for job in found.values() if job.status != COMPLETE]
    if unfinished:
        raise WorkflowError(
            f"Only complete jobs have an output to use, and these are not: {', '.join(unfinished)}. Name others, or "
            f"run them with `invoke sweep --name {sweep.name} --resume` (failed ones with --recode, cancelled ones with --from)."
        )
    return tuple(found.values())


def best(sweep: Sweep, metric: str, ranking: Order) -> Sequence[Job]:
    """The jobs of the setting whose folds are best together; raises WorkflowError when that can't be said."""
    given, stated = job_results.of_option(metric)
    name = job_results.metric_of(sweep.jobs, given)
    ranking = job_results.order_of(ranking, name, stated)
    whole = [one for one in job_results.settings(sweep.jobs, name, ranking) if one.whole]
    if not whole:
        raise WorkflowError(
            f"No setting of {sweep.name} has {name} for each of its folds: name jobs, or another --metric."
        )
    if ranking.assumed and len(whole) > 1:
        raise WorkflowError(
            f"It is not known whether a higher or a lower {name} is better: {job_results.direction_unknown(name)}."
        )
    return whole[0].jobs


def order_of(workspace: Workspace, sweep: Sweep) -> Order:
    """Which score is better in the competition of a sweep."""
    competition = workspace.notebook(sweep.jobs[0].folder).metadata.competition
    learned = fold.better_of(book.read(workspace.root).events, competition)
    return history.order(workspace.settings.better, learned)
