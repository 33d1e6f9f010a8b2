"""Whatever the network does, a push or a ship that says it is done has done it, once."""

from __future__ import annotations

import os
import time

import pytest

from tests.power import storms
from tests.submit.conftest import Desk

# 200 with `STORMS=200`; the benchmark command does a thousand.
COUNT = int(os.environ.get("STORMS", "24"))
PUSHES, SHIPS = range(COUNT // 2), range(1000, 1000 + COUNT // 2)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are as many as ever, and short."""
    real = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: real(min(seconds, 0.01)))


@pytest.mark.parametrize("ship", [False, True], ids=["push", "ship"])
def test_random_faults(desk: Desk, *, ship: bool) -> None:
    endings = [storms.run(desk, seed, ship=ship) for seed in (SHIPS if ship else PUSHES)]
    wrong = [ending for ending in endings if ending.wrong]
    assert not wrong, "\n".join(map(str, wrong))
    assert any(ending.first == "done" for ending in endings)
    assert len({ending.first for ending in endings}) > 3
