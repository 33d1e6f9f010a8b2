"""The first hour in an empty terminal: the list, the help, and what each command says when something has to come first."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_workflow import command_list
from tests import commands, workspaces
from tests.local_kaggle import LocalKaggle, ScriptedRunner

OURS = sorted(commands.collection().tasks)


@pytest.fixture(scope="module")
def new(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as copier makes it when nothing is answered."""
    root = tmp_path_factory.mktemp("new") / "ws"
    done = workspaces.copier("copy", "--quiet", "--defaults", template, root, cwd=root.parent)
    assert done.returncode == 0, done.stderr
    return root


def test_invoke_alone_and_its_list_show_every_command_once_in_a_group(new: Path) -> None:
    said = workspaces.invoke(new).stdout
    shown = re.findall(r"^  ([a-z-]+) {2,}\S", said.partition("start with")[0], re.MULTILINE)
    assert sorted(shown) == [name for name in OURS if name != "commands"]
    assert "your own" not in said
    assert re.findall(r"^(\w[\w ]*)$", said, re.MULTILINE)[:-1] == list(command_list.GROUPS)
    assert "uv run invoke rehearse" in said
    assert workspaces.invoke(new, "--list").stdout == said
    assert "checks" not in said
    assert "  check " in workspaces.invoke(new, "--list", "--list-depth", "1").stdout


@pytest.mark.parametrize("name", OURS)
def test_help_shows_what_each_option_is_for(name: str) -> None:
    one = commands.collection().tasks[name]
    assert all(len(argument.help) > 3 for argument in one.get_arguments())
    assert one.body.__doc__


LOCAL = {
    "blend",
    "check",
    "commands",
    "doctor",
    "explain",
    "final",
    "history",
    "new-exp",
    "new-notebook",
    "push-dataset",
    "push-deps",
    "rehearse",
    "report",
    "sweep",
    "vendor",
}


def test_without_credentials_every_command_that_needs_them_says_where_to_get_them(
    new: Path, tmp_path: Path
) -> None:
    environment = {
        "HOME": str(tmp_path),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    for name in sorted(set(OURS) - LOCAL):
        done = workspaces.invoke(new, name, env=environment)
        assert done.returncode == 2, name
        assert "kaggle.com/settings/api" in done.stderr.splitlines()[-1], name
        assert "Traceback" not in done.stderr, name


FIRST = {
    "history": "invoke submit",
    "logs": "invoke push",
    "output": "invoke push",
    "push-dataset": "--path",
    "push-sub": "invoke push-codes",
    "rehearse": "invoke data",
    "submit": "invoke push",
    "watch": "invoke submit",
}


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKaggle]:
    """A local Kaggle where nothing of this workspace is yet."""
    with LocalKaggle(tmp_path_factory.mktemp("kaggle"), runner=ScriptedRunner(lambda _: [])) as running:
        running.add_competition("titanic", public={"a.csv": b"id\n0\n"}, metric="accuracy")
        yield running


@pytest.fixture(scope="module")
def answered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose questions were answered, and nothing else."""
    return workspaces.make(
        template, tmp_path_factory.mktemp("answered") / "ws", username="tester", competition="titanic"
    )


@pytest.mark.parametrize("name", sorted(FIRST))
def test_a_command_that_cant_go_on_says_what_comes_first(
    answered: Path, kaggle: LocalKaggle, name: str, cache_home: Path
) -> None:
    done = workspaces.invoke(answered, name, env={**kaggle.environment(), "XDG_CACHE_HOME": str(cache_home)})
    assert FIRST[name] in (done.stdout + done.stderr).strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_list_does_not_look_at_packages(new: Path) -> None:
    code = "import sys; sys.argv[1:] = ['--list']\nfrom invoke.main import program\nprogram.run(exit=False)\nprint(sorted(set(sys.modules) & {'packaging', 'rich', 'kaggle', 'kagglesdk', 'ruamel', 'nbformat'}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=new, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
