"""`invoke sweep`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from kaggle_workflow import command_list, console
from kaggle_workflow.commands import data, sweep_table
from kaggle_workflow.commands.push import open_session
from kaggle_workflow.errors import RunFailed, Unreachable, WorkflowError
from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.event import ERROR
from kaggle_workflow.ledger.jobs import (
    CANCELLED,
    DASK,
    HELD,
    HERE,
    KAGGLE,
    RUNNING,
    WAITING,
    Job,
    Sweep,
    sweeps,
)
from kaggle_workflow.push.session import Push
from kaggle_workflow.sweep import board, choosing, local, outputs, parameters, queue, starting, trackers
from kaggle_workflow.sweep.clusters import Cluster, Dask, Here
from kaggle_workflow.sweep.parameters import Parameters
from kaggle_workflow.workspace import Workspace


def sweep(workspace: Workspace, command: command_list.Sweep) -> None:
    """Start a sweep, continue or cancel one, use its outputs, or show them.

    Raises:
        WorkflowError: in all its classes; RunFailed when a job failed or is held.
    """
    session = open_session(workspace, command)
    jobs = _jobs(session, command)
    place, clusters = _place(session, command)
    if jobs:
        names = [starting.start(session, _request(session, command, jobs, place))]
    else:
        names = _names(session, command.name_)
        _change(session, command, names)
    follows = bool(names and (jobs or command.resume or command.recode))
    if follows:
        _run(session, names, command, clusters)
    else:
        _catch_up(session, names)
    found = board.chosen(session, names)
    failed = follows and any(one.with_status(ERROR, HELD) for one in found)
    used = not failed and _use_outputs(session, command, found)
    if follows or command.json or not used:
        sweep_table.show(session, found, command.metric, json=command.json)
    _log_to_tracker(session, command, found)
    if follows:
        _raise_failures(found)


def _jobs(session: Push, command: command_list.Sweep) -> Sequence[Parameters]:
    """The jobs that the command line asks for, none when it asks for no new sweep; raises WorkflowError."""
    given = [name for name in ("grid", "file", "from_") if getattr(command, name)]
    if len(given) > 1:
        raise WorkflowError("--grid, --file and --from each say which jobs run: use one of them.")
    if command.grid:
        return parameters.of_grid(command.grid)
    if command.file:
        return parameters.of_file(session.workspace.root / command.file)
    if command.from_:
        return [job.parameters for job in board.chosen(session, [command.from_])[0].jobs]
    if command.hours or command.notebook:
        raise WorkflowError("--notebook and --hours are of a new sweep: add --grid, --file or --from.")
    return ()


def _request(
    session: Push, command: command_list.Sweep, jobs: Sequence[Parameters], place: str
) -> starting.Request:
    """The sweep that the command line asks for; raises WorkflowError."""
    if command.resume or command.recode or command.cancel:
        raise WorkflowError(
            "--grid, --file and --from start a sweep, --resume, --recode and --cancel work on one: use either."
        )
    notebook = command.notebook or (
        board.chosen(session, [command.from_])[0].jobs[0].folder if command.from_ else "train"
    )
    hours, again = _hours(command.hours), bool(command.from_)
    return starting.Request(notebook, jobs, command.name_, hours, place, again)


def _change(session: Push, command: command_list.Sweep, names: Sequence[str]) -> None:
    """Do what --cancel, --recode and --resume say; raises Refused for a team-mate's sweep."""
    if command.cancel or command.recode or command.resume:
        queue.refuse_others(session, names)
    if command.cancel:
        _catch_up(session, names)
        _cancel(session, names)
    if command.recode:
        starting.recode(session, names)
    if command.resume:
        starting.resume(session, names)


def _catch_up(session: Push, names: Sequence[str]) -> None:
    """Record what ended on Kaggle since the last look; a warning when Kaggle can't be reached."""
    try:
        queue.catch_up(session, names)
    except Unreachable as error:
        session.warn(f"The states are those of the last look: {error}")


def _place(session: Push, command: command_list.Sweep) -> tuple[str, dict[str, Cluster]]:
    """Where a new sweep runs, and what runs the sweeps that don't run on Kaggle; raises WorkflowError."""
    if command.here and command.dask:
        raise WorkflowError("--here and --dask say where the jobs run: use one of them.")
    if command.detach and (command.here or command.dask):
        raise WorkflowError("Without this command nothing runs the jobs: leave out --detach.")
    if command.jobs < 1:
        raise WorkflowError(
            f"--jobs {command.jobs} runs nothing: write how many jobs run at once, such as 2."
        )
    clusters: dict[str, Cluster] = {HERE: Here(command.jobs)}
    if command.dask:
        clusters[DASK] = Dask(command.dask, session.workspace.root)
    return DASK if command.dask else HERE if command.here else KAGGLE, clusters


def _run(
    session: Push, names: Sequence[str], command: command_list.Sweep, clusters: dict[str, Cluster]
) -> None:
    """Run sweeps to their end: Kaggle is kept busy first, and waited for last."""
    found = board.chosen(session, names)
    elsewhere = [one for one in found if one.place != KAGGLE]
    on_kaggle = [one.name for one in found if one.place == KAGGLE]
    if elsewhere and not command.detach:
        if on_kaggle:
            queue.run(session, on_kaggle, wait_quota=command.wait_quota, detach=True)
        local.run(session, elsewhere, clusters)
    if on_kaggle:
        queue.run(session, on_kaggle, wait_quota=command.wait_quota, detach=command.detach)


def _hours(given: str) -> float | None:
    """`--hours` as a number; raises WorkflowError."""
    if not given:
        return None
    try:
        hours = float(given)
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        raise WorkflowError(
            f"--hours {given} is no number of hours: write how long one job takes, such as 2.5."
        )
    return hours


def _names(session: Push, given: str) -> list[str]:
    """The sweeps to work on: the named one, else all that are not over, else the newest."""
    if given:
        return [given]
    known = sweeps(book.read(session.workspace.root).events)
    return [one.name for one in known if not one.over] or [one.name for one in known[-1:]]


def _cancel(session: Push, names: Sequence[str]) -> None:
    """Cancel what has not begun or runs here; say how to stop what runs on Kaggle, whose API can't (kagglesdk 0.1.38: denied to tokens)."""
    for one in board.chosen(session, names):
        waiting = one.with_status(WAITING, HELD, *([] if one.place == KAGGLE else [RUNNING]))
        book.append(
            session.workspace.root, *(replace(job, status=CANCELLED, reason="").event() for job in waiting)
        )
        session.say(f"{one.name}: {console.count(len(waiting), 'job')} cancelled.")
        for job in one.with_status(RUNNING) if one.place == KAGGLE else ():
            session.say(f"{job.key} is running: to stop it, open {session.kaggle.page(f'code/{job.ref}')}.")


def _use_outputs(session: Push, command: command_list.Sweep, found: Sequence[Sweep]) -> bool:
    """Attach the outputs of the chosen jobs, and download those that are on Kaggle, as asked; returns whether any were; raises WorkflowError."""
    workspace = session.workspace
    for one in found:
        if command.attach:
            jobs = choosing.choose(workspace, one, command.attach, command.metric)
            session.say(outputs.attach(workspace, command.to, jobs))
        if command.pull:
            session.say(pull_jobs(session, choosing.choose(workspace, one, command.pull, command.metric)))
    return bool(found and (command.attach or command.pull))


def pull_jobs(session: Push, jobs: Sequence[Job]) -> str:
    """Download the outputs of jobs that ran on Kaggle to where rehearsal mounts them; returns a line that says so."""
    refs = [outputs.source(job) for job in jobs if job.on_kaggle]
    wanted = data.listed(session.workspace, refs)
    options = session.options
    fetched = data.fetch(session.workspace, wanted, session.say, yes=options.yes, allow=options.allow)
    there = sum(map(len, wanted.values())) - fetched
    keys = ", ".join(job.key for job in jobs)
    return f"{keys}: {console.count(fetched, 'file')} downloaded, {there} already there."


def _log_to_tracker(session: Push, command: command_list.Sweep, found: Sequence[Sweep]) -> None:
    """Log the jobs to MLflow if `--mlflow` asks for it; raises WorkflowError."""
    if command.mlflow:
        session.say(trackers.log_to_mlflow(session.workspace, [job for one in found for job in one.jobs]))


def _raise_failures(found: Sequence[Sweep]) -> None:
    """Raise RunFailed for jobs that failed or are held."""
    for one in found:
        failed, held = one.with_status(ERROR), one.with_status(HELD)
        if failed or held:
            counts = [f"{len(jobs)} {word}" for jobs, word in ((failed, "failed"), (held, "held")) if jobs]
            first = (*failed, *held)[0]
            raise RunFailed(
                f"{one.name}: {' and '.join(counts)}; {first.name}: {first.reason.rstrip('.')}. Fix it, then run "
                f"`invoke sweep --name {one.name} --recode`, which runs those again."
            )
