"""The hidden rerun of a submission: the very version that was submitted, over the hidden files, then its score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.local_kaggle.competition import load
from tests.local_kaggle.execution import Execution
from tests.local_kaggle.live_log import LiveLog
from tests.local_kaggle.names import Source
from tests.local_kaggle.scoring import score_submission
from tests.local_kaggle.store import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local_kaggle.records import Submission
    from tests.local_kaggle.runner import RunOutcome
    from tests.local_kaggle.world import World

_OUT_OF_MEMORY = (-9, 137)
"""Exit codes of a process that the operating system killed."""


def rerun(world: World, slug: str, ref: int, execute: Callable[[Execution], RunOutcome | None]) -> None:
    """Reruns and scores a submission.

    Args:
        world: This Kaggle.
        slug: The competition.
        ref: The submission.
        execute: Runs it; None says that the server closes, and the submission stays pending for the next one.
    """
    with world.store.lock:
        submission = next(s for s in world.store.entry(slug).submissions if s.ref == ref)
        prepared = _prepare(world, slug, submission)
    if prepared is None:
        _end(world, slug, submission, "Notebook Threw Exception", 0.0)
        return
    outcome = execute(prepared)
    if outcome is None:
        return
    write_atomic(prepared.folder / "log.json", prepared.log.to_json())
    problem = failure_class(outcome)
    written_by = prepared.gateway if prepared.gateway.exists() else prepared.output
    file = written_by / submission.file_name
    if not problem and not file.is_file():
        problem = "Submission CSV Not Found"
    competition = load(world, slug)
    if not problem and competition:
        submission.total_bytes = file.stat().st_size
        score_submission(competition, competition.folder(world), file, submission)
    _end(world, slug, submission, problem, outcome.seconds)


def _prepare(world: World, slug: str, submission: Submission) -> Execution | None:
    """What to run; None when the competition, the notebook or the version was deleted meanwhile."""
    competition = load(world, slug)
    source = Source.parse(submission.notebook)
    notebook = world.store.notebooks.get(source.ref) if source else None
    versions = [v for v in notebook.versions if v.number == submission.notebook_version] if notebook else []
    if competition is None or notebook is None or not versions:
        return None
    which = {"competition": slug, "notebook": submission.notebook, "version": submission.notebook_version}
    return Execution(
        notebook=notebook,
        version=versions[0],
        folder=world.root / "reruns" / str(submission.ref),
        limit=competition.time_limit_seconds,
        log=LiveLog(),
        fault=world.faults.hit("runs", "Rerun", which),
        rerun=slug,
    )


def _end(world: World, slug: str, submission: Submission, problem: str, seconds: float) -> None:
    with world.store.lock:
        submission.seconds = seconds
        if problem:
            submission.error_description, submission.status = problem, "ERROR"
        world.store.save_entry(world.store.entry(slug))


def failure_class(outcome: RunOutcome) -> str:
    """The class of failure that Kaggle shows for a rerun that did not end well (docs/explanation/kaggle.md); empty for a good one."""
    if outcome.timed_out:
        return "Notebook Timeout"
    if outcome.exit_code in _OUT_OF_MEMORY:
        return "Notebook Exceeded Allowed Compute"
    return "Notebook Threw Exception" if outcome.exit_code else ""
