"""Names, messages and logs come from others: none of them commands the terminal, a spreadsheet or a browser."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kaggle_workflow import command, console
from kaggle_workflow.commands import history, logs
from kaggle_workflow.errors import WorkflowError
from tests.local_kaggle import faults
from tests.push.conftest import Scene

# Names the window, clears the screen, turns the writing around, moves up, and the same in one byte (C1).
EVIL = "a\x1b]0;owned\x07\x1b[2J\u202etxt.exe\x1b[1A\x9b2J\rb\udcff"
COMMANDS = ("\x1b", "\x07", "\x9b", "\u202e", "\r", "\udcff")


def harmless(text: str) -> bool:
    return not any(one in text for one in COMMANDS)


@pytest.mark.parametrize("tty", [False, True])
def test_nothing_that_is_told_commands_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tty: bool
) -> None:
    if tty:
        # rich asks the stream, and writes no colours of its own to this one.
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setenv("COLUMNS", "200")
    console.say(EVIL)
    console.warn(EVIL)
    console.as_json({EVIL: EVIL})
    console.table(EVIL, ("file", "size"), [(EVIL, "[bold]1[/bold]"), ("[/]", "[link=x]")])
    told = capsys.readouterr()
    assert harmless(told.out + told.err)
    assert "[bold]1[/bold]" in told.out
    assert "[/]" in told.out
    assert "\\u001b]0;owned\\u0007" in told.out


def test_a_log_keeps_its_colours_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    logs._write("\x1b[32mepoch 1\x1b[0m\r 50%\r100%\n" + EVIL.replace("\r", "") + "\n")
    told = capsys.readouterr().out
    assert told.startswith("\x1b[32mepoch 1\x1b[0m\r 50%\r100%\n")
    assert harmless(told.partition("\n")[2])


@given(st.text())
@example(EVIL)
@settings(deadline=None, database=None, derandomize=True, max_examples=50)
def test_a_report_stays_what_it_says(text: str) -> None:
    spelled = console.plain(json.dumps({"a": text}, ensure_ascii=False))
    assert json.loads(spelled) == {"a": text}
    assert harmless(spelled)


def test_the_title_of_a_narrow_table_stays_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    console.table("ada/sleep-sub [v1]: shipped", ["stage", "s"], [["run", "1"]])
    assert capsys.readouterr().out.splitlines()[0] == "ada/sleep-sub [v1]: shipped"


def test_nor_do_the_words_of_kaggle(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.kaggle.fault(faults.status("GetDataset", 400, EVIL.replace("\udcff", ""), times=None))
    with pytest.raises(WorkflowError) as caught:
        scene.codes()
    ended = command._as_exit(caught.value)
    assert harmless(str(ended))
    assert "owned" in str(ended)


def test_a_cell_of_a_spreadsheet_is_not_calculated(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert history._cell('=HYPERLINK("https://host.invalid")') == '\'=HYPERLINK("https://host.invalid")'
    assert [history._cell(value) for value in ("+1", "+x", "@a", "-x", "\tx", "a=b", -0.5, None, 3)] == [
        "+1",
        "'+x",
        "'@a",
        "'-x",
        "'\tx",
        "a=b",
        -0.5,
        None,
        3,
    ]


def test_a_traceback_shows_no_credential(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "c0ffee00" * 4
    monkeypatch.setenv("MY_SERVICE_TOKEN", canary)
    monkeypatch.setattr("sys.excepthook", None)
    error = KeyError(f"Bearer {canary}")
    assert command._as_exit(error) is error
    sys.excepthook(KeyError, error, None)
    told = capsys.readouterr().err
    assert "KeyError: 'Bearer …'" in told
    assert canary not in told
