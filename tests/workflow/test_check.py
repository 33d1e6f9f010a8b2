"""`invoke check`: every fault at once, exit 2 if there is one, warnings apart."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from kaggle_workflow import check, metadata, workspace
from tests import workspaces


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("made") / "ws", competition="titanic")


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def names(root: Path) -> set[str]:
    return {finding.name for finding in check.find_all(workspace.load(root)) if finding.level == "error"}


def warnings(root: Path) -> set[str]:
    return {finding.name for finding in check.find_all(workspace.load(root)) if finding.level == "warning"}


def test_a_new_workspace_has_no_errors(ws: Path) -> None:
    done = workspaces.invoke(ws, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no errors" in done.stdout


def test_check_works_from_a_sub_folder(ws: Path) -> None:
    assert workspaces.invoke(ws, "check", cwd=ws / "codes").returncode == 0


def sub(**changes: object) -> Callable[[Path], None]:
    return lambda root: workspaces.edit_json(root / "sub/kernel-metadata.json", **changes)


def codes(**changes: object) -> Callable[[Path], None]:
    return lambda root: workspaces.edit_json(root / "codes/dataset-metadata.json", **changes)


def write(name: str, text: str) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="")

    return act


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (sub(title="cmi"), "title-length"),
    (sub(title="another title"), "title-slug"),
    (sub(id="no-owner"), "id"),
    (sub(id="you/cmi-sub/3"), "id"),
    (sub(is_private="perhaps"), "metadata-value"),
    (sub(language="r"), "metadata-value"),
    (sub(kernel_type="script"), "metadata-value"),
    (sub(code_file="../sub.ipynb"), "code-file"),
    (sub(code_file="other.ipynb"), "code-file"),
    (sub(code_file="sub.py"), "code-file"),
    (sub(dataset_sources="you/cmi-codes"), "metadata-value"),
    (sub(dataset_sources=["cmi-codes"]), "source-name"),
    (sub(dataset_sources=[]), "codes-not-attached"),
    (sub(model_sources=["me/m/pytorch/v"]), "model-version"),
    (sub(competition_sources=[]), "no-competition"),
    (sub(docker_image_pinning_type="newest"), "metadata-value"),
    (sub(title="cmi\u0007-sub"), "metadata-value"),
    (sub(title="half an emoji \ud83d"), "metadata-file"),
    (codes(title="short"), "title-length"),
    (codes(id="you/x"), "id-length"),
    (codes(licenses=[]), "licence"),
    (codes(licenses=[{"name": "a"}, {"name": "b"}]), "licence"),
    (write("sub/kernel-metadata.json", "{"), "metadata-file"),
    (write("sub/kernel-metadata.json", '{"id": 1, "id": 2}'), "metadata-file"),
    (write("sub/kernel-metadata.json", "[]"), "metadata-file"),
    (write("sub/sub.ipynb", "{}"), "notebook"),
    (write("sub/sub.ipynb", "not json"), "notebook"),
    (
        write("sub/sub.ipynb", json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})),
        "no-call",
    ),
    (write("invoke.yaml", "workspace:\n  entry: exp009.py\n"), "entry-point"),
    (write("invoke.yaml", ""), "entry-point"),
    (
        write("invoke.yaml", "workspace:\n  entry: exp001.py\n  notebooks:\n    sub: {entry: exp009.py}\n"),
        "entry-point",
    ),
    (write(".kaggleignore", "exp*.py\n"), "entry-ignored"),
    (write("deps/requirements.txt", "-e ../mine\n"), "local-requirement"),
    (write("deps/requirements.txt", "-r more.txt\n"), "requirements"),
    (remove("codes/dataset-metadata.json"), "no-codes"),
    (
        lambda root: workspaces.edit_json(root / "deps/kernel-metadata.json", enable_internet=False),
        "deps-offline",
    ),
]


@pytest.mark.parametrize(("fault", "name"), FAULTS)
def test_every_fault_is_an_error_of_its_name(ws: Path, fault: Callable[[Path], None], name: str) -> None:
    fault(ws)
    assert name in names(ws)


WARNINGS: list[tuple[Callable[[Path], None], str]] = [
    (sub(machine_shape="NvidiaTeslaP100"), "machine-shape"),
    (sub(machine_shape="NvidiaTelsaT4"), "machine-shape"),
    (sub(is_private=False), "public"),
    (sub(enable_internet=True), "internet-on"),
    (sub(datset_sources=[]), "metadata-key"),
    (sub(kernel_sources=[]), "nothing"),
    (write("codes/a+b.py", ""), "file-name"),
    (write("codes/modèle.py", ""), "file-name"),
    (write("codes/run.sh", "#!/bin/sh\r\ntrue\r\n"), "crlf"),
    (write("codes/aux.py", ""), "windows-name"),
    (write("invoke.yaml", "workspace:\n  entry: exp001.py\n"), "limit"),
    (
        write("invoke.yaml", "workspace:\n  entry: exp001.py\n  wheels: [somebody/wheels]\n"),
        "wheels-not-attached",
    ),
    (write("deps/wheels/sub/foo-1.0-py3.egg", "x"), "not-a-wheel"),
    (remove("deps/image.txt"), "image-list"),
]


@pytest.mark.parametrize(("oddity", "name"), WARNINGS)
def test_what_may_be_meant_is_a_warning(ws: Path, oddity: Callable[[Path], None], name: str) -> None:
    oddity(ws)
    assert names(ws) == set()
    if name != "nothing":
        assert name in warnings(ws)


def test_an_address_in_the_requirements_is_no_local_path(ws: Path) -> None:
    lines = (
        "--extra-index-url https://example.org/simple",
        "--find-links https://example.org/wheels/",
        "mine @ https://example.org/mine-1-py3-none-any.whl",
        "git+https://example.org/mine.git",
    )
    write("deps/requirements.txt", "\n".join(lines))(ws)
    assert "local-requirement" not in names(ws)


def test_all_faults_are_told_in_one_go_with_their_lines(ws: Path) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", title="cmi")
    workspaces.edit_json(ws / "codes/dataset-metadata.json", licenses=[])
    done = workspaces.invoke(ws, "check", "--json")
    assert done.returncode == 2
    found = {finding["name"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert {"title-length", "licence"} <= set(found)
    assert found["title-length"]["path"] == "sub/kernel-metadata.json"
    assert found["title-length"]["line"] == 3
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_out_of_the_folder_is_an_error_a_link_inside_a_warning(ws: Path) -> None:
    (ws / "codes/inside.py").symlink_to("exp001.py")
    assert "link" in warnings(ws)
    (ws / "codes/outside.py").symlink_to(ws / "tasks.py")
    assert "outside-link" in names(ws)


def test_what_is_ignored_is_not_looked_at(ws: Path) -> None:
    (ws / "codes/a+b.py").touch()
    with (ws / ".kaggleignore").open("a", encoding="utf-8") as file:
        file.write("a+b.py\n")
    assert "file-name" not in warnings(ws)


def test_string_booleans_are_read_as_the_client_reads_them(ws: Path) -> None:
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json", is_private="true", enable_internet="False", enable_gpu="TRUE"
    )
    value, _ = metadata.read_kernel(ws / "sub/kernel-metadata.json", ws)
    assert value is not None
    assert (value.is_private, value.enable_internet, value.enable_gpu) == (True, False, True)


def test_missing_internet_means_true_and_is_said(ws: Path) -> None:
    path = ws / "sub/kernel-metadata.json"
    about = json.loads(path.read_text())
    del about["enable_internet"]
    path.write_text(json.dumps(about))
    assert {"internet-missing", "internet-on"} <= warnings(ws)


def test_the_example_of_the_official_client_is_told_what_to_write(ws: Path) -> None:
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json",
        id="you/INSERT_KERNEL_SLUG_HERE",
        title="INSERT_TITLE_HERE",
        language="Pick one of: {python,r,rmarkdown}",
    )
    assert {"title-slug", "metadata-value"} & names(ws)


def test_a_missing_dependency_is_one_sentence(ws: Path) -> None:
    blocker = ws / "blocked"
    blocker.mkdir()
    (blocker / "pathspec.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pathspec'\", name='pathspec')\n"
    )
    done = workspaces.invoke(ws, "check", env={"PYTHONPATH": str(blocker)})
    assert done.returncode == 2
    assert "pip install -r requirements.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_workspaces_python_passes_the_same_lint(ws: Path, tmp_path: Path) -> None:
    configured = tomllib.loads((workspaces.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ignores = configured["tool"]["ruff"]["lint"]["per-file-ignores"]
    own = {
        pattern.removeprefix("template/"): rules
        for pattern, rules in ignores.items()
        if pattern.startswith("template/")
    }
    lines = [f"{json.dumps(pattern)} = {json.dumps(rules)}" for pattern, rules in own.items()]
    text = (
        f"extend = {json.dumps(str(workspaces.ROOT / 'pyproject.toml'))}\n[lint.per-file-ignores]\n"
        + "\n".join(lines)
    )
    (ws / "ruff.toml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."],
        cwd=ws,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
