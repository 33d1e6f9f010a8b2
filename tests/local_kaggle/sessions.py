"""Runs that go on: queued, executed in worker threads, cancelled; and the hidden reruns of submissions."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

from tests.local_kaggle.competition import Competition, load
from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.mounts import mounts_of
from tests.local_kaggle.names import Source
from tests.local_kaggle.runner import OnLine, RunOrder, RunOutcome, as_notebook
from tests.local_kaggle.scoring import score_submission
from tests.local_kaggle.store import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.local_kaggle.faults import Fault
    from tests.local_kaggle.records import Notebook, NotebookVersion, Submission
    from tests.local_kaggle.runner import Runner
    from tests.local_kaggle.world import World

_OUT_OF_MEMORY = (-9, 137)
"""Exit codes of a process that the kernel killed; for a submission this is Exceeded Allowed Compute."""


_COMMA = "\n,"


class RunCancelled(Exception):
    """Raised inside a run whose session was cancelled."""


class LiveLog:
    """The events of a run that goes on; streams wait on `changed`."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.events: list[dict[str, object]] = []
        self.over = False
        self.changed = threading.Condition()

    def add(self, line: str) -> None:
        """Adds one line of output, in the form of Kaggle's logs."""
        seconds = round(time.monotonic() - self.started, 3)
        with self.changed:
            self.events.append({"stream_name": "stdout", "time": seconds, "data": f"{line}\n"})
            self.changed.notify_all()

    def to_json(self) -> str:
        """The persisted form: one JSON array, each event on a line that begins with a comma, as users publish it."""
        return f"[{_COMMA.join(json.dumps(event, separators=(',', ':')) for event in self.events)}\n]"

    def close(self) -> None:
        """Says that nothing more comes."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def wait(self, seen: int, seconds: float) -> tuple[list[dict[str, object]], bool]:
        """Events after the first `seen`, once there are any, and whether these are the last."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) > seen or self.over, timeout=seconds)
            return self.events[seen:], self.over


class Sessions:
    """Executes saved versions and submissions; a thread for each, so many at once as there are `workers`."""

    def __init__(self, runner: Runner, workers: int = 7) -> None:
        self._runner = runner
        self._slots = threading.BoundedSemaphore(workers)
        self._gate = threading.Condition()
        self._held = False
        self._closed = False
        self._busy = 0
        self._live: dict[tuple[int, int], LiveLog] = {}
        self._cancelled: set[tuple[int, int]] = set()
        self._world: World | None = None

    # What the server does

    def attach(self, world: World) -> None:
        """Gets to know the world, and starts again what a restart interrupted."""
        self._world = world
        for notebook in list(world.store.notebooks.values()):
            for version in notebook.versions:
                if version.status in ("QUEUED", "RUNNING"):
                    version.status = "QUEUED"
                    self.run_notebook(notebook.id, version.number)
                elif version.status == "CANCEL_REQUESTED":
                    version.status = "CANCEL_ACKNOWLEDGED"
        for entry in world.store.entries.values():
            for submission in entry.submissions:
                if submission.status == "PENDING" and submission.notebook:
                    self.run_submission(entry.slug, submission.ref)

    def run_notebook(self, notebook_id: int, number: int) -> None:
        """Queues a saved version; returns at once."""
        self._live[notebook_id, number] = LiveLog()
        self._start(lambda: self._save_run(notebook_id, number))

    def run_submission(self, competition: str, ref: int) -> None:
        """Queues a submission's hidden rerun; returns at once."""
        self._start(lambda: self._rerun(competition, ref))

    def live_log(self, notebook_id: int, number: int) -> LiveLog | None:
        """The log of a version that is queued or running."""
        return self._live.get((notebook_id, number))

    # What a test does

    def hold(self) -> None:
        """Keeps what is queued from starting."""
        with self._gate:
            self._held = True

    def release(self) -> None:
        """Lets it start."""
        with self._gate:
            self._held = False
            self._gate.notify_all()

    def cancel(self, notebook_id: int, number: int) -> None:
        """Cancels a session: CANCEL_REQUESTED at once, CANCEL_ACKNOWLEDGED when its next line comes, or at its end."""
        world = self._the_world()
        with world.store.lock:
            found = self._find(notebook_id, number)
            if found and found[1].status in ("QUEUED", "RUNNING"):
                found[1].status = "CANCEL_REQUESTED"
                self._cancelled.add((notebook_id, number))
                world.store.save_notebook(found[0])
        with self._gate:
            self._gate.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Waits until no run is queued or running; False when that took longer. Held runs do not count as idle."""
        with self._gate:
            return self._gate.wait_for(lambda: self._busy == 0, timeout=seconds)

    def close(self) -> None:
        """Starts nothing more; a run that goes on is a daemon thread, and is started again by the next server."""
        with self._gate:
            self._closed = True
            self._gate.notify_all()

    # How it is done

    def _the_world(self) -> World:
        if self._world is None:
            raise SetupError("Sessions are used before attach().")
        return self._world

    def _start(self, job: Callable[[], None]) -> None:
        with self._gate:
            self._busy += 1
        threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def _work(self, job: Callable[[], None]) -> None:
        try:
            with self._slots:
                job()
        finally:
            with self._gate:
                self._busy -= 1
                self._gate.notify_all()

    def _wait_turn(self, key: tuple[int, int] | None = None) -> bool:
        """Waits while runs are held; False when the server is closing."""
        with self._gate:
            self._gate.wait_for(lambda: not self._held or self._closed or key in self._cancelled)
            return not self._closed

    def _find(self, notebook_id: int, number: int) -> tuple[Notebook, NotebookVersion] | None:
        for notebook in self._the_world().store.notebooks.values():
            for version in notebook.versions:
                if (notebook.id, version.number) == (notebook_id, number):
                    return notebook, version
        return None

    def _save_run(self, notebook_id: int, number: int) -> None:
        key = (notebook_id, number)
        if not self._wait_turn(key):
            return
        world = self._the_world()
        with world.store.lock:
            found = self._find(notebook_id, number)
            if found is None:
                return
            notebook, version = found
            if key not in self._cancelled:
                version.status = "RUNNING"
            version.started = world.clock.now()
            world.store.save_notebook(notebook)
            folder = world.store.notebook_folder(notebook, number)
            which = {"owner": notebook.owner, "slug": notebook.slug, "version": number}
            fault = world.faults.hit("runs", "Save", which)
        log = self._live[key]
        outcome, failure = self._execute(
            notebook,
            version,
            folder,
            log,
            fault,
            limit=self._limit(version),
            output=folder / "output",
            rerun="",
        )
        if outcome is None:
            return
        with world.store.lock:
            write_atomic(folder / "log.json", log.to_json())
            version.finished = world.clock.now()
            cancelled = key in self._cancelled
            version.status = (
                "CANCEL_ACKNOWLEDGED" if cancelled else "COMPLETE" if outcome.exit_code == 0 else "ERROR"
            )
            version.failure_message = "" if cancelled else failure
            if self._find(notebook_id, number):
                world.store.save_notebook(notebook)
            self._live.pop(key, None)
        log.close()

    def _limit(self, version: NotebookVersion) -> float:
        longest = self._the_world().behaviour.run_limit_seconds
        return min(longest, version.timeout) if version.timeout else longest

    def _execute(
        self,
        notebook: Notebook,
        version: NotebookVersion,
        folder: Path,
        log: LiveLog,
        fault: Fault | None,
        *,
        limit: float,
        output: Path,
        rerun: str,
    ) -> tuple[RunOutcome | None, str]:
        """Runs a version, or plays the fault; None when the run never ends and the server was closed meanwhile."""
        world = self._the_world()
        key = (notebook.id, version.number)
        if fault is not None and fault.kind == "run":
            return self._play(fault, key, log)
        source = (world.store.notebook_folder(notebook, version.number) / "source").read_text(
            encoding="utf-8"
        )
        prepared = folder / "notebook.ipynb"
        order = RunOrder(
            notebook=prepared,
            mounts=mounts_of(world, version.bindings, rerun=rerun),
            working=output,
            executed=folder / "executed.ipynb",
            internet=version.enable_internet,
            environment=self._environment(version, rerun),
            limit=limit,
        )
        try:
            write_atomic(prepared, as_notebook(source, version.kernel_type, version.language))
            outcome = self._runner(order, self._lines(key, log))
        except RunCancelled:
            return RunOutcome(1, time.monotonic() - log.started), ""
        except Exception as error:  # noqa: BLE001  # a run that can't be set up is a failed run, with its reason in the log
            log.add(f"The run could not be started: {error}")
            outcome = RunOutcome(1, 0.0)
        failure = ""
        if outcome.timed_out:
            failure = "Your notebook was stopped because it exceeded the max allowed execution duration."
        return outcome, failure

    def _lines(self, key: tuple[int, int], log: LiveLog) -> OnLine:
        def on_line(line: str) -> None:
            log.add(line)
            if key in self._cancelled:
                raise RunCancelled

        return on_line

    def _environment(self, version: NotebookVersion, rerun: str) -> dict[str, str]:
        world = self._the_world()
        environment = {"KAGGLE_KERNEL_RUN_TYPE": "Batch"}
        if rerun:
            environment["KAGGLE_IS_COMPETITION_RERUN"] = "1"
        if world.behaviour.evaluation_package_on_path:
            packages = [
                f"/kaggle/input/{mount.target}"
                for mount in mounts_of(world, version.bindings)
                if (mount.source / "kaggle_evaluation").is_dir()
            ]
            environment["PYTHONPATH"] = ":".join([*packages, "/kaggle/lib/kagglegym", "/kaggle/lib"])
        return environment

    def _play(self, fault: Fault, key: tuple[int, int], log: LiveLog) -> tuple[RunOutcome | None, str]:
        if fault.outcome == "never":
            with self._gate:
                self._gate.wait_for(lambda: self._closed or key in self._cancelled)
            return (None if self._closed else RunOutcome(1, 0.0)), ""
        if fault.outcome == "cancel":
            self._cancelled.add(key)
            return RunOutcome(1, 0.0), ""
        log.add(fault.message)
        return RunOutcome(1, 0.0, timed_out=fault.outcome == "timeout"), fault.message

    def _rerun(self, slug: str, ref: int) -> None:
        """Runs the very version that was submitted, over the hidden files, and scores what it leaves."""
        if not self._wait_turn():
            return
        world = self._the_world()
        with world.store.lock:
            competition = load(world, slug)
            submission = next(s for s in world.store.entry(slug).submissions if s.ref == ref)
            source = Source.parse(submission.notebook)
            notebook = world.store.notebooks.get(source.ref) if source else None
            found = self._find(notebook.id, submission.notebook_version) if notebook else None
            which = {
                "competition": slug,
                "notebook": submission.notebook,
                "version": submission.notebook_version,
            }
            fault = world.faults.hit("runs", "Rerun", which)
        if competition is None or found is None:
            self._end(slug, submission, "Notebook Threw Exception", 0.0)
            return
        folder = world.root / "reruns" / str(ref)
        folder.mkdir(parents=True, exist_ok=True)
        log = LiveLog()
        outcome, _ = self._execute(
            *found,
            folder,
            log,
            fault,
            limit=competition.time_limit_seconds,
            output=folder / "output",
            rerun=slug,
        )
        if outcome is None:
            return
        write_atomic(folder / "log.json", log.to_json())
        problem = _failure_class(outcome)
        file = folder / "output" / submission.file_name
        if not problem and not file.is_file():
            problem = "Submission CSV Not Found"
        if not problem:
            submission.total_bytes = file.stat().st_size
            self._score(competition, file, submission)
        self._end(slug, submission, problem, outcome.seconds)

    def _score(self, competition: Competition, file: Path, submission: Submission) -> None:
        score_submission(competition, competition.folder(self._the_world()), file, submission)

    def _end(self, slug: str, submission: Submission, problem: str, seconds: float) -> None:
        world = self._the_world()
        with world.store.lock:
            submission.seconds = seconds
            if problem:
                submission.error_description, submission.status = problem, "ERROR"
            world.store.save_entry(world.store.entry(slug))


def _failure_class(outcome: RunOutcome) -> str:
    """The class of failure that Kaggle shows for a rerun that did not end well (KAGGLE.md §2)."""
    if outcome.timed_out:
        return "Notebook Timeout"
    if outcome.exit_code in _OUT_OF_MEMORY:
        return "Notebook Exceeded Allowed Compute"
    return "Notebook Threw Exception" if outcome.exit_code else ""
