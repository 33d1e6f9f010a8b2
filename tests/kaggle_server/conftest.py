"""A local Kaggle for each test, and the real clients to talk to it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Protocol

import pytest
from kagglesdk.kaggle_client import KaggleClient
from kagglesdk.kaggle_env import KaggleEnv

from tests.local_kaggle import LocalKaggle, ScriptedRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def kaggle(tmp_path: Path) -> Iterator[LocalKaggle]:
    with LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner()) as server:
        yield server


class Sdk(Protocol):
    def __call__(self, user: str = "tester") -> KaggleClient: ...


@pytest.fixture
def sdk(kaggle: LocalKaggle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """Gives the real kagglesdk client, in this process, signed in as a user."""
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", kaggle.url)
    opened: list[KaggleClient] = []

    def connect(user: str = "tester") -> KaggleClient:
        opened.append(KaggleClient(env=KaggleEnv.LOCAL, api_token=kaggle.add_user(user)))
        opened[-1].__enter__()
        return opened[-1]

    yield connect
    for each in opened:
        each.__exit__(None, None, None)


class Script(Protocol):
    def __call__(self, script: str, *, user: str | None = None, code: int = 0) -> str: ...


@pytest.fixture
def script(kaggle: LocalKaggle, tmp_path: Path) -> Script:
    """Runs a Python script against the server, in a process of its own, in `tmp_path`; returns what it printed."""

    def run(script: str, *, user: str | None = None, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            env=kaggle.environment(user),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return run
