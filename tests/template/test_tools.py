"""A new workspace works with uv without a step before it, and with plain pip after one."""

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from tests import workspaces


def clean() -> dict[str, str]:
    """The environment of somebody who has no environment active."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("VIRTUAL_ENV", "PYTHONPATH", "UV_PYTHON")
    }


def said(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=clean(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on the path")
def test_uv_run_needs_no_step_before_it_and_makes_the_shim_importable(template: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template, tmp_path / "ws", prefix="rich")
    assert "rehearse" in said("uv", "run", "invoke", "--list", cwd=workspace)
    assert str(workspace / "shim") in said(
        "uv", "run", "python", "-c", "import kaggle_shim; print(kaggle_shim.__file__)", cwd=workspace
    )
    requirements = workspace / "workflow/requirements.txt"
    requirements.write_text(requirements.read_text() + "iniconfig\n")
    said("uv", "run", "python", "-c", "import iniconfig", cwd=workspace)


def test_with_plain_pip_one_step_is_enough(template: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(template, tmp_path / "ws")
    venv.EnvBuilder(with_pip=True).create(tmp_path / "env")
    programs = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    said(
        programs / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "-r",
        "workflow/requirements.txt",
        cwd=workspace,
    )
    assert "rehearse" in said(programs / "invoke", "--list", cwd=workspace)
    assert "no errors" in said(programs / "invoke", "check", cwd=workspace)
