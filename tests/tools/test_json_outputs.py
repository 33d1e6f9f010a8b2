"""`--json`: every command that has it is documented, and prints what is documented.

The outputs themselves are compared wherever a test of any room runs a command with `--json` (see tests/conftest.py).
"""

import json
import shutil
from pathlib import Path

import pytest

from tests import commands, json_outputs, workspaces


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("json") / "ws", example="cmi-sleep")


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def test_every_command_with_json_is_documented_and_no_other() -> None:
    with_json = {name for name, options in commands.options().items() if "--json" in options}
    assert {"check", "push", "rehearse", "submit"} <= with_json
    shared = (json_outputs.SUBMISSION, json_outputs.FAILURE)
    page = {name.split(" ")[0] for name in json_outputs.documented() if name not in shared}
    assert page == with_json


@pytest.mark.parametrize(
    "words",
    [("check",), ("history",), ("history", "--group"), ("report",), ("new-exp",), ("new-notebook",)],
)
def test_local_commands_print_what_is_documented(ws: Path, words: tuple[str, ...]) -> None:
    done = workspaces.invoke(ws, *words, "--json")
    assert done.returncode == 0, done.stderr
    json_outputs.check(words, done.stdout)


def test_findings_and_repairs_are_as_documented(ws: Path) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", title="x", enable_internet=True)
    done = workspaces.invoke(ws, "check", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["findings"]
    json_outputs.check(["check"], done.stdout)
    repaired = workspaces.invoke(ws, "check", "--fix", "--yes", "--json")
    assert json.loads(repaired.stdout)["changes"]
    json_outputs.check(["check", "--fix"], repaired.stdout)


def test_a_failure_is_an_object_with_what_a_program_needs(ws: Path, tmp_path: Path) -> None:
    done = workspaces.invoke(ws, "push", "--json", env={"HOME": str(tmp_path)})
    assert done.returncode == 2
    json_outputs.check(["push"], done.stdout)
    error = json.loads(done.stdout)["error"]
    assert (error["exit_code"], error["name"], error["kind"]) == (2, None, "WorkflowError")
    assert done.stderr.strip() == f"error: {error['message']}"
    (ws / "codes/link").symlink_to(tmp_path)
    done = workspaces.invoke(ws, "rehearse", "--notebook", "none", "--json")
    error = json.loads(done.stdout)["error"]
    assert error["exit_code"] == done.returncode == 2
    told = workspaces.invoke(ws, "history", "--json", "--reproduce", "7")
    assert json.loads(told.stdout)["error"]["commands"] == ["invoke history --refresh"]


def test_an_output_that_differs_is_found() -> None:
    right = {"fetched": 1, "sources": {"titanic": [{"name": "a.csv", "size": None, "path": "data/a.csv"}]}}
    assert json_outputs.problems("data", right) == []
    wrong = {"fetched": "1", "sources": {"titanic": [{"name": "a.csv", "size": True, "more": 1}]}, "new": 1}
    assert set(json_outputs.problems("data", wrong)) == {
        ".new is not documented",
        "fetched is str, not integer",
        "sources.titanic[0].more is not documented",
        "sources.titanic[0].size is bool, not integer",
        "sources.titanic[0].path is missing",
    }
    assert "things is no list" in json_outputs.problems("status", {"account": "me", "things": {}})


def test_the_guard_on_all_other_tests_is_awake(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(json_outputs.documented(), "check", {"errors": "text"})
    with pytest.raises(AssertionError, match="errors is int, not text"):
        workspaces.invoke(ws, "check", "--json")
