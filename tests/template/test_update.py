"""`copier update`: every fix of ours arrives, every byte of the user's stays."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import workspaces
from tests.template import history
from kaggle_workflow import workspace as workspace_module
from kaggle_workflow.doctor import template as doctor_template
from kaggle_workflow.doctor.diagnosis import NOTE, OK, WRONG, Line

OWNED_BY_TEMPLATE = ("tasks.py", "workflow/", "shim/")


@pytest.fixture
def small_here(small: Path, tmp_path: Path) -> Path:
    """A small template of this test's own, to be changed."""
    return Path(shutil.copytree(small, tmp_path / "template", symlinks=True))


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


def owned_by_template(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.startswith(OWNED_BY_TEMPLATE)}


def owned_by_user(files: dict[str, bytes]) -> dict[str, bytes]:
    return {
        name: content
        for name, content in files.items()
        if not name.startswith((*OWNED_BY_TEMPLATE, ".copier-answers.yml"))
    }


def update(workspace: Path) -> str:
    done = workspaces.copier("update", "--defaults", cwd=workspace)
    assert done.returncode == 0, done.stderr
    return done.stderr


def template_files(workspace: Path) -> Line:
    """What doctor says of the template's files."""
    told = doctor_template.lines(workspace_module.load(workspace))
    return next(line for line in told if line.topic == "template files")


def make_it_mine(workspace: Path) -> None:
    """What people do in a workspace: files written, changed, renamed and deleted."""
    (workspace / "codes/exp001.py").write_text("print('mine')\n")
    (workspace / "codes/exp002.py").write_text("print('mine too')\n")
    (workspace / "README.md").write_bytes(b"Mine,\r\nwith odd line ends")
    (workspace / "invoke.yaml").write_text("# mine\nworkspace:\n    entry: exp002.py\n")
    (workspace / "local_tasks.py").write_text("# mine\n")
    (workspace / "ledger.jsonl").write_text("{}\n")
    (workspace / "deps/image.txt").unlink()
    (workspace / ".kaggleignore").unlink()
    (workspace / "sub/sub.ipynb").rename(workspace / "sub/renamed.ipynb")
    # Files of one's own among ours, caches of modules that go, and a link.
    (workspace / "workflow/commands/mine.py").write_text("# mine\n")
    (workspace / "workflow/mine.md").write_text("mine\n")
    for cache in ("workflow/__pycache__", "workflow/kaggle/__pycache__"):
        (workspace / cache).mkdir(parents=True)
        (workspace / cache / "names.cpython-311.pyc").write_bytes(b"stale")


def rewrite(source: Path) -> None:
    """Another version of the template, and changes that no version should need."""
    (source / "workflow/check.py").write_text("# rewritten\n")
    (source / "workflow/errors.py").unlink()
    (source / "workflow/names.py").rename(source / "workflow/kaggle_names.py")
    # A file that becomes a folder, a folder that becomes a file, and one that moves.
    (source / "workflow/git").mkdir()
    (source / "workflow/git/__init__.py").write_text("# a package\n")
    shutil.rmtree(source / "workflow/kaggle")
    (source / "workflow/kaggle.py").write_text("# a module\n")
    shutil.move(source / "workflow/commands", source / "workflow/verbs")
    (source / "shim/kaggle_shim/new_module.py").write_text("# new\n")
    (source / "tasks.py").write_text((source / "tasks.py").read_text() + "# new\n")
    (source / "codes/dataset-metadata.json.jinja").write_text('{"changed": true}\n')
    (source / "codes/later.py").write_text("# a user's file that later versions bring\n")
    (source / "deps/image.txt").write_text("changed\n")
    (source / "invoke.yaml.jinja").write_text("changed: true\n")
    (source / "README.md.jinja").write_text("changed\n")
    (source / "pyproject.toml.jinja").write_text("# changed\n")


def test_an_update_replaces_ours_and_keeps_theirs(small_here: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "notes.txt").write_text("mine\n")
    workspace = workspaces.make(small_here, repository / "cmi", example="cmi-sleep")
    make_it_mine(workspace)
    committed(repository)
    before = workspaces.files_of(workspace)
    rewrite(small_here / "template")
    release(small_here, "v1000.1.0")
    # And the template lies elsewhere now.
    moved = small_here.rename(tmp_path / "moved")
    answers = workspace / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(small_here), str(moved)))
    committed(repository)

    said = update(workspace)
    after = workspaces.files_of(workspace)
    fresh = workspaces.files_of(workspaces.make(moved, tmp_path / "fresh", example="cmi-sleep"))
    own = {"workflow/commands/mine.py": b"# mine\n", "workflow/mine.md": b"mine\n"}
    assert owned_by_template(after) == owned_by_template(fresh) | own
    assert owned_by_user(after) == owned_by_user(before)
    assert (repository / "notes.txt").read_text() == "mine\n"
    assert "_commit: v1000.1.0" in answers.read_text()
    assert "Should this be interrupted, start over with\n`git checkout HEAD -- .copier-answers.yml" in said
    assert "Next: `invoke doctor`, then commit." in said
    code = "import kaggle_workflow.kaggle, kaggle_workflow.commands; print(kaggle_workflow.kaggle.__file__, kaggle_workflow.commands.__file__)"
    done = workspaces.python("-c", code, cwd=workspace)
    assert done.stdout.split() == [str(workspace / "workflow/kaggle.py"), "None"], done.stderr
    assert workspaces.python("-c", "import kaggle_workflow.names", cwd=workspace).returncode == 1
    told = template_files(workspace)
    assert told.says.startswith("this version does not bring workflow/commands/mine.py, workflow/mine.md")


def test_a_template_without_tags_is_followed_by_commit_and_nothing_new_changes_nothing(
    small_here: Path, tmp_path: Path
) -> None:
    workspaces.git(small_here, "tag", "--delete", "v1000.0.0")
    workspace = workspaces.make(small_here, tmp_path / "ws")
    committed(workspace)
    before = workspaces.files_of(workspace)
    update(workspace)
    assert workspaces.files_of(workspace) == before
    (small_here / "workflow/kaggle_workflow/errors.py").write_text("# rewritten\n")
    committed(small_here)
    update(workspace)
    assert (workspace / "workflow/errors.py").read_text() == "# rewritten\n"


def test_a_copy_from_a_relative_address_can_be_updated(small_here: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = workspaces.copier("copy", "--quiet", "--defaults", "template", "mine/ws", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    workspace = tmp_path / "mine/ws"
    assert f"_src_path: {small_here}\n" in (workspace / ".copier-answers.yml").read_text()
    committed(workspace)
    (small_here / "workflow/kaggle_workflow/errors.py").write_text("# rewritten\n")
    release(small_here, "v1000.1.0")
    update(workspace)
    assert (workspace / "workflow/errors.py").read_text() == "# rewritten\n"


def test_what_was_edited_in_our_files_is_merged_or_marked_and_never_lost(
    small_here: Path, tmp_path: Path
) -> None:
    workspace = workspaces.make(small_here, tmp_path / "ws")
    ours = small_here / "workflow/kaggle_workflow"
    (workspace / "workflow/errors.py").write_text((ours / "errors.py").read_text() + "MINE = 1\n")
    (workspace / "workflow/check.py").write_text((ours / "check.py").read_text() + "MINE = 1\n")
    (workspace / "workflow/names.py").write_text((ours / "names.py").read_text() + "MINE = 1\n")
    committed(workspace)
    (ours / "errors.py").write_text('"""Of ours."""\n' + (ours / "errors.py").read_text())
    (ours / "check.py").write_text((ours / "check.py").read_text() + "OURS = 2\n")
    (ours / "names.py").unlink()
    release(small_here, "v1000.1.0")
    said = update(workspace)
    merged = (workspace / "workflow/errors.py").read_text()
    assert merged.startswith('"""Of ours."""\n')
    assert merged.endswith("MINE = 1\n")
    marked = (workspace / "workflow/check.py").read_text()
    assert "MINE = 1\n" in marked
    assert "OURS = 2\n" in marked
    told = template_files(workspace)
    assert told.state == WRONG
    assert "workflow/check.py" in told.says
    # What went with a file that is no more stands in the diff that copier's last message points to.
    assert not (workspace / "workflow/names.py").exists()
    assert "-MINE = 1" in workspaces.git(workspace, "diff", "--", "workflow/names.py")
    assert "`git diff`" in said


@pytest.mark.parametrize("fault", ["dirty", "gone", "edited"])
def test_what_copier_wants_first_is_said_and_nothing_changes(
    small_here: Path, tmp_path: Path, fault: str
) -> None:
    workspace = workspaces.make(small_here, tmp_path / "ws")
    answers = workspace / ".copier-answers.yml"
    if fault == "gone":
        answers.unlink()
    if fault == "edited":
        answers.write_text(answers.read_text() + "<<<<<<< mine\n")
    committed(workspace)
    release(small_here, "v1000.1.0")
    if fault == "dirty":
        (workspace / "codes/exp001.py").write_text("# not committed\n")
    before = workspaces.files_of(workspace)
    done = workspaces.copier("update", "--defaults", cwd=workspace)
    assert done.returncode != 0
    assert workspaces.files_of(workspace) == before
    if fault == "dirty":
        assert "dirty" in done.stderr
        return
    told = next(iter(doctor_template.lines(workspace_module.load(workspace))))
    assert (told.state, "can't be updated" in told.says) == (NOTE, True)


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


@pytest.fixture(scope="module")
def fresh(all_states: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of this working tree, with the answers that those of earlier states have."""
    return workspaces.make(all_states, tmp_path_factory.mktemp("fresh") / "ws", example="cmi-sleep")


@pytest.mark.parametrize("state", history.states())
def test_from_every_earlier_state_ours_is_replaced_and_theirs_stays(
    all_states: Path, fresh: Path, tmp_path: Path, state: str
) -> None:
    words = ("copy", "--quiet", "--defaults", "--vcs-ref", state, "-d", "example=cmi-sleep")
    answers = ("-d", "username=you", "-d", "prefix=cmi")
    workspace = tmp_path / "ws"
    done = workspaces.copier(*words, *answers, all_states, workspace, cwd=tmp_path)
    if done.returncode != 0:
        pytest.skip(f"{state} can't generate a workspace: {done.stderr}")
    (workspace / "codes/exp002.py").write_text("print('mine')\n")
    (workspace / "README.md").write_bytes(b"Mine,\r\nwith odd line ends")
    (workspace / "deps/image.txt").unlink()
    committed(workspace)
    before = workspaces.files_of(workspace)
    update(workspace)
    after = workspaces.files_of(workspace)
    assert owned_by_template(after) == owned_by_template(workspaces.files_of(fresh))
    assert owned_by_user(after) == owned_by_user(before)
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
def test_an_update_that_was_killed_is_explained_and_the_command_mends_it(
    small_here: Path, tmp_path: Path
) -> None:
    workspace = workspaces.make(small_here, tmp_path / "ws")
    committed(workspace)
    was = workspaces.files_of(workspace)
    source = small_here / "workflow/kaggle_workflow"
    for path in source.glob("*.py"):
        path.write_text(path.read_text() + "\n# new\n")
    for number in range(5):
        (source / f"later{number}.py").write_text("# new\n")
    (source / "names.py").unlink()
    release(small_here, "v1000.1.0")
    commands = set()
    for at in (3, 8):
        child = subprocess.run(
            [
                sys.executable,
                "-c",
                KILLED,
                str(workspace),
                str(at),
                "update",
                "-q",
                "--defaults",
                str(workspace),
            ],
            # Not in the workspace: copier removes its own temporary folders by relative names.
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(workspaces.ROOT)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert child.returncode == -signal.SIGKILL, child.stderr
        assert workspaces.files_of(workspace) != was
        assert "dirty" in workspaces.copier("update", "--quiet", "--defaults", cwd=workspace).stderr
        told = template_files(workspace)
        assert told.state in (NOTE, WRONG), told
        command = re.findall(r"run `([^`]+)`", told.remedy)[0]
        subprocess.run(command, shell=True, cwd=workspace, check=True, capture_output=True)  # noqa: S602 - the very command that the message gives
        assert workspaces.files_of(workspace) == was
        assert workspaces.git(workspace, "status", "--porcelain") == ""
        commands.add(command)
    assert len(commands) == 1
    update(workspace)
    assert template_files(workspace).state == OK


def test_an_update_that_broke_off_is_one_sentence_for_every_command(template: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template, tmp_path / "ws")
    (workspace / ".copier-answers.yml").rename(workspace / ".copier-answers.kaggle.yml")
    committed(workspace)
    first = {"workflow/command.py": "", "workflow/settings.py": None, "workflow/overview.py": "x = (\n"}
    # The list needs these; the others are needed by the command alone.
    then = {
        "workflow/check.py": "from kaggle_workflow.errors import NEW\n",
        "workflow/findings.py": None,
        "workflow/commands/check.py": "def main(workspace):\n    pass\n",
    }
    for words, faults in ((("--list",), first), (("check",), then)):
        for name, text in faults.items():
            good = (workspace / name).read_text()
            if text is None:
                (workspace / name).unlink()
            else:
                (workspace / name).write_text(text)
            done = workspaces.invoke(workspace, *words)
            (workspace / name).write_text(good)
            assert done.returncode == 2, (name, done.stderr)
            assert "not of one version (" in done.stderr
            assert "`git checkout HEAD -- .copier-answers.kaggle.yml tasks.py" in done.stderr
            assert done.stderr.count("\n") == 1
    assert workspaces.invoke(workspace, "check").returncode == 0


def test_what_an_update_asks_to_install_is_one_sentence(template: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template, tmp_path / "ws")
    assert workspaces.invoke(workspace, "check").stderr == ""
    asked = workspace / "workflow/requirements.txt"
    asked.write_text(
        re.sub(r"(?m)^rich.*$", "rich>=1000", asked.read_text()) + "no-such-package-of-anybody-4711>=2\n"
    )
    done = workspaces.invoke(workspace, "check")
    assert done.stderr.startswith("warning: ")
    assert done.stderr.count("\n") == 1
    assert "rich>=1000" in done.stderr
    assert "no-such-package-of-anybody-4711>=2 (none is installed)" in done.stderr
    assert "pip install -r workflow/requirements.txt" in done.stderr
