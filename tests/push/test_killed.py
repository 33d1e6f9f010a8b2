"""Killed at any step and started again, a push converges: nothing twice, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kaggle_workflow.push import codes as push_codes
from kaggle_workflow.push import sub as push_sub
from tests.local_kaggle import Fault, faults
from tests.power.virtual_time import VirtualTime
from tests.push.conftest import Scene


class Killer:
    """Kills the running push when a request comes in; the connection then breaks before or after Kaggle acted."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.killed = threading.Event()

    def __call__(self, request: Mapping[str, Any]) -> bool:
        del request
        if self.pid is None or self.killed.is_set():
            return False
        # Before the kill: whoever waits for the process may look at once.
        self.killed.set()
        os.kill(self.pid, signal.SIGKILL)
        return True


def killed_push(scene: Scene, fault: Callable[..., Fault], method: str, **match: str) -> None:
    """Start a push and kill it at a request."""
    killer = Killer()
    scene.kaggle.fault(fault(method, when=killer, match=match))
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "push"],
        cwd=scene.root,
        env={**scene.kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.05"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killer.pid = child.pid
    told, _ = child.communicate(timeout=60)
    assert killer.killed.is_set(), told
    assert child.returncode == -signal.SIGKILL


def hasten(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, this process waits in virtual time."""
    VirtualTime(scene.kaggle, monkeypatch)
    monkeypatch.setenv("INVOKE_WORKSPACE_POLL", "5")


STEPS = [
    (faults.drop_before, "StartBlobUpload", {}),
    (faults.drop_after, "PUT", {}),
    (faults.drop_before, "CreateDataset", {}),
    (faults.drop_after, "CreateDataset", {}),
    (faults.drop_before, "SaveKernel", {"slug": "tester/cmi-deps"}),
    (faults.drop_after, "SaveKernel", {"slug": "tester/cmi-deps"}),
    (faults.drop_after, "SaveKernel", {"slug": "tester/cmi-sub"}),
    (faults.drop_after, "ListKernelSessionOutput", {"kernelSlug": "cmi-sub"}),
]


@pytest.mark.parametrize(("fault", "method", "match"), STEPS)
def test_killed_and_started_again(
    scene: Scene,
    fault: Callable[..., Fault],
    method: str,
    match: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed_push(scene, fault, method, **match)
    hasten(scene, monkeypatch)
    outcomes = scene.all(limit=60.0)
    assert [outcome.version for outcome in outcomes] == [1, 1, 1]
    assert (scene.versions("codes"), scene.versions("deps"), scene.versions("sub")) == (1, 1, 1)


def test_a_version_that_appears_late_is_found_used_and_reported(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.all()
    scene.edit()
    scene.kaggle.behave(processing_seconds=4.0)
    killed_push(scene, faults.drop_after, "CreateDatasetVersion")
    hasten(scene, monkeypatch)
    codes, _, sub = scene.all(limit=60.0)
    assert (codes.did, codes.version, sub.version) == ("found", 2, 2)
    assert scene.versions("codes") == 2


def test_interrupted_says_so_and_exits_130(scene: Scene) -> None:
    scene.kaggle.hold_runs()
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "push"],
        cwd=scene.root,
        env={**scene.kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.05"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not scene.kaggle.requests(method="GetKernelSessionStatus") and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert child.returncode == 130, told
    assert "continue where it stopped" in told


@pytest.mark.parametrize("thing", ["codes", "sub"])
def test_what_another_push_sent_between_question_and_lock_is_not_sent_again(
    scene: Scene, thing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.all()
    scene.edit()
    if thing == "sub":
        scene.codes()
    slow = scene.push()
    ask = {"codes": "dataset", "sub": "notebook"}[thing]
    real = getattr(slow.kaggle, ask)
    asked: list[Any] = []

    def answer(ref: Any, *more: Any) -> Any:
        told = real(ref, *more)
        if ref.name == f"tester/cmi-{thing}" and not asked:
            asked.append(ref)
            # The other one asks, sends and lets the lock go before this one takes it.
            assert getattr(scene, thing)().did == "sent"
        return told

    monkeypatch.setattr(slow.kaggle, ask, answer)
    done = push_codes.push_codes(slow) if thing == "codes" else push_sub.push_notebook(slow, "sub")
    assert done.did == "unchanged"
    assert scene.versions(thing) == 2


def test_two_pushes_at_once_send_one_thing_once(scene: Scene) -> None:
    words = [sys.executable, "-m", "invoke", "push-codes", "--json"]
    environment = {**scene.kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.05"}
    children = [
        subprocess.Popen(
            words, cwd=scene.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ended = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], ended
    assert scene.versions("codes") == 1
