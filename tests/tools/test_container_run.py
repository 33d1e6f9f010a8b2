"""`invoke rehearse --image` in a real container engine, with an image made on this machine."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_workflow.rehearsal import image
from tests import workspaces
from tests.tools import container_engines

ENTRY = """
import json, os, socket, sys
from pathlib import Path

import kaggle_shim

folder = kaggle_shim.find()


def refused(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return None


facts = {
    "folder": str(folder),
    "listed": sorted(path.name for path in folder.iterdir()),
    "above": sorted(path.name for path in Path("/kaggle/input").iterdir()),
    "input": refused(lambda: (folder / "new").write_text("x")),
    "between": refused(lambda: Path("/kaggle/input/new").mkdir()),
    "root": refused(lambda: Path("/usr/new").write_text("x")),
    "network": refused(lambda: socket.create_connection(("192.0.2.1", 80), timeout=5)),
    "tmp": refused(lambda: Path("/tmp/new").write_text("x")),
    "home": refused(lambda: Path.home().joinpath("new").write_text("x")),
    "secret": [name for name, value in os.environ.items() if "TOKEN" in name or "PASSWORD" in value],
    "hosts": socket.gethostname(),
    "run_type": os.environ["KAGGLE_KERNEL_RUN_TYPE"],
}
Path("/kaggle/working/facts.json").write_text(json.dumps(facts))
Path("submission.csv").write_text((folder / "sample_submission.csv").read_text())
"""


@pytest.fixture(scope="module")
def archive(image_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    nothing = folder / "image.txt"
    nothing.write_text("# nothing\n", encoding="utf-8")
    python = image.ensure(nothing, python=None, cache=image_cache, on_line=print).python
    return container_engines.pack_root(python, folder / "root.tar")


@pytest.fixture(scope="module", params=["podman", "docker"])
def engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    for variables in container_engines.engine(request.param):
        container_engines.load(request.param, variables, request.getfixturevalue("archive"))
        yield request.param, variables


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace with a competition's data and no wheels."""
    root = workspaces.make(template, tmp_path_factory.mktemp("contained") / "ws", competition="titanic")
    data = root / "data/competitions/titanic"
    data.mkdir(parents=True)
    (data / "sample_submission.csv").write_text("id,target\n1,0\n2,0\n", encoding="utf-8")
    (data / "a, b.txt").write_text("a name with a comma\n", encoding="utf-8")
    (root / "codes/exp001.py").write_text(ENTRY, encoding="utf-8")
    workspaces.edit_json(root / "sub/kernel-metadata.json", kernel_sources=[])
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws, with a comma"))


def containers(engine: tuple[str, dict[str, str]]) -> str:
    name, variables = engine
    return subprocess.run(
        [name, "ps", "--all", "--quiet"],
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout


def rehearse(
    ws: Path, engine: tuple[str, dict[str, str]], *words: str, **env: str
) -> subprocess.CompletedProcess[str]:
    name, variables = engine
    return workspaces.invoke(
        ws, "rehearse", "--image", container_engines.IMAGE, "--engine", name, *words, env={**variables, **env}
    )


def test_a_container_shows_what_is_mounted_and_nothing_can_be_written_or_reached(
    ws: Path, engine: tuple[str, dict[str, str]]
) -> None:
    done = rehearse(
        ws, engine, "--json", KAGGLE_API_TOKEN="hidden", HTTPS_PROXY="http://me:PASSWORD@192.0.2.1:3128"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads((ws / "build/rehearsal/working/facts.json").read_text(encoding="utf-8"))
    assert facts["folder"] == "/kaggle/input/competitions/titanic"
    assert facts["listed"] == ["a, b.txt", "sample_submission.csv"]
    assert facts["above"] == ["competitions", "datasets"]
    assert [facts[name] for name in ("input", "between", "root", "network")] == ["OSError"] * 4
    assert [facts["tmp"], facts["home"], facts["secret"]] == [None, None, []]
    assert facts["run_type"] == "Batch"
    value = json.loads(done.stdout)
    assert value["submission"].endswith("submission.csv")
    assert value["report"]["submission"]["rows"] == 2
    assert containers(engine) == ""


def test_a_limit_ends_the_container_and_leaves_none(ws: Path, engine: tuple[str, dict[str, str]]) -> None:
    (ws / "codes/exp001.py").write_text(
        "import time\nprint('begun', flush=True)\ntime.sleep(600)\n", encoding="utf-8"
    )
    done = rehearse(ws, engine, INVOKE_WORKSPACE_LIMIT="4s")
    assert done.returncode == 4, done.stdout + done.stderr
    assert containers(engine) == ""


@pytest.mark.parametrize("engine", ["docker"], indirect=True, scope="module")
def test_the_wheel_notebook_runs_in_the_container_too(ws: Path, engine: tuple[str, dict[str, str]]) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", kernel_sources=["you/cmi-deps"])
    (ws / "deps/requirements.txt").write_text("iniconfig\n", encoding="utf-8")
    (ws / "codes/exp001.py").write_text(
        "import iniconfig\nopen('submission.csv', 'w').write('id,target\\n1,0\\n2,0\\n')\n", encoding="utf-8"
    )
    done = rehearse(ws, engine, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["wheels"] == "collected"
    assert [name for name, _ in json.loads(done.stdout)["report"]["wheels"]] == ["iniconfig"]


def test_an_image_that_is_not_there_is_not_downloaded(ws: Path, engine: tuple[str, dict[str, str]]) -> None:
    name, variables = engine
    done = workspaces.invoke(
        ws, "rehearse", "--image", "example.invalid/absent", "--engine", name, env=variables
    )
    assert done.returncode == 2
    assert f"run `{name} pull example.invalid/absent` first" in done.stderr
