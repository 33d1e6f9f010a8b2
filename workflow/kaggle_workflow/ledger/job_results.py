"""What the jobs of a sweep found: the best of them, and the folds of one setting together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import fmean, stdev
from typing import Any, TypeVar

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import history
from kaggle_workflow.ledger.event import COMPLETE, stamp
from kaggle_workflow.ledger.history import HIGHER, LOWER, Order
from kaggle_workflow.ledger.jobs import Job

CV = "cv"
FOLD = "fold"

_HOUR = 3600.0
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Setting:
    """The jobs of a sweep that differ only in their fold.

    Attributes:
        parameters: what they share.
        jobs: all of them.
        values: the metric of each that is complete and left it.
    """

    parameters: Mapping[str, str]
    jobs: tuple[Job, ...]
    values: tuple[float, ...]

    @property
    def words(self) -> str:
        """What its jobs share, as people read it: `lr=1e-3 model=b0`, or `all`."""
        return " ".join(f"{name}={value}" for name, value in self.parameters.items()) or "all"

    @property
    def whole(self) -> bool:
        """Whether every fold has its metric: the mean of fewer can't be compared."""
        return len(self.values) == len(self.jobs)

    @property
    def mean(self) -> float | None:
        """Mean of the folds, None without any."""
        return fmean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of the folds (of a sample), None for fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def folds(self) -> str:
        """How many folds the mean is of: `5`, or `3 of 5`."""
        return str(len(self.jobs)) if self.whole else f"{len(self.values)} of {len(self.jobs)}"

    @property
    def score(self) -> str:
        """Mean and spread as people read them: `0.812 ± 0.004`, "" without a mean."""
        spread = "" if self.spread is None else f" ± {self.spread:.2g}"
        return f"{history.number(self.mean)}{spread}" if self.values else ""


def metric_of(jobs: Sequence[Job], given: str = "") -> str:
    """The metric to compare jobs by: the given one, else `cv`, else the only number that they left.

    Raises:
        WorkflowError: the jobs left other numbers than the given one.
    """
    names = {name for job in jobs for name in job.metrics}
    if given and names and given not in names:
        raise WorkflowError(
            f"No job left the number {given}: choose --metric from {', '.join(sorted(names))}."
        )
    return given or (CV if CV in names or len(names) != 1 else names.pop())


def of_option(given: str) -> tuple[str, str]:
    """Name and direction of `--metric val_loss:lower`, each "" when it is not given; raises WorkflowError."""
    name, mark, better = given.partition(":")
    if mark and better not in (HIGHER, LOWER):
        raise WorkflowError(
            f"--metric {given} names no direction: end it in :{HIGHER} or :{LOWER}, such as {name}:{LOWER}."
        )
    return name, better


def order_of(ranking: Order, metric: str, stated: str = "") -> Order:
    """How a metric is ranked: as `stated`, `cv` as the competition's scores, any other in no known order."""
    if stated:
        return Order(stated, assumed=False)
    return ranking if metric == CV else replace(ranking, assumed=True)


def direction_unknown(metric: str) -> str:
    """What to do about a metric whose direction is unknown."""
    if metric == CV:
        return f"write `better: {HIGHER}` or `better: {LOWER}` below `workspace` in invoke.yaml"
    return f"write --metric {metric}:{HIGHER} or --metric {metric}:{LOWER}"


def value_of(job: Job, metric: str) -> float | None:
    """The metric of a job, None for one that is not complete or did not leave it."""
    return job.metrics.get(metric) if job.status == COMPLETE else None


def ranked(jobs: Sequence[Job], metric: str, ranking: Order) -> tuple[Job, ...]:
    """The jobs, best first, those without the metric last; in their own order while the direction is unknown."""
    return _best_first(jobs, ranking, lambda job: value_of(job, metric))


def settings(jobs: Sequence[Job], metric: str, ranking: Order, fold: str = FOLD) -> tuple[Setting, ...]:
    """The settings of a sweep, best first, those that lack folds last; in their own order while the direction is unknown.

    Args:
        jobs: the jobs.
        metric: what to compare.
        ranking: which value is better.
        fold: the parameter in which the jobs of a setting differ, "" for settings of one job each.
    """
    groups: dict[frozenset[tuple[str, str]], list[Job]] = {}
    for job in jobs:
        groups.setdefault(frozenset(_without(fold, job).items()), []).append(job)
    found = [
        Setting(
            _without(fold, own[0]),
            tuple(own),
            tuple(value for job in own if (value := value_of(job, metric)) is not None),
        )
        for own in groups.values()
    ]
    return _best_first(found, ranking, lambda one: one.mean if one.whole else None)


def hours(jobs: Sequence[Job]) -> dict[str, float]:
    """Hours that the jobs ran on Kaggle's accelerators, by `gpu` and `tpu`."""
    found: dict[str, float] = {}
    for job in jobs:
        if job.on_kaggle and job.machine_shape and job.seconds:
            kind = "tpu" if job.machine_shape.lower().startswith("tpu") else "gpu"
            found[kind] = found.get(kind, 0) + job.seconds / _HOUR
    return found


def flat(job: Job) -> dict[str, Any]:
    """A job as a row of the CSV: the columns of a submission, then its own, its parameters and its metrics."""
    return {
        **dict.fromkeys(history.known_names()),
        "time": stamp(datetime.fromtimestamp(job.began, UTC)) if job.began is not None else None,
        "notebook": job.ref,
        "notebook_version": job.version,
        "codes.version": job.codes.version,
        "codes.fingerprint": job.codes.fingerprint,
        "codes.ref": job.codes.ref,
        "machine_shape": job.machine_shape or None,
        "save_run_seconds": job.seconds,
        "status": job.status,
        "error": job.reason or None,
        "sweep": job.sweep,
        "job": job.name,
        "place": job.place,
        "attempt": job.attempt,
        **{f"param.{name}": value for name, value in job.parameters.items()},
        **{f"metric.{name}": value for name, value in job.metrics.items()},
    }


def _without(left_out: str, job: Job) -> dict[str, str]:
    return {name: value for name, value in job.parameters.items() if name != left_out}


def _best_first(
    items: Sequence[_Item], ranking: Order, value: Callable[[_Item], float | None]
) -> tuple[_Item, ...]:
    if ranking.assumed:
        return tuple(items)
    sign = -1 if ranking.better == HIGHER else 1
    placed = [(one, value(one)) for one in items]
    known = sorted(((sign * it, one) for one, it in placed if it is not None), key=lambda pair: pair[0])
    return (*(one for _, one in known), *(one for one, it in placed if it is None))
