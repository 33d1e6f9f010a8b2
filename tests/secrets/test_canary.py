"""The token of whoever runs a command appears nowhere: not in what is printed, not in a file, whatever Kaggle answers."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import requests
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

from kaggle_workflow import workspace
from kaggle_workflow.tasks import collection
from tests.local_kaggle import faults
from tests.local_kaggle.records import Token
from tests.push.conftest import Scene

CANARY = "KGAT" + "_" + "c0ffee00c0ffee11c0ffee22c0ffee33"
KEY = "0ddba11c0ffee0ddba11c0ffee0ddba1"
# Every other place where a competitor's machine keeps credentials: none of it is needed for anything that is sent.
PLANTED = {
    name: hashlib.sha256(name.encode()).hexdigest()[:40]
    for name in ("netrc", "pip", "git", "dotenv", "hub", "wandb", "index")
}
# What a command needs to get anywhere; and rehearse, whose sandbox has a canary of its own in tests/workflow.
OPTIONS: dict[str, dict[str, Any]] = {
    "push-dataset": {"path": "features"},
    "push-model": {"path": "weights", "handle": "tester/cmi-models/pytorch/exp001"},
    "push-sub": {"yes": True},
    "new-exp": {"name": "exp002"},
    "report": {},
    "explain": {"refusal": "take-over"},
    "rehearse": {"notebook": "no-such-notebook"},
}
ODD = (
    faults.status("GetDataset", 401, f"Token {CANARY} is not valid", times=None),
    faults.status("GetDataset", 500, f"Authorization: Bearer {CANARY}", times=None),
    faults.status("GetKernel", 400, f"you sent {CANARY}", times=None),
    faults.status("SaveKernel", 400, f"you sent {CANARY}", times=None),
    faults.answer("SaveKernel", {"error": f"you sent {CANARY}"}, times=None),
    faults.answer("CreateDataset", {"status": "error", "error": f"you sent {CANARY}"}, times=None),
    faults.answer("GetDataset", {"id": {"token": CANARY}}, times=None),
    faults.drop_after("GetDataset", times=None),
    faults.status("PUT", 400, f"you sent {CANARY}", times=None),
    faults.status("IntrospectToken", 403, f"you sent {CANARY}", times=None),
)


def tasks() -> dict[str, Task[Any]]:
    """Every command that there is."""
    return dict(collection(str(Path.cwd() / "tasks.py")).tasks)


@pytest.fixture
def canary(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene whose token is the canary, with something to send for every command."""
    users = scene.kaggle.world.store.users
    users.tokens.append(Token(CANARY, "tester"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", CANARY)
    monkeypatch.setenv("INVOKE_WORKSPACE_POLL", "0.05")
    for name in ("features", "weights"):
        (scene.root / name).mkdir()
        (scene.root / name / "a.bin").write_bytes(b"\0" * 10)
    return scene


def run(name: str, task: Task[Any], **options: Any) -> str:
    """Run a command as invoke does; returns how it ended, with the traceback of whatever it raised."""
    try:
        # The parameters of a task end in an underscore, which invoke drops.
        given = {**OPTIONS.get(name, {}), **options}
        task.body(Context(), **{f"{option.rstrip('_')}_": value for option, value in given.items()})
    except Exit as error:
        return f"{error.code}: {error.message}\n" + "".join(traceback.format_exception(error.__context__))
    return "0"


def leaked(root: Path, planted: Iterable[Path] = ()) -> list[str]:
    """Files below a folder that hold a canary, but for those where it was planted."""
    return [
        str(path)
        for path in root.rglob("*")
        if path.is_file() and path not in planted and held(path.read_bytes())
    ]


def held(content: bytes) -> list[str]:
    """The canaries in some bytes."""
    return [word for word in (CANARY, KEY, *PLANTED.values()) if word.encode() in content]


@pytest.fixture
def plants(canary: Scene, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Credentials wherever people have them: files at home, the workspace's `.env` and git remote, the environment; returns the files."""
    places = {
        Path.home() / ".netrc": f"machine api.wandb.ai login user password {PLANTED['netrc']}\n",
        Path.home()
        / ".config"
        / "pip"
        / "pip.conf": f"[global]\nextra-index-url = https://me:{PLANTED['pip']}@host.invalid/\n",
        Path.home() / ".cache" / "huggingface" / "token": PLANTED["hub"],
        canary.root / ".env": f"SERVICE_TOKEN={PLANTED['dotenv']}\n",
    }
    for path, text in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("WANDB_API_KEY", PLANTED["wandb"])
    monkeypatch.setenv("PIP_INDEX_URL", f"https://me:{PLANTED['index']}@host.invalid/simple")
    git = ["git", "-C", str(canary.root), "-c", "user.name=t", "-c", "user.email=t@host.invalid"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "codes"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    subprocess.run(
        [*git, "remote", "add", "origin", f"https://me:{PLANTED['git']}@host.invalid/ws"], check=True
    )
    return [*places, canary.root / ".git" / "config"]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every byte that this process's clients send, but for the header that says who they are."""
    found: list[bytes] = []
    real = requests.adapters.HTTPAdapter.send

    def send(self: Any, request: requests.PreparedRequest, *rest: Any, **options: Any) -> requests.Response:
        headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
        found.append(f"{request.method} {request.url} {headers}".encode())
        # The one question that is about the token itself.
        body: Any = None if str(request.url).endswith("/IntrospectToken") else request.body
        if hasattr(body, "read"):
            content = b"".join(body)
            found.append(content)
            request.body = content
        elif body is not None:
            found.append(body.encode() if isinstance(body, str) else bytes(body))
        return real(self, request, *rest, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return found


def test_no_command_sends_shows_or_keeps_a_credential(
    canary: Scene, plants: list[Path], sent: list[bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    ended = {}
    every = tasks()
    assert {"push", "check", "status", "history", "data"} <= set(every)
    for name, task in every.items():
        ended[name] = run(
            name, task, **({"json": True} if "json_" in inspect.signature(task.body).parameters else {})
        )
    told = capfd.readouterr()
    assert ended["push"] == ended["check"] == ended["push-model"] == ended["push-dataset"] == "0", ended
    assert not held((told.out + told.err + str(ended)).encode())
    everything = b"\n".join(sent)
    assert b"CreateDataset" in everything
    assert b"def main" in everything
    assert not [one[:300] for one in sent if held(one)]
    # The server's own records of its tokens are the one place.
    assert leaked(canary.root, plants) == []
    assert leaked(canary.kaggle.root / "client", plants) == []


@pytest.mark.parametrize("fault", ODD, ids=lambda fault: f"{fault.kind}-{fault.method}-{fault.code}")
def test_nor_when_kaggle_says_it_back(
    canary: Scene, fault: faults.Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    canary.kaggle.fault(fault)
    every = tasks()
    ended = {name: run(name, every[name], limit="1s") for name in ("push-codes", "push-sub")}
    ended["status"] = run("status", every["status"])
    told = capfd.readouterr()
    assert any(not one.startswith("0") for one in ended.values()), ended
    sentences = [one.partition("\n")[0] for one in ended.values()]
    assert CANARY not in told.out + told.err + str(sentences)
    assert leaked(canary.root) == []


def test_the_older_key_neither(
    canary: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", "tester")
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    canary.kaggle.add_key("tester", KEY)
    every = tasks()
    assert run("push-codes", every["push-codes"]) == "0"
    canary.kaggle.fault(faults.status("GetKernel", 400, f"no {KEY}", times=None))
    ended = run("push-sub", every["push-sub"])
    told = capfd.readouterr()
    assert ended.startswith("3: ")
    assert KEY not in told.out + told.err + ended.partition("\n")[0]
    assert leaked(canary.root) == []


def test_what_a_version_is_called_is_looked_at_too(canary: Scene) -> None:
    every = tasks()
    git = ["git", "-C", str(canary.root), "-c", "user.name=t", "-c", "user.email=t@host.invalid"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "codes"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", f"with {CANARY}"], check=True)
    ended = run("push-codes", every["push-codes"])
    assert ended.startswith(
        "2: error: --message, which is the subject of the commit when none is given, line 1: "
    )
    assert CANARY not in ended.partition("\n")[0]
    assert canary.sends() == 0
    ended = run("push-codes", every["push-codes"], message=f"with {CANARY}")
    assert ended.startswith("2: error: --message, line 1: ")
    assert CANARY not in ended.partition("\n")[0]
    assert canary.sends() == 0
    assert workspace.load(canary.root).root == Path.cwd()
