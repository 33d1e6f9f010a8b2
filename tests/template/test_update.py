"""`copier update`: every fix of ours arrives, every byte of the user's stays."""

import shutil
from pathlib import Path

import pytest

from tests import workspaces

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
