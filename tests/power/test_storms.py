"""Whatever the network does, a push or a ship that says it is done has done it, once."""

from __future__ import annotations

import os

import pytest

from tests.power import storms
from tests.submit.conftest import Desk

# 200 with `STORMS=200`; the benchmark command does a thousand.
COUNT = int(os.environ.get("STORMS", "24"))
PUSHES, SHIPS = range(COUNT // 2), range(1000, 1000 + COUNT // 2)


@pytest.mark.parametrize("ship", [False, True], ids=["push", "ship"])
def test_random_faults(desk: Desk, monkeypatch: pytest.MonkeyPatch, *, ship: bool) -> None:
    clock = storms.seat(desk, monkeypatch)
    endings = [storms.run(desk, clock, seed, ship=ship) for seed in (SHIPS if ship else PUSHES)]
    wrong = [ending for ending in endings if ending.wrong]
    assert not wrong, "\n".join(map(str, wrong))
    assert any(ending.first == "done" for ending in endings)
    assert len({ending.first for ending in endings}) > 3
