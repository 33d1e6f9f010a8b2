"""The exact command line of a rehearsal in a container, and what is said where none can be had."""

import csv
import os
import stat
from pathlib import Path, PurePosixPath

import pytest

from kaggle_workflow import platforms
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import container, engines
from kaggle_workflow.rehearsal.engines import Container, Engine
from kaggle_workflow.rehearsal.index_settings import IndexSettings
from kaggle_workflow.rehearsal.inputs import Mount, Shown, lay_out
from tests import workspaces

PROGRAM = ["/usr/bin/python3", "-I", "/run/rehearsal/tools/run_notebook.py"]


def shown(tmp_path: Path, *mounts: Mount) -> Shown:
    for name in ("tools", "result", "working", "kaggle-tmp", "home"):
        (tmp_path / name).mkdir()
    return Shown(lay_out(mounts), tmp_path, tmp_path / "working")


def chosen(kind: str = "docker", gpu: tuple[str, ...] = (), user: str | None = None) -> Container:
    return Container(
        Engine(Path("/usr/bin") / kind, kind, rootless=False), "kaggle", "sha256:1", gpu, user, ""
    )


def start(settings: IndexSettings | None = None, *hosts: str) -> container.Start:
    return container.Start("kaggle-rehearsal-1", {"KAGGLE_KERNEL_RUN_TYPE": "Batch"}, settings, hosts)


def test_the_whole_line_of_an_offline_run(tmp_path: Path) -> None:
    data = tmp_path / "titanic"
    data.mkdir()
    folders = shown(tmp_path, Mount(data, "competitions/titanic"))
    assert container.command(chosen("podman"), start(), folders, PROGRAM) == [
        "/usr/bin/podman", "run", "--rm", "--name", "kaggle-rehearsal-1", "--pull", "never",
        "--network", "none",
        "--read-only", "--security-opt", "no-new-privileges", "--security-opt", "label=disable",
        "--shm-size", "8g",
        "--hostname", "kaggle",
        "--http-proxy=false",
        "--tmpfs", "/tmp:rw,exec,mode=1777", "--tmpfs", "/var/tmp:rw,exec,mode=1777", "--tmpfs", "/root:rw,exec,mode=1777",  # noqa: S108 - paths in the container
        "--mount", f"type=bind,source={tmp_path}/kaggle-tmp,target=/kaggle/tmp",
        "--mount", f"type=bind,source={tmp_path}/working,target=/kaggle/working",
        "--mount", f"type=bind,source={tmp_path}/tools,target=/run/rehearsal/tools,readonly",
        "--mount", f"type=bind,source={tmp_path}/result,target=/run/rehearsal/result",
        "--mount", f"type=bind,source={data},target=/kaggle/input/competitions/titanic,readonly",
        "--workdir", "/kaggle/working",
        "--env", "KAGGLE_KERNEL_RUN_TYPE=Batch",
        "--entrypoint", "/usr/bin/python3", "kaggle", "-I", "/run/rehearsal/tools/run_notebook.py",
    ]  # fmt: skip


def test_docker_runs_as_the_user_with_the_gpu_and_without_the_proxies(tmp_path: Path) -> None:
    line = container.command(
        chosen("docker", ("--gpus", "all"), "1000:1000"), start(None, "gateway"), shown(tmp_path), PROGRAM
    )
    joined = " ".join(line)
    assert "--gpus all" in joined
    assert "--user 1000:1000 --env USER=kaggle" in joined
    assert "--add-host gateway:127.0.0.1" in joined
    # A name without a value that the engine's process does not have removes what the engine's own settings would add.
    for name in container.PROXIES:
        assert f"--env {name} " in joined
    assert container.own_environment({"https_proxy": "x", "PATH": "y"}, internet=False) == {"PATH": "y"}
    assert "--http-proxy=false" not in joined


def test_a_run_with_internet_has_the_package_index_and_no_password_on_its_command_line(
    tmp_path: Path,
) -> None:
    secret = "https://me:secret@index.invalid/simple"
    config = tmp_path / "pip.ini"
    config.write_text("[global]\n", encoding="utf-8")
    settings = IndexSettings({"PIP_INDEX_URL": secret}, ((config, Path("/root/pip/pip.ini")),))
    line = container.command(chosen(), start(settings, "gateway"), shown(tmp_path), PROGRAM)
    assert line[line.index("--network") + 1] == "host"
    assert "PIP_INDEX_URL" in line
    assert "secret" not in " ".join(line)
    # Windows keeps it as pip.ini, Linux reads pip.conf.
    assert f"type=bind,source={config},target=/root/.config/pip/pip.conf,readonly" in line
    assert container.own_environment({"PIP_INDEX_URL": secret}, internet=True)["PIP_INDEX_URL"] == secret


def test_a_path_with_a_comma_is_one_field(tmp_path: Path) -> None:
    odd = tmp_path / 'a, "b"'
    odd.mkdir()
    line = container.command(chosen(), start(), shown(tmp_path, Mount(odd, "datasets/me/x")), PROGRAM)
    (value,) = [word for word in line if "datasets/me/x" in word]
    assert next(csv.reader([value])) == [
        "type=bind",
        f"source={odd}",
        "target=/kaggle/input/datasets/me/x",
        "readonly",
    ]


def test_files_laid_over_a_folder_are_mounted_one_by_one(tmp_path: Path) -> None:
    data, over = tmp_path / "data", tmp_path / "over.csv"
    data.mkdir()
    for path in (data / "test.csv", data / "train.csv", over):
        path.write_text("x\n", encoding="utf-8")
    places = shown(tmp_path, Mount(data, "competitions/t"), Mount(over, "competitions/t/test.csv"))
    line = container.command(chosen(), start(), places, PROGRAM)
    mounted = {
        fields[2].removeprefix("target="): fields[1].removeprefix("source=")
        for fields in (word.split(",") for word in line)
        if len(fields) > 3 and "kaggle/input" in fields[2]
    }
    assert mounted == {
        "/kaggle/input/competitions/t/test.csv": str(over),
        "/kaggle/input/competitions/t/train.csv": str(data / "train.csv"),
    }


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


DOCKER = 'case "$1" in --version) echo "Docker version 28";; info) echo \'["name=seccomp"]\';; image) echo sha256:abc;; esac'
PODMAN = 'case "$1" in --version) echo "podman version 4.3.1";; info) echo true;; image) echo abc;; esac'
SILENT = 'case "$1" in --version) echo "Docker version 28";; *) echo "Cannot connect to the Docker daemon" >&2; exit 1;; esac'

posix = pytest.mark.skipif(os.name == "nt", reason="stands a shell script in for the engine's command")


@posix
def test_the_first_engine_that_answers_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    program(tmp_path, "docker", SILENT)
    program(tmp_path, "podman", PODMAN)
    assert (engines.find("").kind, engines.find("").rootless) == ("podman", True)
    program(tmp_path, "docker", DOCKER)
    assert (engines.find("").kind, engines.find("").rootless) == ("docker", False)
    # Fedora calls its podman docker.
    program(tmp_path, "docker", PODMAN)
    assert engines.find("docker").kind == "podman"


@posix
def test_an_engine_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "docker", SILENT)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        WorkflowError, match=r"docker doesn't answer \(Cannot connect to the Docker daemon\): start it"
    ):
        engines.find("")
    with pytest.raises(WorkflowError, match="podman is not on the path: install"):
        engines.find("podman")
    (tmp_path / "docker").unlink()
    with pytest.raises(WorkflowError, match="Neither docker nor podman is on the path"):
        engines.find("")


@posix
@pytest.mark.parametrize(("uid", "user"), [(1000, "1000:1000"), (0, None)])
def test_what_docker_leaves_belongs_to_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, user: str | None
) -> None:
    program(tmp_path, "docker", DOCKER)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("kaggle_workflow.platforms.user_and_group", lambda: (uid, uid))
    found = engines.container(Engine(tmp_path / "docker", "docker", rootless=False), "kaggle")
    assert (found.id, found.user) == ("sha256:abc", user)
    assert engines.container(Engine(tmp_path / "docker", "docker", rootless=True), "kaggle").user is None


@posix
def test_a_gpu_is_passed_in_or_its_absence_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "any", PODMAN)
    monkeypatch.setattr(platforms, "gpu_devices", lambda: (Path("/dev/nvidia0"),))
    docker = engines.container(Engine(tmp_path / "any", "docker", rootless=False), "kaggle")
    assert docker.gpu == ("--gpus", "all")
    podman = Engine(tmp_path / "any", "podman", rootless=True)
    monkeypatch.setattr(engines, "_CDI", (tmp_path / "nvidia.yaml",))
    assert "nvidia-ctk cdi generate" in engines.container(podman, "kaggle").note
    (tmp_path / "nvidia.yaml").touch()
    assert engines.container(podman, "kaggle").gpu == ("--device", "nvidia.com/gpu=all")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--engine", "docker"], "use both, or neither"),
        (["--image", "x", "--python", "y"], "--image and --python exclude each other"),
        (["--image", "x", "--without-isolation"], "--image and --without-isolation exclude each other"),
        (["--image", "x", "--engine", "nowhere"], "nowhere is not on the path"),
    ],
)
def test_options_that_contradict_each_other_are_refused(made: Path, words: list[str], sentence: str) -> None:
    done = workspaces.invoke(made, "rehearse", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("options") / "ws", competition="titanic")


def test_targets_are_posix_paths_on_every_machine() -> None:
    assert {type(one) for one in (container.HOME, container.WORKING, container.INPUT, container.TOOLS)} == {
        PurePosixPath
    }
