"""What submit looks at, what it sends, and what it remembers."""

from __future__ import annotations

from tests.submit.conftest import NOTEBOOK, Desk
from workflow import markers


def test_a_score_arrives_and_the_ledger_knows_what_made_it(desk: Desk) -> None:
    done = desk.submit()
    (one,) = desk.watch()
    assert (done.did, one.ref, one.status, one.public_score) == ("submitted", str(done.ref), "complete", 1.0)
    assert (one.notebook, one.notebook_version, one.entry) == (NOTEBOOK, 1, ("exp001.py",))
    assert one.message == "exp001.py: wider windows"
    assert (one.save_run_seconds, one.save_run_rows, one.peak_memory) == (105.0, 2, 2_000_000_000)
    assert one.codes is not None and one.deps is not None
    assert (one.codes.ref, one.codes.version, one.deps.version) == ("tester/cmi-codes", 1, 1)
    assert (one.account, one.git_dirty, one.light, one.recorded) == ("tester", False, False, True)
    description = desk.on_kaggle()[0].description
    _, mark = markers.read(description)
    assert mark is not None
    assert (mark.slug, mark.version) == ("cmi-sub", 1)
