"""The local image of a named Kaggle image: what it holds, on which Python, and what becomes of versions that can't be had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kaggle_workflow import workspace
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.images import from_kaggle, resolving
from kaggle_workflow.rehearsal import executing, image, image_list, pythons, sandbox, used
from tests import workspaces

HERE = ".".join(map(str, sys.version_info[:2]))
MISSING = "No solution found when resolving dependencies\n  cause: Because there is no version of {0} and you require {0}\n"
CONFLICT = "No solution found\n  cause: Because pandas==2.3.3 depends on numpy>=1.26.0 and numpy==1.20, we can conclude that pandas==2.3.3 cannot be used.\n"
CUDA = (
    "No solution found\n  cause: Because torch==2.10.0 depends on nvidia-nccl-cu12{sys_platform == 'linux'}==2.27.5 and "
    "nvidia-nccl-cu12{sys_platform == 'linux'}==2.30.4, we can conclude that torch==2.10.0 cannot be used.\n"
)
UNBUILT = "error: Failed to build `{}`\n  cause: The build backend returned an error\n"
OFFLINE = "error: Failed to fetch: `https://…`\n  cause: error sending request for url\n"


@dataclass
class Installer:
    """Plays the installer: notes what it is asked for, and fails as told."""

    cache: Path
    answers: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)

    def __call__(self, file: Path, **options: object) -> image.Image:
        overrides, base = options["overrides"], options["base"]
        assert isinstance(overrides, Path)
        assert isinstance(base, pythons.Interpreter)
        pins = (file.parent / "constraints.txt").read_text(encoding="utf-8").split()
        held = overrides.read_text(encoding="utf-8").split()
        lines = file.read_text(encoding="utf-8").splitlines()[1:]
        self.asked.append(f"{' '.join(lines)} | {' '.join(pins)} | {' '.join(held)}")
        self.bases.append(base.minor)
        if self.answers:
            raise image.NotInstalledError("it can't be installed", self.answers.pop(0))
        folder = self.cache / "py-made"
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "bin/python").touch()
        packages = dict(pin.split("==") for pin in (*pins, *held))
        value = {"python": str(folder / "bin/python"), "version": base.version, "packages": packages}
        (folder / "complete.json").write_text(json.dumps(value), encoding="utf-8")
        made = image.cached(folder)
        assert made is not None
        return made


@dataclass
class Scene:
    """A workspace whose last run on Kaggle found an image, and what a rehearsal of it makes."""

    root: Path
    cache: Path
    said: list[str] = field(default_factory=list)

    def code(self, text: str) -> None:
        (self.root / "codes/exp001.py").write_text(text, encoding="utf-8")

    def kaggle_has(self, python: str = f"{HERE}.99", **versions: str) -> None:
        ws = workspace.load(self.root)
        listed = {name.replace("_", "-"): number for name, number in versions.items()}
        name = ws.notebook("sub").metadata.id.name
        seen = from_kaggle.Seen.of({"python": python, "versions": listed}, name, 1)
        assert seen is not None
        from_kaggle.keep(ws, seen)

    def let_a_week_pass(self) -> None:
        record = next(self.cache.glob("set-*.json"))
        value = json.loads(record.read_text(encoding="utf-8"))
        record.write_text(json.dumps({**value, "time": time.time() - 8 * 86400}), encoding="utf-8")

    def used(self) -> frozenset[str]:
        ws = workspace.load(self.root)
        notebook = ws.notebook("sub")
        return used.packages(ws, notebook, ("exp001.py",), from_kaggle.image_of(ws, "sub"), self.said.append)

    def ensure(self) -> image_list.Made:
        ws = workspace.load(self.root)
        return image_list.ensure(
            ws,
            ws.notebook("sub"),
            ("exp001.py",),
            python=None,
            cache=self.cache,
            on_line=self.said.append,
        )


@pytest.fixture
def scene(template: Path, tmp_path: Path) -> Scene:
    return Scene(workspaces.make(template, tmp_path / "ws", competition="tiny"), tmp_path / "cache")


@pytest.fixture
def installer(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Installer:
    played = Installer(scene.cache)
    monkeypatch.setattr(image, "ensure", played)
    return played


def test_exact_versions_are_asked_for_and_another_build_of_one_is_named(
    scene: Scene, installer: Installer
) -> None:
    scene.kaggle_has(numpy="2.0.2", torch="2.10.0+cu128")
    scene.code("import torch\n")
    said = "Other builds of the same versions: torch 2.10.0 for 2.10.0+cu128."
    assert scene.ensure().notes == (said,)
    assert installer.asked == ["numpy torch | numpy==2.0.2 torch==2.10.0 | "]


def test_what_no_installer_reads_is_not_asked_for(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(**{"six": "1.17", "odd": "built-here", "bare": "", "~umpy": "1.0"})
    scene.code("import six, odd\n")
    scene.ensure()
    assert installer.asked == ["odd six | six==1.17 | "]


def test_a_version_that_is_not_to_be_had_is_let_go_alone_and_the_outcome_is_remembered(
    scene: Scene, installer: Installer
) -> None:
    scene.kaggle_has(numpy="2.0.2", six="0.0.99")
    scene.code("import numpy, six\n")
    installer.answers = [MISSING.format("six==0.0.99")]
    scene.ensure()
    assert installer.asked == [
        "numpy six | numpy==2.0.2 six==0.0.99 | ",
        "numpy six | numpy==2.0.2 | ",
    ]
    assert "six 0.0.99 can't be installed here; trying another version." in scene.said
    scene.ensure()
    assert len(installer.asked) == 2


def test_a_set_that_differs_is_tried_again_after_a_week(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(six="0.0.99")
    scene.code("import six\n")
    installer.answers = [MISSING.format("six==0.0.99")]
    scene.ensure()
    scene.let_a_week_pass()
    scene.ensure()
    assert installer.asked[-1] == "six | six==0.0.99 | "


def test_without_a_network_the_image_that_is_there_serves_on(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(six="0.0.99")
    scene.code("import six\n")
    installer.answers = [MISSING.format("six==0.0.99")]
    first = scene.ensure()
    scene.let_a_week_pass()
    installer.answers = [OFFLINE]
    assert scene.ensure() == first
    assert "The package index can't be reached; using the local image as it is." in scene.said


def test_a_change_in_an_included_file_makes_another_image(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(six="1.17")
    scene.code("import six\n")
    included = scene.root / "deps" / "more.txt"
    listed = scene.root / "deps" / "image.txt"
    listed.write_text(f"{listed.read_text(encoding='utf-8')}-r more.txt\n", encoding="utf-8")
    for text in ("tqdm\n", "tqdm\n# a comment\n", "rich\n"):
        included.write_text(text, encoding="utf-8")
        scene.ensure()
    assert len(installer.asked) == 2


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("--requirement more.txt", "-r {}/more.txt"),
        ("--constraint=more.txt", "-c {}/more.txt"),
        ("--find-links wheels", "-f {}/wheels"),
        ("-e ./mine", "-e {}/mine"),
        ("./wheels/mine-1.0-py3-none-any.whl", "{}/wheels/mine-1.0-py3-none-any.whl"),
        ("wheels/a.whl ; python_version>'3'", "{}/wheels/a.whl ; python_version>'3'"),
        ("/srv/a.whl", "/srv/a.whl"),
        ("--find-links https://example.org/x", "--find-links https://example.org/x"),
        ("-e git+https://example.org/x", "-e git+https://example.org/x"),
        ("https://example.org/a.whl", "https://example.org/a.whl"),
        ("tqdm>=4 ; python_version>'3'", "tqdm>=4 ; python_version>'3'"),
        ("a @ https://example.org/a.whl", "a @ https://example.org/a.whl"),
        ("--pre", "--pre"),
    ],
)
def test_paths_in_the_list_are_those_beside_it(
    scene: Scene, installer: Installer, line: str, asked: str
) -> None:
    scene.kaggle_has(six="1.17")
    scene.code("import six\n")
    deps = scene.root / "deps"
    (deps / "more.txt").touch()
    with (deps / "image.txt").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    scene.ensure()
    assert installer.asked[0].partition(" | ")[0] == f"six {asked.format(deps.resolve().as_posix())}"


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ("", "If cupy-cuda12x is a package that Kaggle's image lacks"),
        ("Gpu", "Kaggle's image has cupy-cuda12x"),
    ],
)
def test_the_advice_about_an_import_follows_the_notebooks_accelerator(
    scene: Scene, shape: str, advice: str
) -> None:
    workspaces.edit_json(scene.root / "sub" / "kernel-metadata.json", enable_gpu=bool(shape))
    lines = ["ModuleNotFoundError: No module named 'cupy'"]
    result = sandbox.RunResult(1, seconds=1.0, timed_out=False, executed=Path())
    assert advice in executing.reason_of(workspace.load(scene.root).notebook("sub"), lines, result)


def test_names_with_dots_are_compared_with_the_image() -> None:
    done = subprocess.run([sys.executable, "-c", image.DESCRIBE], capture_output=True, check=True)
    assert "ruamel-yaml" in json.loads(done.stdout)["packages"]


def test_the_imports_of_a_cell_with_a_command_in_a_block_are_found(scene: Scene) -> None:
    scene.kaggle_has(six="1.17")
    scene.code("")
    path = scene.root / "sub" / "sub.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][1]["source"] = "import six\nif six:\n    !ls\n"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert "six" in scene.used()


def test_versions_of_the_image_that_contradict_each_other_are_kept(
    scene: Scene, installer: Installer
) -> None:
    scene.kaggle_has(numpy="1.20", pandas="2.3.3", pyarrow="18")
    scene.code("import pandas\n")
    installer.answers = [CONFLICT]
    scene.ensure()
    assert installer.asked[-1] == "pandas pyarrow | numpy==1.20 pandas==2.3.3 pyarrow==18 | numpy==1.20"


def test_the_libraries_of_another_cuda_build_follow_that_build(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(torch="2.10.0", nvidia_nccl_cu12="2.30.4")
    scene.code("import torch\n")
    installer.answers = [CUDA]
    scene.ensure()
    assert installer.asked[-1] == "torch | torch==2.10.0 | "


def test_what_can_not_be_built_here_is_left_out_and_named(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(pycuda="2026.1", six="1.17")
    scene.code("import pycuda, six\n")
    installer.answers = [UNBUILT.format("pycuda==2026.1")]
    made = scene.ensure()
    assert installer.asked[-1] == "six | pycuda==2026.1 six==1.17 | "
    assert "In image seen-in-version-1 cpu, but can't be installed here: pycuda." in made.notes


def test_without_a_network_nothing_is_let_go(scene: Scene, installer: Installer) -> None:
    scene.kaggle_has(six="1.17")
    scene.code("import six\n")
    installer.answers = [OFFLINE]
    with pytest.raises(WorkflowError, match="can't be installed"):
        scene.ensure()
    assert not list(scene.cache.glob("set-*"))


def test_an_import_that_goes_keeps_the_image_and_one_that_comes_extends_it(
    scene: Scene, installer: Installer
) -> None:
    scene.kaggle_has(numpy="2.0.2", six="1.17", tqdm="4.67")
    scene.code("import numpy, six\n")
    first = scene.ensure()
    scene.code("import six\n")
    assert scene.ensure() == first
    assert len(installer.asked) == 1


def test_kaggles_python_is_taken_where_the_machine_has_it_or_uv_brings_it(
    scene: Scene, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = pythons.Interpreter(Path("/opt/python3.99"), "3.99.1", "/opt")
    monkeypatch.setattr(pythons, "find", {"3.99": other}.get)
    scene.kaggle_has("3.99.7", six="1.17")
    scene.code("import six\n")
    made = scene.ensure()
    assert (installer.bases, made.kaggle_python, made.notes) == (["3.99"], "3.99.7", ())


def test_another_python_than_kaggles_is_said(
    scene: Scene, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pythons, "find", lambda _: None)
    monkeypatch.setattr(pythons, "download", lambda *_: None)
    scene.kaggle_has("3.99.7", six="1.17")
    scene.code("import six\n")
    version = pythons.own().version
    assert (
        f"This rehearsal runs on Python {version}; image seen-in-version-1 cpu has Python 3.99.7."
        in scene.ensure().notes
    )
    assert installer.bases == [HERE]


def test_a_python_that_is_installed_later_is_taken(
    scene: Scene, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pythons, "find", lambda _: None)
    monkeypatch.setattr(pythons, "download", lambda *_: None)
    scene.kaggle_has("3.99.7", six="1.17")
    scene.code("import six\n")
    scene.ensure()
    scene.ensure()
    assert installer.bases == [HERE]
    other = pythons.Interpreter(Path("/opt/python3.99"), "3.99.1", "/opt")
    monkeypatch.setattr(pythons, "find", {"3.99": other}.get)
    scene.ensure()
    scene.ensure()
    assert installer.bases == [HERE, "3.99"]


def test_a_python_that_can_not_make_the_image_gives_way_before_any_version_does(
    scene: Scene, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = pythons.Interpreter(Path("/opt/python3.99"), "3.99.1", "/opt")
    monkeypatch.setattr(pythons, "find", {"3.99": other}.get)
    scene.kaggle_has("3.99.7", six="1.17")
    scene.code("import six\n")
    installer.answers = ["No module named ensurepip\n"]
    scene.ensure()
    assert installer.bases == ["3.99", HERE]
    assert installer.asked[-1] == "six | six==1.17 | "
    scene.ensure()
    assert len(installer.asked) == 2


def test_a_python_that_uv_can_not_download_costs_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\necho 'error: no network' >&2\nexit 2\n", encoding="utf-8")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    said: list[str] = []
    assert pythons.download("3.99", said.append) is None
    assert said == [
        "Downloading Python 3.99 with uv, because Kaggle's image has it. This happens once.",
        "Downloading Python 3.99 failed (error: no network).",
    ]


def test_this_machines_pythons_are_found_by_their_minor_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pythons.find(HERE) == pythons.own()
    assert pythons.find("3.99") is None
    # A version that pyenv has installed and not selected; it answers with a version of its own.
    program = tmp_path / "versions/3.99.2/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho '3.99.2|/opt/pyenv/3.99.2'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.find("3.99") == pythons.Interpreter(program, "3.99.2", "/opt/pyenv/3.99.2")


def _requirements(root: Path, text: str) -> None:
    (root / "deps/requirements.txt").write_text(text, encoding="utf-8")


def _cell(root: Path, text: str) -> None:
    path = root / "sub/sub.ipynb"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["cells"].append({"cell_type": "code", "metadata": {}, "outputs": [], "source": text})
    path.write_text(json.dumps(value), encoding="utf-8")


def _evaluation(root: Path, text: str) -> None:
    folder = root / "data/competitions/tiny/kaggle_evaluation/core"
    folder.mkdir(parents=True)
    (folder / "relay.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda _: None, set()),
        (lambda root: _requirements(root, "omegaconf\nloguru\n"), {"omegaconf"}),
        (lambda root: _cell(root, "%matplotlib inline\nimport matplotlib.pyplot as plt"), {"matplotlib"}),
        (lambda root: _cell(root, "this is no Python"), set()),
        (lambda root: _evaluation(root, "import grpc\n"), {"grpcio"}),
        (
            lambda root: (root / "codes/exp001.py").write_text("import polars\n", encoding="utf-8"),
            {"polars", "numpy", "pyarrow"},
        ),
        (
            lambda root: (root / "invoke.yaml").write_text(
                "workspace:\n  entry: exp001.py\n  submission: submission.parquet\n", encoding="utf-8"
            ),
            {"pyarrow"},
        ),
    ],
)
def test_the_packages_that_a_rehearsal_needs(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object], found: set[str]
) -> None:
    # Resolving asks an index: another test's.
    monkeypatch.setattr(resolving, "resolve", lambda *_: None)
    scene.code("import json\n")
    change(scene.root)
    assert scene.used() == found


def test_what_the_wheels_demand_of_the_image_is_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = resolving.Resolved("", "", [["timm", "1"]], [], [["torch", "2"], ["pyyaml", "6"]], [], [])
    monkeypatch.setattr(resolving, "resolve", lambda *_: resolved)
    scene.code("import json\n")
    _requirements(scene.root, "no-such-package-in-the-image\n")
    assert scene.used() == {"torch", "numpy", "pyyaml"}
    # Another import is no reason to ask the index again.
    monkeypatch.setattr(resolving, "resolve", lambda *_: pytest.fail("the index was asked"))
    scene.code("import six\n")
    assert scene.used() == {"torch", "numpy", "pyyaml", "six"}


def test_real_versions_on_a_real_python_and_the_second_time_nothing_is_started(
    scene: Scene, image_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.cache = image_cache
    scene.kaggle_has(six="1.16.0", tqdm="0.0.99")
    scene.code("import six, tqdm\n")
    made = scene.ensure()
    assert made.image.packages["six"] == "1.16.0"
    assert made.image.packages["tqdm"] != "0.0.99"
    assert any(
        note.startswith("Versions that differ from image") and "for 0.0.99" in note for note in made.notes
    )
    for name in ("run", "Popen"):
        monkeypatch.setattr(subprocess, name, lambda *_, **__: pytest.fail("a process was started"))
    assert scene.ensure() == made
