"""`copier update`: the pin moves, every byte of the user's stays."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from kaggle_workflow import workspace as workspace_module
from kaggle_workflow.doctor import template as doctor_template
from kaggle_workflow.doctor.diagnosis import NOTE
from tests import workspaces
from tests.template import history

OWNED_BY_TEMPLATE = {"requirements.txt", ".copier-answers.yml"}


@pytest.fixture
def template_here(template: Path, tmp_path: Path) -> Path:
    """A template of this test's own, to be changed."""
    return Path(shutil.copytree(template, tmp_path / "template", symlinks=True))


def committed(folder: Path, message: str = "mine") -> None:
    if not (folder / ".git").is_dir():
        workspaces.git(folder, "init", "--quiet")
    workspaces.git(folder, "add", "--all")
    workspaces.git(folder, "commit", "--quiet", "--allow-empty", "-m", message)


def release(template: Path, tag: str) -> None:
    committed(template, tag)
    workspaces.git(template, "tag", tag)


def head(template: Path) -> str:
    return workspaces.git(template, "rev-parse", "HEAD").strip()


def pin(workspace: Path) -> str:
    return (workspace / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1]


def owned_by_user(workspace: Path) -> dict[str, bytes]:
    return {
        name: content
        for name, content in workspaces.files_of(workspace).items()
        if name not in OWNED_BY_TEMPLATE
    }


def update(workspace: Path) -> str:
    done = workspaces.copier("update", "--defaults", cwd=workspace)
    assert done.returncode == 0, done.stderr
    return done.stderr


def make_it_mine(workspace: Path) -> None:
    """What people do in a workspace: files written, changed, renamed and deleted."""
    (workspace / "codes/exp001.py").write_text("print('mine')\n")
    (workspace / "codes/exp002.py").write_text("print('mine too')\n")
    (workspace / "README.md").write_bytes(b"Mine,\r\nwith odd line ends")
    (workspace / "invoke.yaml").write_text("# mine\nworkspace:\n    entry: exp002.py\n")
    (workspace / "tasks.py").write_text((workspace / "tasks.py").read_text() + "# mine\n")
    (workspace / "ledger.jsonl").write_text("{}\n")
    (workspace / "deps/image.txt").unlink()
    (workspace / ".gitattributes").unlink()
    (workspace / "sub/sub.ipynb").rename(workspace / "sub/renamed.ipynb")


def rewrite(source: Path) -> None:
    """Another version of the template, and changes that no version should need."""
    (source / "tasks.py").write_text((source / "tasks.py").read_text() + "# new\n")
    (source / "codes/dataset-metadata.json.jinja").write_text('{"changed": true}\n')
    (source / "codes/later.py").write_text("# a user's file that later versions bring\n")
    (source / "deps/image.txt").write_text("changed\n")
    for name in ("invoke.yaml", "README.md", "pyproject.toml"):
        (source / f"{name}.jinja").write_text("# changed\n")


def test_an_update_changes_two_files_and_keeps_every_byte_of_the_users(
    template_here: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "notes.txt").write_text("mine\n")
    workspace = workspaces.make(template_here, repository / "cmi", example="cmi-sleep")
    make_it_mine(workspace)
    committed(repository)
    before = owned_by_user(workspace)
    rewrite(template_here / "template")
    release(template_here, "v1000.1.0")
    # And the template lies elsewhere now.
    moved = template_here.rename(tmp_path / "moved")
    answers = workspace / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(template_here), str(moved)))
    committed(repository)

    said = update(workspace)
    changed = workspaces.git(repository, "status", "--porcelain").split()[1::2]
    assert set(changed) == {f"cmi/{name}" for name in OWNED_BY_TEMPLATE}
    assert owned_by_user(workspace) == before
    assert pin(workspace) == f"kaggle-workflow @ git+file://{moved}@{head(moved)}"
    assert "_commit: v1000.1.0" in answers.read_text()
    assert "run `git checkout HEAD -- .copier-answers.yml requirements.txt`" in said
    assert "`uv run invoke doctor`" in said
    assert "If you edited one of the two, `git diff HEAD` shows the edits" in said


def test_a_template_without_tags_is_followed_by_commit_and_nothing_new_changes_nothing(
    template_here: Path, tmp_path: Path
) -> None:
    workspaces.git(template_here, "tag", "--delete", "v1000.0.0")
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    before = workspaces.files_of(workspace)
    update(workspace)
    assert workspaces.files_of(workspace) == before
    committed(template_here)
    update(workspace)
    assert pin(workspace).endswith(f"@{head(template_here)}")


def test_a_copy_from_a_relative_address_can_be_updated(template_here: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = workspaces.copier("copy", "--quiet", "--defaults", "template", "mine/ws", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    workspace = tmp_path / "mine/ws"
    assert f"_src_path: {template_here}\n" in (workspace / ".copier-answers.yml").read_text()
    assert pin(workspace) == f"kaggle-workflow @ git+file://{template_here}@{head(template_here)}"
    committed(workspace)
    release(template_here, "v1000.1.0")
    update(workspace)
    assert pin(workspace).endswith(f"@{head(template_here)}")


@pytest.mark.parametrize("fault", ["dirty", "gone", "edited"])
def test_what_copier_wants_first_is_said_and_nothing_changes(
    template_here: Path, tmp_path: Path, fault: str
) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    answers = workspace / ".copier-answers.yml"
    if fault == "gone":
        answers.unlink()
    if fault == "edited":
        answers.write_text(answers.read_text() + "<<<<<<< mine\n")
    committed(workspace)
    release(template_here, "v1000.1.0")
    if fault == "dirty":
        (workspace / "codes/exp001.py").write_text("# not committed\n")
    before = workspaces.files_of(workspace)
    done = workspaces.copier("update", "--defaults", cwd=workspace)
    assert done.returncode != 0
    assert workspaces.files_of(workspace) == before
    if fault == "dirty":
        assert "dirty" in done.stderr
        return
    told = {line.topic: line for line in doctor_template.lines(workspace_module.load(workspace))}
    assert told["template"].state == NOTE


def test_extras_that_are_chosen_in_an_update_are_named_with_the_command_that_writes_them(
    template_here: Path, tmp_path: Path
) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    release(template_here, "v1000.1.0")
    done = workspaces.copier("update", "--defaults", "-d", "extras=[vscode, agents]", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert not (workspace / "AGENTS.md").exists()
    assert "An update does not write these files: .vscode, AGENTS.md." in done.stderr
    assert "`copier recopy --defaults --overwrite`" in done.stderr
    again = workspaces.copier("recopy", "--defaults", "--overwrite", cwd=workspace)
    assert again.returncode == 0, again.stderr
    assert (workspace / "AGENTS.md").exists()
    assert (workspace / ".vscode/launch.json").exists()


@pytest.fixture(scope="module")
def all_states(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository with its history, and this working tree as its one tagged commit on top."""
    source = tmp_path_factory.mktemp("states") / "template"
    workspaces.git(source.parent, "clone", "--quiet", "--no-local", str(workspaces.ROOT), str(source))
    for tag in workspaces.git(source, "tag").split():
        workspaces.git(source, "tag", "--delete", tag)
    workspaces.git(source, "rm", "-r", "--quiet", ".")
    for path in template.iterdir():
        if path.name == ".git":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, source / path.name, symlinks=True)
        else:
            shutil.copy2(path, source / path.name, follow_symlinks=False)
    release(source, "v1000.1.0")
    return source


LOCAL_TASKS = """from invoke import task

@task
def mine(c):
    '''My own.'''
    print("my own")
"""


@pytest.mark.parametrize("state", history.states())
def test_a_workspace_of_every_earlier_state_moves_over_with_two_commands(
    all_states: Path, tmp_path: Path, state: str
) -> None:
    words = ("copy", "--quiet", "--defaults", "--vcs-ref", state, "-d", "example=cmi-sleep")
    answers = ("-d", "username=you", "-d", "prefix=cmi")
    workspace = tmp_path / "ws"
    done = workspaces.copier(*words, *answers, all_states, workspace, cwd=tmp_path)
    if done.returncode != 0:
        pytest.skip(f"{state} can't generate a workspace: {done.stderr}")
    before_package = (workspace / "workflow").is_dir()
    if not before_package and "kaggle_workflow.tasks" not in (workspace / "tasks.py").read_text():
        pytest.skip(f"{state} is a step between the two layouts, whose workspaces never ran")
    (workspace / "codes/exp002.py").write_text("print('mine')\n")
    (workspace / "README.md").write_bytes(b"Mine,\r\nwith odd line ends")
    (workspace / "deps/image.txt").unlink()
    if before_package:
        (workspace / "local_tasks.py").write_text(LOCAL_TASKS)
        (workspace / "workflow/mine.md").write_text("mine\n")
        project = workspace / "pyproject.toml"
        project.write_text(project.read_text() + "\n# mine\n")
    committed(workspace)
    left_behind = ("workflow/", "shim/", *OWNED_BY_TEMPLATE)
    before = {
        name: content
        for name, content in workspaces.files_of(workspace).items()
        if not name.startswith(left_behind) or name.endswith("mine.md")
    }
    said = update(workspace)
    after = workspaces.files_of(workspace)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == OWNED_BY_TEMPLATE
    assert ("python -m kaggle_workflow check --fix`" in said) == before_package
    if before_package:
        fixed = workspaces.python("-m", "kaggle_workflow", "check", "--fix", "--yes", cwd=workspace)
        assert fixed.returncode == 0, fixed.stdout + fixed.stderr
        changed = workspaces.files_of(workspace)
        made = {
            name for name in changed if not name.startswith("build/") and changed[name] != after.get(name)
        }
        assert made <= {
            "pyproject.toml",
            "tasks.py",
            "deps/image.txt",
        }
        text = changed["pyproject.toml"].decode()
        assert text.endswith("\n# mine\n")
        assert "workflow" not in text
        assert "kaggle_shim" not in text
        assert "my own" in workspaces.invoke(workspace, "mine").stdout
    checked = workspaces.invoke(workspace, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


KILLED = """
import sys
from tests.power import cuts
sys.addaudithook(cuts.Watch(sys.argv.pop(1) + "/", cuts.KILL, int(sys.argv.pop(1))))
from copier._cli import CopierApp
CopierApp.run()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_an_update_that_was_killed_starts_over_with_the_command_that_copier_showed(
    template_here: Path, tmp_path: Path
) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    was = workspaces.files_of(workspace)
    release(template_here, "v1000.1.0")
    for at in (1, 2):
        child = subprocess.run(
            [sys.executable, "-c", KILLED, str(workspace), str(at), "update", "--defaults", str(workspace)],
            # Not in the workspace: copier removes its own temporary folders by relative names.
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(workspaces.ROOT)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert child.returncode == -signal.SIGKILL, child.stderr
        command = re.findall(r"run `(git checkout[^`]+)`", child.stderr)[0]
        subprocess.run(command, shell=True, cwd=workspace, check=True, capture_output=True)  # noqa: S602 - the very command that the message gives
        assert workspaces.files_of(workspace) == was
        assert workspaces.git(workspace, "status", "--porcelain") == ""
    update(workspace)
    assert pin(workspace).endswith(f"@{head(template_here)}")


def test_what_an_update_asks_to_install_is_one_sentence(
    template_here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    # What the tool needs comes from the tests' own environment; the tool itself is installed from the template.
    site = next(environment.rglob("site-packages"))
    (site / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # uv, since pip before 24.1, which venv may bring, reads no git+file address.
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--python", str(python)]
    address = f"kaggle-workflow @ git+file://{template_here}@{head(template_here)}"
    subprocess.run([*install, "--no-build-isolation", address], check=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "KAGGLE_"))}

    def check() -> str:
        line = [str(python), "-m", "invoke", "check"]
        done = subprocess.run(
            line, cwd=workspace, env=clean, capture_output=True, encoding="utf-8", check=True
        )
        return done.stderr

    assert check() == ""
    committed(workspace)
    release(template_here, "v1000.1.0")
    update(workspace)
    new = head(template_here)[:12]
    assert check() == (
        f"warning: requirements.txt pins kaggle-workflow {new}, but {address[-40:][:12]} is installed: "
        "run `pip install -r requirements.txt`, or start commands with `uv run`.\n"
    )
