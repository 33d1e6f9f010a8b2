"""A push that waits for a run shows the last line of its log, and needs no log."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from kaggle_workflow import waiting
from kaggle_workflow.push import notebook_run
from kaggle_workflow.push import sub as push_sub
from tests.local_kaggle import RunOrder, RunOutcome, faults
from tests.push.conftest import Scene, play


@pytest.fixture
def end_run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], object]]:
    """A run that logs one line and then goes on until this is called."""
    go_on = threading.Event()

    def run(order: RunOrder, on_line: Callable[[str], None]) -> RunOutcome:
        order.working.mkdir(parents=True, exist_ok=True)
        on_line("epoch 1\r\x1b[32mepoch 2 [loss 0.5]\x1b[0m")
        go_on.wait(30)
        for line in play(scene.played, order):
            on_line(line)
        return RunOutcome(0, 0.0)

    scene.codes()
    scene.deps()
    monkeypatch.setattr(scene.kaggle.world.sessions, "runner", run)
    monkeypatch.setattr(notebook_run, "LOG_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "_SAY_EVERY_SECONDS", 0.0)
    yield go_on.set
    go_on.set()


def push_until(scene: Scene, text: str, then: Callable[[], object]) -> list[str]:
    """Push the notebook, and do something as soon as a line with that text is said; returns the lines."""
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if text in line:
            then()

    push = scene.push()
    push.waits = waiting.Waits(0.05, say, 30.0)
    assert push_sub.push_notebook(push, "sub").did == "sent"
    return said


def test_the_last_line_of_the_log_is_shown_and_costs_one_request(
    scene: Scene, end_run: Callable[[], object]
) -> None:
    said = push_until(scene, "epoch 2", end_run)
    assert any(line.startswith("  running after ") and line.endswith(": epoch 2 [loss 0.5]") for line in said)
    assert [one.method for one in scene.kaggle.requests()].count("GetKernelSessionLogsStream") == 1


def test_a_log_that_can_not_be_read_fails_nothing(scene: Scene, end_run: Callable[[], object]) -> None:
    scene.kaggle.fault(faults.status("GetKernelSessionLogsStream", 403))

    def asked() -> None:
        if any(one.method == "GetKernelSessionLogsStream" for one in scene.kaggle.requests()):
            end_run()

    said = push_until(scene, "running", asked)
    assert not any("epoch" in line for line in said)


def test_a_short_run_costs_no_request_for_its_log(
    scene: Scene, end_run: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook_run, "LOG_SECONDS", 3600.0)
    push_until(scene, "running", end_run)
    assert not any(one.method == "GetKernelSessionLogsStream" for one in scene.kaggle.requests())


def test_a_terminal_shows_it_below_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    looks = iter([None, "over"])

    def look(show: waiting.Show) -> str | None:
        show("running", "epoch 2 [red]" + "x" * 100)
        return next(looks)

    waiting.Waits(0.3, print).until("the run is over", 60.0, look)
    assert "epoch 2 [red]" in terminal.getvalue()
