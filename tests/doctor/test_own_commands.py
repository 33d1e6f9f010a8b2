"""Commands and hooks of the user's own stand in `tasks.py`, in invoke's ordinary way."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import workspaces

MINE = """
from invoke.tasks import task

@task(pre=[namespace["check"]], aliases=["tr"])
def train(context):
    '''Train it.'''
    context.run("echo my own")

namespace.add_task(train)
"""


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = workspaces.make(template, tmp_path_factory.mktemp("own") / "ws", competition="titanic")
    with (root / "tasks.py").open("a", encoding="utf-8") as file:
        file.write(MINE)
    return root


def test_a_task_of_the_users_runs_and_is_listed_apart(made: Path) -> None:
    done = workspaces.invoke(made, "train")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "my own"), done.stderr
    assert "check: no errors" in done.stdout
    listed = workspaces.invoke(made, "--list").stdout
    assert "train (tr)" in listed.partition("your own\n")[2]


def test_a_tasks_package_works_as_the_file_does(made: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(made, tmp_path / "ws"))
    (root / "tasks").mkdir()
    (root / "tasks.py").rename(root / "tasks/__init__.py")
    assert workspaces.invoke(root, "check").returncode == 0


def test_without_the_package_there_is_one_line_that_says_how_to_install_it(
    made: Path, tmp_path: Path
) -> None:
    blocker = tmp_path / "kaggle_workflow"
    blocker.mkdir()
    missing = "raise ModuleNotFoundError('No module', name='kaggle_workflow')"
    (blocker / "__init__.py").write_text(missing, encoding="utf-8")
    done = workspaces.invoke(made, "check", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    how = "run `pip install -r requirements.txt`, or start commands with `uv run`"
    assert done.stderr.strip() == f"error: kaggle_workflow is not installed: {how}."


def test_the_list_ends_quietly_when_its_reader_has_seen_enough(made: Path) -> None:
    line = f"{sys.executable} -m invoke --list | head -1"
    done = subprocess.run(line, shell=True, cwd=made, capture_output=True, encoding="utf-8", check=True)  # noqa: S602 - a pipe needs a shell
    assert (done.stdout, done.stderr) == ("prepare\n", "")


def test_the_commands_work_without_a_tasks_file(made: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(made, tmp_path / "ws"))
    (root / "tasks.py").unlink()
    done = workspaces.python("-m", "kaggle_workflow", "check", cwd=root)
    assert (done.returncode, "check: no errors" in done.stdout) == (0, True), done.stderr
