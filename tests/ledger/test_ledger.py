"""The ledger remembers through crashes, two commands at once, and git's merges."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from kaggle_workflow.errors import WaitedTooLong, WorkflowError
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import Event, Part, score_of
from tests.ledger import samples

TEMPLATE = Path(__file__).resolve().parents[2] / "template"

# A process that appends events in twos for ever and says each number once it is written.
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger.event import Event
root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    pair = [Event("submitted", datetime.now(UTC), ref=f"{name}-{number}", message=f"{half} " + "x" * 3000) for half in "ab"]
    ledger.append(root, *pair)
    print(number, flush=True)
"""


def writer(root: Path, name: str, count: int) -> subprocess.Popen[str]:
    paths = f"{TEMPLATE}:{TEMPLATE / 'shim'}"
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(count)],
        env={"PYTHONPATH": paths, "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    )


def write(root: Path, content: bytes) -> None:
    (root / ledger.FILE).write_bytes(content)


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    events = samples.events(3)
    ledger.append(tmp_path, *events[:5])
    ledger.append(tmp_path, *events[5:])
    assert ledger.read(tmp_path) == ledger.Ledger(tuple(events))
    assert len((tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()) == 9


def test_events_are_on_the_disk_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    ledger.append(tmp_path, *samples.events(1))
    assert synced == [(tmp_path / "ledger.jsonl").stat().st_size]


def test_an_absent_ledger_is_empty(tmp_path: Path) -> None:
    assert ledger.read(tmp_path) == ledger.Ledger()
    ledger.append(tmp_path)
    assert not (tmp_path / "ledger.jsonl").exists()


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
parts = st.builds(Part, text, st.none() | st.integers(0, 10**6), st.none() | text)
some_event = st.builds(
    Event,
    st.sampled_from(["pushed", "submitted", "score", "refreshed"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds the zone
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
    ref=st.none() | text,
    entry=st.none() | st.lists(text, max_size=3).map(tuple),
    git_dirty=st.none() | st.booleans(),
    codes=st.none() | parts,
    models=st.none() | st.lists(parts, max_size=2).map(tuple),
    peak_memory=st.none() | st.integers(0, 2**60),
    public_score=st.none() | number,
    message=st.none() | text,
)


@given(some_event)
def test_an_event_is_one_line_that_reads_back_the_same(event: Event) -> None:
    line = event.line()
    assert "\n" not in line
    assert Event.from_json(json.loads(line)) == event


def test_two_processes_appending_at_once_lose_and_mix_nothing(tmp_path: Path) -> None:
    children = [writer(tmp_path, name, 40) for name in ("one", "two")]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    book = ledger.read(tmp_path)
    assert book.unread == ()
    refs = [str(event.ref) for event in book.events]
    assert sorted(refs) == sorted(f"{name}-{n}" for name in ("one", "two") for n in range(40) for _ in "ab")
    assert refs[::2] == refs[1::2], "the two lines of one append stand together"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_what_was_written_down_survives_sigkill(tmp_path: Path) -> None:
    """Killed over and over while it appends: every event that was acknowledged is there, and appending goes on."""
    acknowledged = set()
    for life in range(12):
        child = writer(tmp_path, f"life{life}", 10_000)
        assert child.stdout is not None
        for _ in range(1 + 3 * life):
            child.stdout.readline()
            acknowledged.add(f"life{life}-{_}")
        child.kill()
        child.wait()
        child.stdout.close()
    ledger.append(tmp_path, replace(samples.submitted(1), ref="after"))
    book = ledger.read(tmp_path)
    assert acknowledged <= {event.ref for event in book.events}
    assert book.events[-1].ref == "after"
    assert all("not an event" in one.reason for one in book.unread)


def test_a_line_cut_short_stays_is_reported_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    whole, torn = samples.submitted(1).line(), samples.submitted(2).line()[:40]
    write(tmp_path, f"{whole}\n{torn}".encode())
    ledger.append(tmp_path, samples.submitted(3))
    book = ledger.read(tmp_path)
    assert [event.ref for event in book.events] == ["51000001", "51000003"]
    assert [(one.number, one.text) for one in book.unread] == [(2, torn)]
    assert (tmp_path / "ledger.jsonl").read_bytes().startswith(f"{whole}\n{torn}\n".encode())


def test_a_line_cut_inside_a_character_is_reported(tmp_path: Path) -> None:
    line = replace(samples.submitted(1), message="größer").line().encode()
    write(tmp_path, line[: line.index("ß".encode()) + 1])
    book = ledger.read(tmp_path)
    assert book.events == ()
    assert book.unread[0].number == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("<<<<<<< HEAD", "not an event"),
        ("[1, 2]", "not a JSON object"),
        ('{"event": "score", "ref": "1"}', "time missing"),
        ('{"event": "score", "time": "2026-05-01T08:00:00"}', "time zone"),
        ('{"event": "score", "time": "2026-05-01T08:00:00Z", "cv": NaN}', "NaN"),
        ('{"event": "score", "time": "2026-05-01T08:00:00Z", "public_score": "0.5"}', "public_score"),
        ('{"event": "score", "time": "2026-05-01T08:00:00Z", "peak_memory": true}', "peak_memory"),
        ('{"event": "praised", "time": "2026-05-01T08:00:00Z"}', "'praised'"),
        ("[" * 100_000, "not an event"),
    ],
)
def test_a_line_that_is_not_understood_is_reported_with_its_number_and_kept(
    tmp_path: Path, line: str, reason: str
) -> None:
    write(tmp_path, f"{samples.submitted(1).line()}\n{line}\n".encode())
    ledger.append(tmp_path, samples.submitted(2))
    book = ledger.read(tmp_path)
    assert [event.ref for event in book.events] == ["51000001", "51000002"]
    assert [(one.number, one.text) for one in book.unread] == [(2, line)]
    assert reason in book.unread[0].reason
    assert "line 2" in str(book.warning())
    assert line.encode() in (tmp_path / "ledger.jsonl").read_bytes().split(b"\n")


def test_fields_of_a_newer_version_are_kept_and_reported(tmp_path: Path) -> None:
    value = {**samples.submitted(1).to_json(), "mood": "good", "codes": {"ref": "ada/codes", "size": 5}}
    write(tmp_path, json.dumps(value).encode() + b"\n")
    book = ledger.read(tmp_path)
    assert book.events[0].extra == {"mood": "good", "codes.size": 5}
    assert book.events[0].codes == Part("ada/codes")
    assert "mood" in book.unread[0].reason
    assert "codes.size" in book.unread[0].reason


def test_line_ends_of_windows_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    lines = [event.line() for event in samples.events(1)]
    write(tmp_path, ("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    assert ledger.read(tmp_path) == ledger.Ledger(tuple(samples.events(1)))


def test_a_value_that_json_cannot_carry_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="nothing was written"):
        ledger.append(tmp_path, samples.submitted(1), samples.submitted(2, cv=float("nan")))
    assert not (tmp_path / "ledger.jsonl").exists()


def test_a_message_that_was_no_utf8_is_written_all_the_same(tmp_path: Path) -> None:
    ledger.append(tmp_path, samples.submitted(1, message=b"caf\xe9".decode("utf-8", "surrogateescape")))
    assert ledger.read(tmp_path).events[0].message == "caf?"


def test_a_ledger_that_another_command_holds_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_LOCK_SECONDS", 0.2)
    (tmp_path / "build").mkdir()
    with (
        FileLock(tmp_path / "build" / "ledger.lock"),
        pytest.raises(WaitedTooLong, match=r"Another command has locked ledger\.jsonl"),
    ):
        ledger.append(tmp_path, samples.submitted(1))
    ledger.append(tmp_path, samples.submitted(1))
    assert len(ledger.read(tmp_path).events) == 1


def git(folder: Path, *words: str) -> str:
    settings = (
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.hooksPath=",
    )
    child = subprocess.run(
        ["git", "-C", str(folder), *settings, *words], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stdout + child.stderr
    return child.stdout


def test_two_branches_merge_without_a_conflict_and_count_common_lines_once(tmp_path: Path) -> None:
    """What a team does: both push, both submit, git merges with the attributes of the template."""
    (tmp_path / ".gitattributes").write_bytes((TEMPLATE / ".gitattributes").read_bytes())
    common, mine, theirs, both = (samples.submitted(number) for number in range(1, 5))
    git(tmp_path, "init", "-q", "-b", "main")
    ledger.append(tmp_path, common)
    git(tmp_path, "add", ".gitattributes", "ledger.jsonl")
    git(tmp_path, "commit", "-qm", "start")
    git(tmp_path, "checkout", "-qb", "other")
    ledger.append(tmp_path, theirs, both)
    git(tmp_path, "commit", "-qam", "theirs")
    git(tmp_path, "checkout", "-q", "main")
    ledger.append(tmp_path, both, mine)
    git(tmp_path, "commit", "-qam", "mine")
    git(tmp_path, "merge", "-q", "other")
    content = (tmp_path / "ledger.jsonl").read_text(encoding="utf-8")
    assert content.count(both.line()) == 2, "git doubles the line: this test shows that it is read once"
    book = ledger.read(tmp_path)
    assert book.unread == ()
    assert sorted(str(event.ref) for event in book.events) == [f"5100000{number}" for number in range(1, 5)]


@pytest.mark.parametrize(
    ("text", "score"), [("0.81234", 0.81234), ("", None), (None, None), ("NaN", None), (3, 3.0)]
)
def test_scores_as_kaggle_writes_them(text: object, score: float | None) -> None:
    assert score_of(text) == score
