"""The commands as a person runs them: exit codes, sentences, and what they print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kaggle_workflow import lock
from kaggle_workflow.errors import WaitedTooLong
from tests.local_kaggle import faults
from tests.push.conftest import Scene


@pytest.mark.parametrize(
    ("make", "words", "code", "said"),
    [
        ("nothing", ("push-sub",), 2, "codes-not-current"),
        ("refusal", ("push-codes",), 3, "The dataset title is odd"),
        ("failure", ("push-deps",), 4, "failed after"),
        ("stuck", ("push-codes", "--limit", "1s"), 5, "Run this again to keep waiting"),
        ("away", ("push-codes",), 6, "could not be reached"),
    ],
)
def test_every_failure_has_its_exit_code_and_one_sentence(
    scene: Scene, make: str, words: tuple[str, ...], code: int, said: str
) -> None:
    proxy = scene.kaggle.url
    if make == "refusal":
        scene.kaggle.fault(
            faults.answer("CreateDataset", {"status": "error", "error": "The dataset title is odd."})
        )
    if make == "failure":
        scene.kaggle.fault(faults.run("fail"))
    if make == "stuck":
        scene.kaggle.behave(processing_seconds=None)
    if make == "away":
        proxy = "http://127.0.0.1:1"
    ended = scene.invoke(*words, http_proxy=proxy)
    assert ended.returncode == code, ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
    assert "Traceback" not in ended.stderr


def test_status_shows_what_is_left_and_where_to_cancel_a_run(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.hold_runs()
    scene.sub(wait=False)
    told = scene.invoke("status").stdout
    assert "GPU quota: 0.0 of 30 h used this week." in told
    assert "Submissions left for " in told
    assert (
        "sub is running. To cancel the run, open " in told
        or "sub is queued. To cancel the run, open " in told
    )
    scene.kaggle.release_runs()
    scene.kaggle.fault(faults.status("GetAcceleratorQuotaStatistics", 500, times=None))
    scene.kaggle.fault(faults.lose("GetSubmissionLimits", "numAllowedNow", times=None))
    done = scene.invoke("status", "--json")
    assert (done.returncode, json.loads(done.stdout)["quota"]) == (0, {})
    assert "The accelerator quota is unknown" in done.stderr


def test_status_logs_and_json(scene: Scene) -> None:
    absent = json.loads(scene.invoke("status", "--json").stdout)
    assert {thing["state"] for thing in absent["things"]} == {"absent"}
    scene.all()
    told = json.loads(scene.invoke("status", "--json").stdout)
    assert [(thing["thing"], thing["version"], thing["state"]) for thing in told["things"]] == [
        ("codes", 1, "ready"),
        ("deps", 1, "complete"),
        ("sub", 1, "complete"),
    ]
    logs = scene.invoke("logs", "--notebook", "deps")
    assert logs.stdout.splitlines() == ["tester/cmi-deps version 1: complete", "collected"]


def test_logs_follow_a_run_to_its_end_over_a_broken_stream(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.hold_runs()
    scene.sub(wait=False)
    scene.kaggle.fault(faults.drop_before("GetKernelSessionLogsStream"))
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "logs"],
        cwd=scene.root,
        env=scene.kaggle.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not scene.kaggle.requests(method="GetKernelSessionStatus") and time.monotonic() < deadline:
        time.sleep(0.02)
    scene.kaggle.release_runs()
    told, _ = child.communicate(timeout=30)
    assert told.splitlines()[-1] == "tester/cmi-sub version 1: complete"


def test_commands_keep_their_modules_compiled_where_python_does(scene: Scene) -> None:
    # invoke alone would keep none, and compile everything at each command.
    cache = str(scene.root / "compiled")
    scene.invoke("--list", PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX=cache)
    assert not list(scene.root.rglob("*.pyc"))
    scene.invoke("--list", PYTHONDONTWRITEBYTECODE="", PYTHONPYCACHEPREFIX=cache)
    assert list(scene.root.rglob("kaggle_workflow/command.*.pyc"))


def test_no_token_is_ever_printed_or_staged(scene: Scene) -> None:
    token = "KGAT_very_secret_token"
    scene.kaggle.world.store.users.tokens[0].token = token
    ended = scene.invoke("push", KAGGLE_API_TOKEN=token)
    assert ended.returncode == 0, ended.stderr
    assert token not in ended.stdout + ended.stderr
    assert not [
        path for path in scene.root.rglob("*") if path.is_file() and token.encode() in path.read_bytes()
    ]
    refused = scene.invoke("push-codes", "--force", KAGGLE_API_TOKEN=f"{token}x")
    assert refused.returncode == 3
    assert token not in refused.stdout + refused.stderr


def test_the_lock_says_who_holds_it_and_since_when(tmp_path: Path) -> None:
    said: list[str] = []
    with lock.held(tmp_path, "invoke push: sending me/cmi-codes", said.append):
        assert said == []
        child = subprocess.run(
            [sys.executable, "-c", _HOLD, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    assert "invoke push: sending me/cmi-codes (process" in child.stdout
    assert "since" in child.stdout
    assert "WaitedTooLong" in child.stdout
    with lock.held(tmp_path, "again", said.append):
        pass
    assert WaitedTooLong.exit_code == 5


_HOLD = """
import sys
from pathlib import Path
from kaggle_workflow import lock
try:
    with lock.held(Path(sys.argv[1]), "other", print, limit=0.3):
        print("got it")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_wait_holds_no_lock(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.kaggle.hold_runs()
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "push-sub"],
        cwd=scene.root,
        env={**scene.kaggle.environment(), "INVOKE_WORKSPACE_POLL": "0.05"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while len(scene.kaggle.requests(method="GetKernelSessionStatus")) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    with lock.held(scene.root / "build", "test", print, limit=0.0):
        pass
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == 130
