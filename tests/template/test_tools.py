"""A new workspace works with uv without a step before it, with plain pip after one, and without a network after that."""

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from tests import programs, workspaces


def clean(**more: str) -> dict[str, str]:
    """The environment of somebody who has no environment active."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "UV_PYTHON")
    return {**{name: value for name, value in os.environ.items() if name not in hidden}, **more}


def said(*words: str | Path, cwd: Path, **more: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=clean(**more),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path) -> str:
    if not (folder / ".git").is_dir():
        workspaces.git(folder, "init", "--quiet")
    workspaces.git(folder, "add", "--all")
    workspaces.git(folder, "commit", "--quiet", "--allow-empty", "-m", "state")
    return workspaces.git(folder, "rev-parse", "HEAD").strip()


@pytest.mark.skipif(programs.working("uv") is None, reason="no uv works here")
def test_with_uv_no_step_comes_before_and_an_update_is_followed(template: Path, tmp_path: Path) -> None:
    bare = tmp_path / "template.git"
    workspaces.git(tmp_path, "clone", "--quiet", "--bare", str(template), str(bare))
    source = tmp_path / "source"
    workspaces.git(tmp_path, "clone", "--quiet", str(bare), str(source))
    workspace = tmp_path / "my competition"
    answers = ("-d", "prefix=rich", "-d", "username=you")
    done = workspaces.copier(
        "copy", "--quiet", "--defaults", *answers, f"file://{bare}", workspace, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "rehearse" in said("uv", "run", "invoke", "--list", cwd=workspace)
    where = "import kaggle_shim, kaggle_workflow.versions; print(kaggle_shim.__file__, kaggle_workflow.versions.commit())"
    first, made_from = said("uv", "run", "python", "-c", where, cwd=workspace).rsplit(" ", 1)
    assert "site-packages" in first
    commit(workspace)
    new = commit(source)
    workspaces.git(source, "push", "--quiet", "origin", "main")
    workspaces.git(bare, "tag", "v1000.1.0", "main")
    assert made_from.strip() != new
    updated = workspaces.copier("update", "--quiet", "--defaults", cwd=workspace)
    assert updated.returncode == 0, updated.stderr
    assert said("uv", "run", "python", "-c", where, cwd=workspace).rsplit(" ", 1)[1].strip() == new
    # The user's own code finds data from any folder.
    find = "import kaggle_shim; print(kaggle_shim.find('you/rich-codes'))"
    (workspace / "codes/find.py").write_text(find + "\n", encoding="utf-8")
    python = workspace / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    assert said(python, "-c", find, cwd=tmp_path).strip() == str(workspace / "codes")
    assert said(python, workspace / "codes/find.py", cwd=tmp_path).strip() == str(workspace / "codes")


def test_with_pip_one_step_is_enough_and_a_stored_tool_needs_neither_template_nor_index(
    template: Path, tmp_path: Path
) -> None:
    there = Path(shutil.copytree(template, tmp_path / "template", symlinks=True))
    workspace = workspaces.make(there, tmp_path / "ws")
    venv.EnvBuilder(with_pip=True).create(tmp_path / "env")
    installed = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    pip = (installed / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # As the message after the copy says: pip before 24.1 does not read git+file addresses.
    said(*pip, "--upgrade", "pip", cwd=workspace)
    said(*pip, "-r", "requirements.txt", cwd=workspace)
    assert "rehearse" in said(installed / "invoke", "--list", cwd=workspace)
    assert "no errors" in said(installed / "invoke", "check", cwd=workspace)
    said(installed / "invoke", "vendor", cwd=workspace)
    shutil.rmtree(there)
    venv.EnvBuilder(with_pip=True).create(tmp_path / "later")
    later = tmp_path / "later" / installed.name
    line = (later / "python", "-m", "pip", "install", "--quiet", "--no-index", "--find-links", "vendor")
    said(*line, "-r", "requirements.txt", cwd=workspace, PIP_CONFIG_FILE=os.devnull)
    assert "no errors" in said(later / "invoke", "check", cwd=workspace)
    if programs.working("uv"):
        empty = str(tmp_path / "cache")
        assert "no errors" in said(
            "uv", "run", "--offline", "invoke", "check", cwd=workspace, UV_CACHE_DIR=empty
        )
