"""Whatever the network does, a push or a ship that says it is done has done it, once."""

from __future__ import annotations

import pytest

from tests.power import storms
from tests.submit.conftest import Desk

# 200 sequences; benchmarks/faults.py does a thousand.
BLOCK = 25
BLOCKS = 8


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_faults(desk: Desk, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    clock = storms.seat(desk, monkeypatch)
    seeds = range(block * BLOCK, (block + 1) * BLOCK)
    endings = [storms.run(desk, clock, seed, ship=block % 2 == 1) for seed in seeds]
    wrong = [ending for ending in endings if ending.wrong]
    assert not wrong, "\n".join(map(str, wrong))
    assert any(ending.first == "done" for ending in endings)
    assert len({ending.first for ending in endings}) > 3
