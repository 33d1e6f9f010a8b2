"""Start a sweep: what will run and what it costs, asked once; then the codes go up, and the jobs into the ledger."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from statistics import median

from kaggle_shim.manifest import short
from kaggle_shim.refs import NotebookRef
from kaggle_workflow import console
from kaggle_workflow import names as kaggle_names
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book
from kaggle_workflow.ledger.event import COMPLETE, ERROR, Part
from kaggle_workflow.ledger.jobs import HELD, KAGGLE, WAITING, Job, Sweep, sweeps
from kaggle_workflow.push import codes as push_codes
from kaggle_workflow.push import deps as push_deps
from kaggle_workflow.push import in_order
from kaggle_workflow.push import sub as push_sub
from kaggle_workflow.push.session import Push
from kaggle_workflow.sweep import board, parameters, sandboxed, staging
from kaggle_workflow.sweep.parameters import Parameters
from kaggle_workflow.workspace import Notebook

_LONGEST_SLUG = kaggle_names.NOTEBOOK_TITLE.stop - 1
_SHORTEST_NAME = 12
_HOUR = 3600.0


@dataclass(frozen=True)
class Request:
    """A sweep to start.

    Attributes:
        notebook: folder of the notebook.
        jobs: the parameters of each job.
        name: name of the sweep, "" for the next free one.
        hours: hours that a job takes, None to go by earlier ones.
        place: `kaggle`, `here` or `dask`.
        again: whether a sweep of the same jobs that is not over is left alone, not continued.
    """

    notebook: str
    jobs: Sequence[Parameters]
    name: str = ""
    hours: float | None = None
    place: str = KAGGLE
    again: bool = False


def start(push: Push, request: Request) -> str:
    """Ask, push what the jobs need, and record the jobs as waiting; returns the sweep's name.

    A sweep of the same jobs that is not over is continued: the same command line, run again after an interruption, starts nothing.

    Raises:
        WorkflowError: in all its classes; nothing was recorded then.
    """
    workspace = push.workspace
    in_order.refuse_faults(workspace)
    notebook = push_sub.runnable(workspace, request.notebook)
    settings = workspace.settings.of(notebook.name)
    parameters.check(
        request.jobs, (*settings.entry, *settings.args), [name for name, _ in settings.environment]
    )
    events = book.read(workspace.root).events
    known = sweeps(events)
    open_one = _same(request, known)
    if open_one is not None:
        push.say(
            f"{open_one.name} has these jobs and is not over: it continues with its codes ({short(open_one.jobs[0].codes.fingerprint or '')}). "
            f"With --from {open_one.name} they run again, with the codes as they are now."
        )
        resume(push, [open_one.name])
        return open_one.name
    name = _sweep_name(request.name, {event.sweep for event in events})
    refs = _refs(notebook, name, request.jobs)
    local = request.place != KAGGLE
    if local:
        _refuse_outputs(push, refs)
    else:
        _refuse_taken(push, refs)
        _ask(push, notebook, request, known)
        push_all_but(push, notebook)
    with push.lock(f"sweep: starting {name}"):
        if name in {event.sweep for event in book.read(workspace.root).events}:
            raise WorkflowError(f"Another command has started {name} meanwhile: run this again.")
        base = staging.stage(push, notebook, name, local=local)
        codes = workspace.codes.id.name
        jobs = [
            Job(
                sweep=name,
                of=len(refs),
                name=job,
                folder=notebook.name,
                parameters=given,
                ref=ref.name,
                codes=Part(codes, push.versions.get(codes), base.fingerprint),
                place=request.place,
            )
            for (job, ref), given in zip(refs.items(), request.jobs, strict=True)
        ]
        board.Board(push, [name], request.place).record(*jobs)
    push.say(f"{name}: {console.count(len(jobs), 'job')} with the codes {base.fingerprint[:12]}.")
    return name


def push_all_but(push: Push, notebook: Notebook) -> None:
    """Push what the notebook's jobs need: codes, and wheels where it attaches them."""
    outcomes = [push_codes.push_codes(push)]
    if push_deps.attached_by(push.workspace, notebook) is not None:
        outcomes += push_deps.push_wheels(push, needed=True)
    push.versions |= {outcome.name: outcome.version for outcome in outcomes}


def resume(push: Push, names: Sequence[str]) -> None:
    """Let held jobs wait again."""
    for sweep in board.chosen(push, names):
        held = [replace(job, status=WAITING, reason="") for job in sweep.with_status(HELD)]
        book.append(push.workspace.root, *(job.event() for job in held))


def recode(push: Push, names: Sequence[str]) -> None:
    """Let the jobs that wait, are held or failed run the codes as they are here now; raises WorkflowError."""
    in_order.refuse_faults(push.workspace)
    for sweep in board.chosen(push, names):
        jobs = sweep.with_status(WAITING, HELD, ERROR)
        if not jobs:
            continue
        notebook = push.workspace.notebook(jobs[0].folder)
        local = sweep.place != KAGGLE
        if not local:
            again = Request(notebook.name, [job.parameters for job in jobs])
            _ask(push, notebook, again, sweeps(book.read(push.workspace.root).events))
            push_all_but(push, notebook)
        with push.lock(f"sweep: staging {sweep.name}"):
            base = staging.stage(push, notebook, sweep.name, local=local)
        codes = Part(jobs[0].codes.ref, push.versions.get(jobs[0].codes.ref), base.fingerprint)
        # Another command may have sent one of them meanwhile.
        now = board.chosen(push, [sweep.name])[0].jobs
        left = [replace(job, status=WAITING, reason="", codes=codes) for job in jobs if job in now]
        board.Board(push, [sweep.name], sweep.place).record(*left)


def _same(request: Request, known: Sequence[Sweep]) -> Sweep | None:
    """The sweep of exactly these jobs that is not over, None when there is none, or another name was asked for."""
    wanted = [dict(given) for given in request.jobs]
    for one in known:
        first = one.jobs[0]
        same = (first.folder, first.place) == (request.notebook, request.place)
        if same and not one.over and [dict(job.parameters) for job in one.jobs] == wanted:
            return one if request.name in ("", one.name) and not request.again else None
    return None


def _sweep_name(given: str, taken: AbstractSet[str | None]) -> str:
    if not given:
        return next(name for number in itertools.count(1) if (name := f"s{number}") not in taken)
    parameters.check_sweep_name(given)
    if given in taken:
        raise WorkflowError(
            f"The ledger has a sweep {given} already: choose another --name, or continue it with --resume."
        )
    return given


def _refs(notebook: Notebook, sweep: str, jobs: Sequence[Parameters]) -> dict[str, NotebookRef]:
    """The notebooks of the jobs, by the jobs' names: `<notebook>-<sweep>-<job>`."""
    about = notebook.metadata.id
    stem = f"{about.slug}-{sweep}"
    longest = _LONGEST_SLUG - len(stem) - 1
    if longest < _SHORTEST_NAME:
        raise WorkflowError(
            f"{about.slug} is too long: Kaggle's names have {_LONGEST_SLUG} characters, and a job needs {_SHORTEST_NAME} of them. "
            f"Shorten id and title in {notebook.name}/kernel-metadata.json."
        )
    return {name: NotebookRef(about.owner, f"{stem}-{name}") for name in parameters.named(jobs, longest)}


def _refuse_taken(push: Push, refs: dict[str, NotebookRef]) -> None:
    """Raise WorkflowError when a notebook of this account has the name that a job would get."""
    taken = set(push.kaggle.own_notebooks()) & {ref.name.lower() for ref in refs.values()}
    if taken:
        raise WorkflowError(
            f"The notebook {min(taken)} exists already, and a job would replace it: choose another --name for the sweep."
        )


def _refuse_outputs(push: Push, refs: dict[str, NotebookRef]) -> None:
    """Raise WorkflowError when the output of another run lies where that of a job would."""
    taken = [place for ref in refs.values() if (place := sandboxed.output_of(push.workspace, ref)).exists()]
    if taken:
        raise WorkflowError(
            f"{taken[0]} exists already, and the output of a job would replace it: choose another --name for the sweep."
        )


def _ask(push: Push, notebook: Notebook, request: Request, known: Sequence[Sweep]) -> None:
    """Say what will run and what it costs, and ask once; raises Refused `sweep`."""
    push.check_owner(notebook.metadata.id.owner, f"the notebook {notebook.metadata.id.name}")
    push.check_public(metadata_says_public=not notebook.metadata.is_private, what=notebook.metadata.id.name)
    kind = notebook.metadata.accelerator
    hours, basis = _hours(request, known)
    cost = "for an unknown time (say it with --hours)"
    if hours is not None:
        cost = f"about {hours * len(request.jobs):.1f} h together ({hours:.2g} h each, {basis})"
    push.refuse(
        "sweep",
        f"{console.count(len(request.jobs), 'job')} of {notebook.name} will run on Kaggle{f' with a {kind.upper()}' if kind else ''}, "
        f"{cost}{_left(push, kind)}. The first is {parameters.words(request.jobs[0])}, the last {parameters.words(request.jobs[-1])}",
        expected=True,
    )


def _hours(request: Request, known: Sequence[Sweep]) -> tuple[float | None, str]:
    """Hours of one job and where that is from."""
    if request.hours is not None:
        return request.hours, "by --hours"
    earlier = [
        job.seconds
        for one in known
        for job in one.with_status(COMPLETE)
        if job.folder == request.notebook and job.on_kaggle and job.seconds is not None
    ]
    return (median(earlier) / _HOUR, "as earlier jobs took") if earlier else (None, "")


def _left(push: Push, kind: str | None) -> str:
    """What is left of the accelerator's quota, to follow the cost."""
    if kind is None:
        return ""
    quota = push.kaggle.quota()[kind]
    if quota is None:
        return f"; Kaggle does not say what is left of the {kind.upper()} quota"
    return (
        f"; {quota.allowed - quota.used:.1f} of {quota.allowed:.0f} {kind.upper()} hours are left this week"
    )
