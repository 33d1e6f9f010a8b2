"""Runs that go on: queued, executed in worker threads, held, cancelled, and started again after a restart."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.local_kaggle.errors import SetupError
from tests.local_kaggle.execution import CANCELLED, Execution
from tests.local_kaggle.live_log import LiveLog
from tests.local_kaggle.reruns import rerun
from tests.local_kaggle.store import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local_kaggle.records import Notebook, NotebookVersion
    from tests.local_kaggle.runner import Runner, RunOutcome
    from tests.local_kaggle.world import World

Key = tuple[int, int]
"""A notebook's id and a version's number."""


class Sessions:
    """Executes saved versions and submissions; a thread for each, so many at once as there are `workers`.

    `runner` may be replaced: the next run uses the new one.
    """

    def __init__(self, runner: Runner, workers: int = 7) -> None:
        self.runner = runner
        self._slots = threading.BoundedSemaphore(workers)
        self._changed = threading.Condition()
        self._held = False
        self._closed = False
        self._busy = 0
        self._live: dict[Key, LiveLog] = {}
        self._cancelled: set[Key] = set()
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
        for entry in list(world.store.entries.values()):
            for submission in entry.submissions:
                if submission.status == "PENDING" and submission.notebook:
                    self.run_submission(entry.slug, submission.ref)

    def run_notebook(self, notebook_id: int, number: int) -> None:
        """Queues a saved version; returns at once."""
        self._live[notebook_id, number] = LiveLog()
        self._start(lambda: self._run(notebook_id, number))

    def run_submission(self, competition: str, ref: int) -> None:
        """Queues a submission's hidden rerun; returns at once."""
        self._start(lambda: self._rerun(competition, ref))

    def live_log(self, notebook_id: int, number: int) -> LiveLog | None:
        """The log of a version that is queued or running."""
        return self._live.get((notebook_id, number))

    # What a test does

    def hold(self) -> None:
        """Keeps what is queued from starting."""
        with self._changed:
            self._held = True

    def release(self) -> None:
        """Lets it start."""
        with self._changed:
            self._held = False
            self._changed.notify_all()

    def cancel(self, notebook_id: int, number: int) -> None:
        """Cancels a session: CANCEL_REQUESTED at once, CANCEL_ACKNOWLEDGED with its next line, or at its end."""
        world = self._known_world()
        with world.store.lock:
            found = self._find(notebook_id, number)
            if found and found[1].status in ("QUEUED", "RUNNING"):
                found[1].status = "CANCEL_REQUESTED"
                self._cancelled.add((notebook_id, number))
                world.store.save_notebook(found[0])
        with self._changed:
            self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Waits until no run is queued or running; False when that took longer. Held runs do not count as idle."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, timeout=seconds)

    def close(self) -> None:
        """Starts nothing more, and drops what still runs: the next server with this root starts it again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # How it is done

    def _known_world(self) -> World:
        if self._world is None:
            raise SetupError("Sessions are used before attach().")
        return self._world

    def _start(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._busy += 1
        threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def _work(self, job: Callable[[], None]) -> None:
        try:
            with self._slots:
                job()
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _wait_turn(self, key: Key | None = None) -> bool:
        """Waits while runs are held; False when the server is closing."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._closed or key in self._cancelled)
            return not self._closed

    def _find(self, notebook_id: int, number: int) -> tuple[Notebook, NotebookVersion] | None:
        for notebook in self._known_world().store.notebooks.values():
            for version in notebook.versions:
                if (notebook.id, version.number) == (notebook_id, number):
                    return notebook, version
        return None

    def _execute(self, execution: Execution, key: Key | None) -> tuple[RunOutcome, str] | None:
        """Runs something to its end; None when the server was closed meanwhile, and the outcome is worth nothing."""

        def stopped() -> bool:
            return self._closed or key in self._cancelled

        def wait_until_stopped() -> None:
            with self._changed:
                self._changed.wait_for(stopped)

        ended = execution.run(self._known_world(), self.runner, stopped, wait_until_stopped)
        return None if self._closed else ended

    def _run(self, notebook_id: int, number: int) -> None:
        """Runs a saved version and keeps its status, log and output."""
        key = (notebook_id, number)
        if not self._wait_turn(key):
            return
        world = self._known_world()
        with world.store.lock:
            found = self._find(notebook_id, number)
            if found is None:
                return
            notebook, version = found
            if key not in self._cancelled:
                version.status = "RUNNING"
            version.started = world.clock.now()
            world.store.save_notebook(notebook)
            which = {"owner": notebook.owner, "slug": notebook.slug, "version": number}
            longest = world.behaviour.run_limit_seconds
            execution = Execution(
                notebook=notebook,
                version=version,
                folder=world.store.notebook_folder(notebook, number),
                limit=min(longest, version.timeout) if version.timeout else longest,
                log=self._live[key],
                fault=world.faults.hit("runs", "Save", which),
            )
        ended = (CANCELLED, "") if key in self._cancelled else self._execute(execution, key)
        if ended is not None:
            self._finish(key, execution, *ended)

    def _finish(self, key: Key, execution: Execution, outcome: RunOutcome, failure: str) -> None:
        world, version = self._known_world(), execution.version
        cancelled = outcome is CANCELLED or key in self._cancelled
        with world.store.lock:
            if self._find(*key):
                write_atomic(execution.folder / "log.json", execution.log.to_json())
                version.finished = world.clock.now()
                version.failure_message = "" if cancelled else failure
                ended = "COMPLETE" if outcome.exit_code == 0 else "ERROR"
                version.status = "CANCEL_ACKNOWLEDGED" if cancelled else ended
                world.store.save_notebook(execution.notebook)
            self._live.pop(key, None)
        execution.log.close()

    def _rerun(self, slug: str, ref: int) -> None:
        if not self._wait_turn():
            return

        def execute(execution: Execution) -> RunOutcome | None:
            ended = self._execute(execution, key=None)
            return ended[0] if ended else None

        rerun(self._known_world(), slug, ref, execute)
