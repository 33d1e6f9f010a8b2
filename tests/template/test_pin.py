"""The one line of requirements.txt: every address that copier takes is one that pip and uv can follow to the same commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import workspaces


@pytest.fixture(scope="module")
def bare(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a bare repository, as a forge has it."""
    folder = tmp_path_factory.mktemp("bare") / "o" / "r.git"
    workspaces.git(template, "clone", "--quiet", "--bare", str(template), str(folder))
    return folder


@pytest.fixture
def forge(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Git, for this test, finds the bare repository at every forge."""
    base = f"file://{bare.parents[1]}/"
    places = [
        "https://github.com/",
        "https://gitlab.com/",
        "ssh://git@host.invalid/",
        "git@host.invalid:",
        "https://host.invalid/",
    ]
    lines = [f'[url "{base}"]', *(f"\tinsteadOf = {place}" for place in places)]
    (tmp_path / "gitconfig").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return bare


def copied(source: str | Path, target: Path) -> Path:
    done = workspaces.copier("copy", "--quiet", "--defaults", source, target, cwd=target.parent)
    assert done.returncode == 0, done.stderr
    return target


def pin(workspace: Path) -> str:
    return (workspace / "requirements.txt").read_text(encoding="utf-8").splitlines()[-1]


ADDRESSES = [
    ("gh:o/r", "git+https://github.com/o/r.git"),
    ("gh:o/r.git", "git+https://github.com/o/r.git"),
    ("gl:o/r", "git+https://gitlab.com/o/r.git"),
    ("https://host.invalid/o/r.git", "git+https://host.invalid/o/r.git"),
    ("git+https://host.invalid/o/r.git", "git+https://host.invalid/o/r.git"),
    ("https://github.com/o/r", "git+https://github.com/o/r"),
    ("git@host.invalid:o/r.git", "git+ssh://git@host.invalid/o/r.git"),
    ("ssh://git@host.invalid/o/r.git", "git+ssh://git@host.invalid/o/r.git"),
]


@pytest.mark.parametrize(("source", "address"), ADDRESSES)
def test_an_address_of_a_forge(forge: Path, tmp_path: Path, source: str, address: str) -> None:
    commit = workspaces.git(forge, "rev-parse", "v1000.0.0").strip()
    workspace = copied(source, tmp_path / "ws")
    assert pin(workspace) == f"kaggle-workflow @ {address}@{commit}"
    # git itself can follow what pip and uv will ask it for.
    asked = address.removeprefix("git+")
    listed = subprocess.run(["git", "ls-remote", asked], capture_output=True, encoding="utf-8", check=True)
    assert commit in listed.stdout


def test_a_bare_repository_by_path_and_by_file_address(bare: Path, tmp_path: Path) -> None:
    commit = workspaces.git(bare, "rev-parse", "v1000.0.0").strip()
    expected = f"kaggle-workflow @ git+file://{bare}@{commit}"
    assert pin(copied(bare, tmp_path / "path")) == expected
    assert pin(copied(f"file://{bare}", tmp_path / "address")) == expected


def test_a_path_with_spaces_is_written_as_an_address(template: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(template, tmp_path / "my template", symlinks=True))
    assert pin(copied(source, tmp_path / "ws")).startswith(
        f"kaggle-workflow @ git+file://{tmp_path}/my%20template@"
    )


def test_a_folder_without_git_is_pinned_by_path(template: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(template, tmp_path / "plain", ignore=shutil.ignore_patterns(".git")))
    done = workspaces.copier("copy", "--defaults", source, tmp_path / "ws", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert pin(tmp_path / "ws") == f"kaggle-workflow @ file://{source}"
    assert "names a folder on this machine" in done.stderr


def test_uncommitted_changes_are_pinned_by_path_and_said(template: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(template, tmp_path / "dirty", symlinks=True))
    (source / "README.md").write_text("changed\n", encoding="utf-8")
    done = workspaces.copier("copy", "--defaults", "--vcs-ref", "HEAD", source, tmp_path / "ws", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert pin(tmp_path / "ws") == f"kaggle-workflow @ file://{source}"
    assert "The template has uncommitted changes" in done.stderr
    installed = tmp_path / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--target",
    ]
    subprocess.run(
        [*command, installed, pin(tmp_path / "ws")],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    assert (installed / "kaggle_workflow" / "tasks.py").is_file()


def test_the_tasks_file_that_check_writes_is_the_templates() -> None:
    ours = (workspaces.ROOT / "workflow" / "kaggle_workflow" / "new-tasks.txt").read_text(encoding="utf-8")
    assert ours == (workspaces.ROOT / "template" / "tasks.py").read_text(encoding="utf-8")


LOCAL = ("check", "history", "report", "new-exp", "--list", "--help")


@pytest.mark.skipif(sys.platform != "linux", reason="a network without a way out needs Linux's namespaces")
def test_without_a_network_every_command_that_needs_no_kaggle_works(template: Path, tmp_path: Path) -> None:
    namespace = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*namespace, "true"], check=False).returncode != 0:
        pytest.skip("this machine gives no network namespace")
    workspace = workspaces.make(template, tmp_path / "ws", competition="titanic")
    for name in LOCAL:
        line = [*namespace, sys.executable, "-m", "invoke", name]
        done = subprocess.run(line, cwd=workspace, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
