"""What `invoke sweep` prints: a row for each job, best first, and the folds of each setting together."""

from __future__ import annotations

import time
from collections.abc import Sequence

from kaggle_workflow import console
from kaggle_workflow.durations import spell
from kaggle_workflow.ledger import job_results
from kaggle_workflow.ledger.history import Order
from kaggle_workflow.ledger.jobs import RUNNING, Job, Sweep
from kaggle_workflow.push.session import Push
from kaggle_workflow.sweep import board, choosing, logs, parameters


def show(session: Push, found: Sequence[Sweep], metric: str, *, json: bool) -> None:
    """Print sweeps: each job with its time and its metrics, its last log line, or why it failed.

    Args:
        session: the command.
        found: the sweeps.
        metric: what to rank by, "" for the usual one.
        json: whether to print them for programs.

    Raises:
        WorkflowError: no job left the metric.
    """
    jobs = [job for one in found for job in one.jobs]
    given, stated = job_results.of_option(metric)
    if given:
        job_results.metric_of(jobs, given)
    ranked = [
        (one, name, job_results.order_of(choosing.order_of(session.workspace, one), name, stated))
        for one in found
        for name in [given or job_results.metric_of(one.jobs)]
    ]
    lines = logs.last_lines(session.workspace, [job for job in jobs if job.status == RUNNING])
    if json:
        values = [
            {**job.to_json(), "last_line": lines.get(job.key), "page": _page(session, job)} for job in jobs
        ]
        results = [_result(*one) for one in ranked]
        console.as_json({"jobs": values, "sweeps": results})
        return
    if not found:
        session.say("No sweep yet: `invoke sweep --grid fold=0,1,2` starts one.")
    for one, name, ranking in ranked:
        _print(one, name, ranking, lines)


def _result(one: Sweep, metric: str, ranking: Order) -> dict[str, object]:
    """A sweep as JSON values: its settings, best first."""
    return {
        "name": one.name,
        "metric": metric,
        "better": None if ranking.assumed else ranking.better,
        "hours": job_results.hours(one.jobs),
        "settings": [
            {
                "parameters": dict(setting.parameters),
                "jobs": [job.name for job in setting.jobs],
                **{name: getattr(setting, name) for name in ("mean", "spread", "whole")},
            }
            for setting in job_results.settings(one.jobs, metric, ranking)
        ],
    }


def _print(one: Sweep, metric: str, ranking: Order, lines: dict[str, str]) -> None:
    rows = [
        (
            job.name,
            parameters.words(job.parameters),
            job.status,
            _took(job),
            " ".join(f"{name}={value:.6g}" for name, value in job.metrics.items()),
            lines.get(job.key, job.reason),
        )
        for job in job_results.ranked(one.jobs, metric, ranking)
    ]
    measured = [job for job in one.jobs if job_results.value_of(job, metric) is not None]
    compared = len(measured) > 1
    said = [
        board.summary([one]),
        *(f"{hours:.1f} {kind.upper()} hours" for kind, hours in job_results.hours(one.jobs).items()),
        f"best {metric} first ({ranking.better} is better)" if compared and not ranking.assumed else "",
    ]
    console.table(
        f"{one.name}: {', '.join(filter(None, said))}",
        ("job", "parameters", "state", "time", "metrics", "note"),
        rows,
    )
    if measured and any(job_results.FOLD in job.parameters for job in one.jobs):
        settings = job_results.settings(one.jobs, metric, ranking)
        console.table(
            f"{one.name}: the folds of each setting together",
            ("setting", "folds", f"mean {metric} ± spread"),
            [(it.words, it.folds, it.score) for it in settings],
        )
    if compared and ranking.assumed:
        console.say(
            f"The jobs stand in their own order, because the metric's direction is unknown: {job_results.direction_unknown(metric)}."
        )


def _page(session: Push, job: Job) -> str:
    return session.kaggle.page(f"code/{job.ref}") if job.on_kaggle else ""


def _took(job: Job) -> str:
    if job.status == RUNNING and job.began is not None:
        return spell(time.time() - job.began)
    return "" if job.seconds is None else spell(job.seconds)
