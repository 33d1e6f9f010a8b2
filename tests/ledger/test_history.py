"""`invoke history`: the table, its order and filters, and its forms for programs."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.ledger import history
from kaggle_workflow.ledger import table as history_table
from kaggle_workflow.ledger.fold import fold
from kaggle_workflow.ledger.history import Order
from tests.ledger import samples
from tests.ledger.conftest import Invoke

HIGHER = Order("higher", assumed=False)
ROWS = [history.cells(one) for one in fold(samples.events(40))]
WIDE = [{**ROWS[0], "message": "寝る子は育つ" * 9, "experiment": "実験"}, *ROWS[1:]]


def fill(workspace: Path, count: int) -> None:
    ledger.append(workspace, *samples.events(count))


@given(st.integers(12, 260))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    table = history_table.fit(WIDE, ["*"] + [""] * 39, width)
    assert len(table.lines) == 41
    assert max(cell_len(line) for line in table.lines) <= width


def test_a_wide_terminal_shows_everything_and_a_narrow_one_says_what_it_leaves_out() -> None:
    assert history_table.fit(ROWS, [""] * 40, 300).left_out == ()
    narrow = history_table.fit(ROWS, [""] * 40, 80)
    assert "public" in narrow.lines[0]
    assert "commit" in narrow.left_out
    assert "commit" not in narrow.lines[0]


def test_a_message_gets_room_before_digests_do() -> None:
    table = history_table.fit(ROWS, [""] * 40, 110)
    assert "larger windows, lower learning" in table.lines[1]
    assert "codes" in table.left_out


def test_without_a_terminal_nothing_is_cut() -> None:
    long = [{**ROWS[0], "message": "word " * 100 + "end"}]
    assert "end" in history_table.fit(long, [""], None).lines[1]


def test_columns_that_nobody_filled_are_not_shown() -> None:
    assert "private" not in history_table.fit(ROWS, [""] * 40, 300).lines[0]


def test_a_message_cannot_move_the_cursor_or_break_its_line() -> None:
    row = {**ROWS[0], "message": "one\ntwo\x1b[2J\u202ethree"}
    line = history_table.fit([row], [""], 300).lines[1]
    assert line.isprintable()
    assert "one two" in line


def test_the_table_marks_the_best_and_shows_the_newest_first(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 20)
    lines = invoke("history", INVOKE_WORKSPACE_BETTER="higher").stdout.splitlines()
    best = HIGHER.best(fold(samples.events(20)))
    assert best is not None
    assert [line.split()[3] for line in lines if line.startswith("*") and "best" not in line] == [best.ref]
    assert any(line.startswith("* best") and best.ref in line for line in lines)
    dates = [line[2:18] for line in lines[1:21]]
    assert dates == sorted(dates, reverse=True)


def test_no_score_is_marked_while_it_is_not_known_which_is_better(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 20)
    said = invoke("history").stdout
    assert not any(line.startswith("*") for line in said.splitlines())
    assert "write `better: higher` or `better: lower`" in said
    assert json.loads(invoke("history", "--json").stdout)["best"] is None


def test_lower_is_better_where_the_settings_say_so(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 20)
    value = json.loads(invoke("history", "--json", INVOKE_WORKSPACE_BETTER="lower").stdout)
    scores = [one["public_score"] for one in value["submissions"] if one["public_score"] is not None]
    assert next(one["public_score"] for one in value["submissions"] if one["ref"] == value["best"]) == min(
        scores
    )
    assert value["better_assumed"] is False


def test_a_wrong_order_of_scores_is_one_sentence(invoke: Invoke) -> None:
    assert "write one of higher, lower" in invoke("history", code=2, INVOKE_WORKSPACE_BETTER="up").stderr


def test_sorted_by_score_the_best_comes_first_and_failures_last(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 18)
    value = json.loads(invoke("history", "--sort", "public", "--json").stdout)["submissions"]
    scores = [one["public_score"] for one in value]
    assert scores[-1] is None
    assert scores[:-1] == sorted(scores[:-1], reverse=True)
    turned = json.loads(invoke("history", "--sort", "public", "--reverse", "--json").stdout)["submissions"]
    assert turned == value[::-1]


def test_an_unknown_column_is_named(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 1)
    error = invoke("history", "--sort", "beauty", code=2).stderr
    assert "--sort beauty is not a column" in error
    assert "public_score" in error


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        (["status=error"], [17, 34]),
        (["status!=error", "version>38"], [39, 40]),
        (["experiment=exp002", "cv<=0.7055"], [20, 21, 22]),
        ([f"codes.fingerprint={sha256(b'codes 7').hexdigest()[:9]}"], [7]),
        (["private="], list(range(1, 41))),
        (["EXP 12:"], [12]),
        (["nothing like it"], []),
    ],
)
def test_filters(conditions: list[str], numbers: list[int]) -> None:
    found = history.select(fold(samples.events(40)), conditions)
    assert [int(one.ref) - 51_000_000 for one in found] == numbers


def test_a_comparison_with_a_word_is_one_sentence() -> None:
    with pytest.raises(WorkflowError, match="is not a number"):
        history.select(fold(samples.events(1)), ["cv>high"])


def test_no_match_says_what_can_be_filtered(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 2)
    out = invoke("history", "--filter", "staus=error").stdout
    assert "None of 2 submissions matches staus=error" in out
    assert "status" in out


def test_groups_are_experiments_with_their_best(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 40)
    groups = json.loads(invoke("history", "--group", "--json").stdout)["experiments"]
    assert [(one["experiment"], one["count"]) for one in groups] == [
        ("exp003", 1),
        ("exp002", 20),
        ("exp001", 19),
    ] or sum(one["count"] for one in groups) == 40
    for one in groups:
        own = [
            each
            for each in fold(samples.events(40))
            if each.experiment == one["experiment"] and each.public_score is not None
        ]
        assert one["public_score"] == max(each.public_score for each in own if each.public_score is not None)
    assert "exp001" in invoke("history", "--group").stdout


def test_a_limit_is_said(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 60)
    assert "Showing 50 of 60 submissions; `--limit 0` shows all." in invoke("history").stdout
    assert len(json.loads(invoke("history", "--limit", "0", "--json").stdout)["submissions"]) == 60
    assert "--limit -1" in invoke("history", "--limit=-1", code=2).stderr


def test_csv_reads_back_whatever_a_message_holds(workspace: Path, invoke: Invoke) -> None:
    message = 'comma, "quote"\nand a line'
    ledger.append(workspace, replace(samples.submitted(1), message=message), samples.pushed(1))
    rows = list(csv.DictReader(io.StringIO(invoke("history", "--csv").stdout)))
    assert len(rows) == 1
    assert rows[0]["message"] == message
    assert rows[0]["codes.version"] == "1"
    # A cell that begins like a formula says that it is none: a spreadsheet would run it.
    assert rows[0]["args"] == "'--fold 1"


def test_an_empty_csv_still_has_its_heading(invoke: Invoke) -> None:
    assert invoke("history", "--csv").stdout.startswith("ref,time,")


def test_json_and_csv_together_are_refused(invoke: Invoke) -> None:
    assert "choose one" in invoke("history", "--json", "--csv", code=2).stderr


def test_an_empty_history_says_how_to_begin(invoke: Invoke) -> None:
    assert "`invoke submit` makes the first one" in invoke("history").stdout


def test_lines_that_are_not_understood_are_reported_with_the_table(workspace: Path, invoke: Invoke) -> None:
    fill(workspace, 1)
    with (workspace / "ledger.jsonl").open("a", encoding="utf-8") as file:
        file.write("=======\n")
    child = invoke("history")
    assert "ledger.jsonl, line 4" in child.stderr
    assert "51000001" in child.stdout
    assert json.loads(invoke("history", "--json").stdout)["not_understood"][0]["text"] == "======="


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
@pytest.mark.parametrize("width", [50, 120])
def test_on_a_real_terminal_the_lines_fit(workspace: Path, width: int) -> None:
    """Through a pseudo-terminal of that width."""
    import fcntl
    import pty
    import re
    import struct
    import termios

    fill(workspace, 20)
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "history", "--limit", "5", "--sort", "public"],
        cwd=workspace,
        env={**environment, "TERM": "xterm-256color", "INVOKE_WORKSPACE_BETTER": "higher"},
        stdin=writing,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    chunks = []
    while True:
        try:
            chunk = os.read(reading, 65536)
        except OSError:
            # Linux says so when the other end of a pseudo-terminal is closed.
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(reading)
    assert child.wait() == 0
    raw = b"".join(chunks).decode()
    rows = [
        line
        for line in raw.replace("\r", "").splitlines()
        if re.search(r"51\d{6}", line) and "best public" not in line
    ]
    assert len(rows) == 5
    assert rows[0].startswith("* ")
    assert all(cell_len(row) <= width for row in rows)
