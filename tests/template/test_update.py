"""`copier update`: every fix of ours arrives, every byte of the user's stays."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import workspaces
from tests.template import history

OWNED_BY_TEMPLATE = ("tasks.py", "workflow/", "shim/")


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
    done = workspaces.copier("update", "--quiet", "--defaults", cwd=workspace)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_an_update_replaces_ours_and_keeps_theirs(template_here: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws", example="cmi-sleep")
    (workspace / "codes/exp001.py").write_text("print('mine')\n")
    (workspace / "codes/exp002.py").write_text("print('mine too')\n")
    (workspace / "README.md").write_bytes(b"Mine,\r\nwith odd line ends")
    (workspace / "invoke.yaml").write_text("# mine\nworkspace:\n    entry: exp002.py\n")
    (workspace / "local_tasks.py").write_text("# mine\n")
    (workspace / "ledger.jsonl").write_text("{}\n")
    (workspace / "deps/image.txt").unlink()
    (workspace / ".kaggleignore").unlink()
    (workspace / "sub/sub.ipynb").rename(workspace / "sub/renamed.ipynb")
    committed(workspace)
    before = workspaces.files_of(workspace)

    source = template_here / "template"
    (source / "workflow/check.py").write_text("# rewritten\n")
    (source / "workflow/errors.py").unlink()
    (source / "workflow/names.py").rename(source / "workflow/kaggle_names.py")
    (source / "shim/kaggle_shim/new_module.py").write_text("# new\n")
    (source / "tasks.py").write_text((source / "tasks.py").read_text() + "# new\n")
    (source / "codes/dataset-metadata.json.jinja").write_text('{"changed": true}\n')
    (source / "deps/image.txt").write_text("changed\n")
    (source / "invoke.yaml.jinja").write_text("changed: true\n")
    (source / "README.md.jinja").write_text("changed\n")
    (source / "pyproject.toml.jinja").write_text("# changed\n")
    release(template_here, "v1000.1.0")

    update(workspace)
    after = workspaces.files_of(workspace)
    fresh = workspaces.files_of(workspaces.make(template_here, tmp_path / "fresh", example="cmi-sleep"))
    assert owned_by_template(after) == owned_by_template(fresh)
    assert owned_by_user(after) == owned_by_user(before)
    assert "_commit: v1000.1.0" in (workspace / ".copier-answers.yml").read_text()


def test_a_new_user_owned_file_of_a_later_version_is_not_forced_on_anybody(
    template_here: Path, tmp_path: Path
) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    before = workspaces.files_of(workspace)
    (template_here / "template/codes/later.py").write_text("# later\n")
    release(template_here, "v1000.1.0")
    update(workspace)
    assert owned_by_user(workspaces.files_of(workspace)) == owned_by_user(before)


def test_an_update_without_anything_new_changes_nothing(template_here: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    before = workspaces.files_of(workspace)
    update(workspace)
    assert workspaces.files_of(workspace) == before


def test_a_workspace_in_a_larger_repository_is_updated_too(template_here: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "notes.txt").write_text("mine\n")
    workspace = workspaces.make(template_here, repository / "cmi")
    committed(repository)
    (template_here / "template/workflow/errors.py").write_text("# rewritten\n")
    release(template_here, "v1000.1.0")
    update(workspace)
    assert (workspace / "workflow/errors.py").read_text() == "# rewritten\n"
    assert (repository / "notes.txt").read_text() == "mine\n"


def test_a_template_without_tags_is_followed_by_commit(template_here: Path, tmp_path: Path) -> None:
    workspaces.git(template_here, "tag", "--delete", "v1000.0.0")
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    (template_here / "template/workflow/errors.py").write_text("# rewritten\n")
    committed(template_here)
    update(workspace)
    assert (workspace / "workflow/errors.py").read_text() == "# rewritten\n"


@pytest.fixture(scope="module")
def fresh(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of this working tree, with the answers of `old`."""
    return workspaces.make(template, tmp_path_factory.mktemp("fresh") / "ws", example="cmi-sleep")


@pytest.mark.parametrize("state", history.states())
def test_from_every_earlier_state_ours_is_replaced_and_theirs_stays(
    template: Path, fresh: Path, tmp_path: Path, state: str
) -> None:
    source = tmp_path / "template"
    workspaces.git(tmp_path, "clone", "--quiet", "--no-local", str(workspaces.ROOT), str(source))
    for tag in workspaces.git(source, "tag").split():
        workspaces.git(source, "tag", "--delete", tag)
    workspaces.git(source, "checkout", "--quiet", "--detach", state)
    workspaces.git(source, "tag", "v1000.0.0")
    try:
        workspace = workspaces.make(source, tmp_path / "ws", example="cmi-sleep")
    except AssertionError as error:
        pytest.skip(f"{state} can't generate a workspace: {error}")
    (workspace / "codes/exp002.py").write_text("print('mine')\n")
    (workspace / "README.md").write_bytes(b"Mine,\r\nwith odd line ends")
    (workspace / "deps/image.txt").unlink()
    committed(workspace)
    before = workspaces.files_of(workspace)
    workspaces.git(source, "rm", "-r", "--quiet", ".")
    for name, content in workspaces.files_of(template).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    release(source, "v1000.1.0")

    update(workspace)
    after = workspaces.files_of(workspace)
    assert owned_by_template(after) == owned_by_template(workspaces.files_of(fresh))
    assert owned_by_user(after) == owned_by_user(before)
    checked = workspaces.invoke(workspace, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_files_of_ones_own_among_ours_stay_when_ours_go(template_here: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    (workspace / "workflow/commands/mine.py").write_text("# mine\n")
    (workspace / "workflow/mine.md").write_text("mine\n")
    committed(workspace)
    shutil.move(template_here / "template/workflow/commands", template_here / "template/workflow/verbs")
    release(template_here, "v1000.1.0")
    update(workspace)
    assert (workspace / "workflow/commands/mine.py").read_text() == "# mine\n"
    assert (workspace / "workflow/mine.md").read_text() == "mine\n"
    assert not (workspace / "workflow/commands/check.py").exists()
    assert (workspace / "workflow/verbs/check.py").is_file()


def test_an_interrupted_update_is_explained_and_the_command_mends_it(
    template_here: Path, tmp_path: Path
) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    source = template_here / "template/workflow"
    (source / "errors.py").write_text((source / "errors.py").read_text() + "\n\nNEW = 1\n")
    (source / "check.py").write_text(
        (source / "check.py").read_text() + "\n\nfrom workflow.errors import NEW\n"
    )
    (source / "later.py").write_text("# new\n")
    release(template_here, "v1000.1.0")
    # What a kill leaves: some of the new files are written, among them copier's answers.
    for name in ("check.py", "later.py"):
        shutil.copyfile(source / name, workspace / "workflow" / name)
    answers = workspace / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("v1000.0.0", "v1000.1.0"))
    refused = workspaces.copier("update", "--quiet", "--defaults", cwd=workspace)
    assert refused.returncode != 0

    done = workspaces.invoke(workspace, "check")
    assert done.returncode == 2
    assert "not of one version (cannot import name 'NEW' from 'workflow.errors')" in done.stderr
    assert "Traceback" not in done.stderr
    command = re.search(r"run `(?P<command>[^`]+)`, then copier update", done.stderr)
    assert command is not None
    subprocess.run(command["command"], shell=True, cwd=workspace, check=True, capture_output=True)  # noqa: S602 - the very command that the message gives
    assert workspaces.git(workspace, "status", "--porcelain") == ""
    update(workspace)
    assert (workspace / "workflow/later.py").is_file()
    assert workspaces.invoke(workspace, "check").returncode == 0


@pytest.mark.parametrize("broken", ["workflow/command.py", "workflow/settings.py"])
def test_a_file_of_ours_that_is_missing_is_one_sentence_even_for_the_list(
    template: Path, tmp_path: Path, broken: str
) -> None:
    workspace = workspaces.make(template, tmp_path / "ws")
    (workspace / broken).unlink()
    done = workspaces.invoke(workspace, "--list")
    assert done.returncode == 2
    assert "not of one version" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_template_that_moved_is_followed_by_its_new_address(template_here: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    (template_here / "template/workflow/errors.py").write_text("# rewritten\n")
    release(template_here, "v1000.1.0")
    moved = template_here.rename(tmp_path / "moved")
    answers = workspace / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace(str(template_here), str(moved)))
    committed(workspace)
    update(workspace)
    assert (workspace / "workflow/errors.py").read_text() == "# rewritten\n"


def test_what_an_update_asks_to_install_is_one_sentence(template_here: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template_here, tmp_path / "ws")
    committed(workspace)
    assert workspaces.invoke(workspace, "check").stderr == ""
    source = template_here / "template/workflow/requirements.txt"
    source.write_text(
        re.sub(r"(?m)^rich.*$", "rich>=1000", source.read_text()) + "no-such-package-of-anybody-4711>=2\n"
    )
    release(template_here, "v1000.1.0")
    update(workspace)
    done = workspaces.invoke(workspace, "check")
    assert done.stderr.splitlines() == [
        line for line in done.stderr.splitlines() if line.startswith("warning: ")
    ]
    assert len(done.stderr.splitlines()) == 1
    assert "rich>=1000" in done.stderr
    assert "no-such-package-of-anybody-4711>=2 (none is installed)" in done.stderr
    assert "pip install -r workflow/requirements.txt" in done.stderr
    assert "Traceback" not in done.stderr
