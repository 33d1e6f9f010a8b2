"""Several sources download at a time, each thread with its own time limits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from kaggle_workflow.errors import KaggleRefused
from kaggle_workflow.kaggle import http
from kaggle_workflow.kaggle.fetching import Item, fetch_sources


def test_sources_download_at_a_time_and_a_refusal_reaches_the_command(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=20)
    said: list[str] = []

    def write(path: Path) -> None:
        both.wait()
        path.write_text("x", encoding="utf-8")

    def refuse(path: Path) -> None:
        raise KaggleRefused(f"{path.parent.name} is private.")

    wanted = {name: [Item("a.csv", tmp_path / name / "a.csv", None, write)] for name in ("me/one", "me/two")}
    assert fetch_sources(wanted, said.append) == 2
    assert sorted(said) == ["me/one [1/1] a.csv", "me/two [1/1] a.csv"]
    with pytest.raises(KaggleRefused, match="three is private"):
        fetch_sources({"me/three": [Item("b", tmp_path / "three" / "b", None, refuse)]}, said.append)


def test_a_time_limit_is_that_of_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    adapter: Any = requests.adapters.HTTPAdapter
    monkeypatch.setattr(adapter, "send", lambda *_, timeout: seen.append(timeout))
    original, request = adapter.send, requests.PreparedRequest()
    began, ended = threading.Event(), threading.Event()

    def other() -> None:
        with http.timeouts(7.0):
            began.set()
            ended.wait(20)
            adapter.send(None, request)

    thread = threading.Thread(target=other)
    with http.timeouts(3.0):
        thread.start()
        assert began.wait(20)
        adapter.send(None, request)
    # Outside its own block, while the other thread is inside one.
    adapter.send(None, request)
    ended.set()
    thread.join()
    assert seen == [(3.0, 3.0), None, (7.0, 7.0)]
    assert adapter.send is original
