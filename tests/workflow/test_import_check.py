"""`check` on imports: what Kaggle's image lacks, and what deps asks for though the image has it."""

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from kaggle_workflow import images, import_check, import_statements, reach, workspace
from kaggle_workflow.findings import Finding
from kaggle_workflow.images import from_kaggle
from tests import workspaces
from tests.workflow import repositories

IMAGES = Path(images.__file__).parent


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    ws = workspaces.make(template, tmp_path_factory.mktemp("made") / "ws", competition="titanic")
    for name, text in repositories.FILES.items():
        (ws / "codes" / name).parent.mkdir(parents=True, exist_ok=True)
        (ws / "codes" / name).write_text(text, encoding="utf-8")
    (ws / "invoke.yaml").write_text("workspace:\n  entry: main.py\n", encoding="utf-8")
    return ws


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def found(ws: Path, image: str) -> list[Finding]:
    (ws / "deps/image.txt").write_text(f"image: {image}\n", encoding="utf-8")
    loaded = workspace.load(ws)
    return list(import_check.findings_of(loaded, loaded.notebook("sub")))


def lacking(ws: Path, image: str) -> set[str]:
    return {one.sentence.split()[0] for one in found(ws, image) if one.name == "import"}


@pytest.mark.parametrize("image", repositories.EVERYWHERE)
def test_check_names_exactly_what_the_image_lacks(ws: Path, image: str) -> None:
    assert lacking(ws, image) == repositories.lacking(image)


def test_the_images_differ_where_they_should() -> None:
    cpu, gpu, base_cpu, base_gpu = map(repositories.lacking, repositories.EVERYWHERE)
    assert cpu - gpu == {"cupy", "pycuda", "triton"}
    assert gpu < cpu
    assert base_cpu - base_gpu == {"cupy", "triton"}
    assert {"cgi", "telnetlib", "imghdr", "catboost", "optuna"} <= base_gpu - gpu
    assert not gpu - base_gpu


@pytest.mark.parametrize("image", repositories.EVERYWHERE)
def test_the_expected_list_agrees_with_the_image_file(image: str) -> None:
    lines = (IMAGES / f"{image.replace(' ', '-')}.txt").read_text(encoding="utf-8").splitlines()
    names = {line.partition(" ")[0] for line in lines}
    for module, (distribution, where) in repositories.DISTRIBUTIONS.items():
        assert (distribution in names) == (image in where), (module, image)


def test_a_finding_names_the_line_and_the_distribution(ws: Path) -> None:
    text = "import os\nimport open_clip\nimport cgi, sunau\nimport unknown_to_all\n"
    (ws / "codes/main.py").write_text(text, encoding="utf-8")
    clip, cgi, sunau, unknown = found(ws, "base-2026-08-19 cpu\n-standard-sunau")
    assert str(clip) == (
        "codes/main.py:2: warning: open_clip not found in image base-2026-08-19 cpu, deps/, codes/ or the standard library: "
        "add open-clip-torch to deps/requirements.txt. [import]"
    )
    assert cgi.sentence == (
        "cgi was removed in Python 3.13, and image base-2026-08-19 cpu has Python 3.13.15: use another module."
    )
    assert sunau.sentence.endswith("use another module or add standard-sunau to deps/requirements.txt.")
    assert unknown.sentence.endswith("add the package that provides it to deps/requirements.txt.")


@pytest.mark.parametrize(("module", "name"), [("imp", "2026-08"), ("pipes", "base-2026-08-19")])
def test_a_module_that_a_newer_python_removed_is_found_in_an_older_one(
    ws: Path, module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ws / "codes/main.py").write_text("import asynchat\nimport pipes\nimport imp\n", encoding="utf-8")
    assert module in lacking(ws, f"{name} cpu")
    assert ("pipes" in lacking(ws, "2026-08 cpu")) is False
    # The Python of this machine has none of them.
    monkeypatch.setattr(sys, "stdlib_module_names", frozenset({"os", "compression"}))
    assert lacking(ws, "2026-08 cpu") == {"asynchat", "imp"}
    (ws / "codes/main.py").write_text("import os, compression\n", encoding="utf-8")
    assert lacking(ws, "2026-08 cpu") == {"compression"}


def test_what_deps_brings_is_found(ws: Path) -> None:
    before = lacking(ws, "2026-08 gpu")
    (ws / "deps/requirements.txt").write_text("loguru\nsegmentation-models-pytorch\n", encoding="utf-8")
    (ws / "deps/wheels").mkdir()
    with zipfile.ZipFile(ws / "deps/wheels/mine-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vllm/__init__.py", "")
    assert before - lacking(ws, "2026-08 gpu") == {"loguru", "segmentation_models_pytorch", "vllm"}


@pytest.mark.parametrize("image", repositories.EVERYWHERE)
def test_omegaconf_needs_nothing(ws: Path, image: str) -> None:
    (ws / "codes/main.py").write_text("from omegaconf import OmegaConf\n", encoding="utf-8")
    (ws / "deps/requirements.txt").write_text("omegaconf\n", encoding="utf-8")
    version = "2.3.0" if image.startswith("2026-08 ") else "2.3.1"
    (only,) = found(ws, image)
    assert str(only) == (
        f"deps/requirements.txt:1: warning: image {image} already has omegaconf {version}: remove this line. [not-needed]"
    )


def test_what_the_image_has_at_another_version_is_named(ws: Path) -> None:
    asked = "pandas==1.0  # old\nnumpy<2\nloguru\ntorch<2\n"
    (ws / "deps/requirements.txt").write_text(asked, encoding="utf-8")
    with (ws / "invoke.yaml").open("a", encoding="utf-8") as settings:
        settings.write("  allow: [torch]\n")
    named = {one.line: one for one in found(ws, "2026-08 cpu") if one.path == "deps/requirements.txt"}
    assert {one.name for one in named.values()} == {"changes-image"}
    assert "asks for another version: the run uses the other version" in named[1].sentence
    assert "numpy is protected, so the wheel notebook won't replace it: ask for 2.0.2" in named[2].sentence
    assert "the run uses the other version" in named[4].sentence
    assert 3 not in named


def test_code_that_works_without_a_module_is_not_reported(ws: Path) -> None:
    text = (
        "import contextlib, sys\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import types_only\n"
        "try:\n    import first_choice\nexcept ImportError:\n    import second_choice\n"
        "try:\n    import tomllib\nexcept ModuleNotFoundError:\n    import tomli_old\n"
        "with contextlib.suppress(ImportError, OSError):\n    import suppressed\n"
        "if sys.platform == 'win32':\n    import of_windows\nelse:\n    import of_others\n"
        "try:\n    import caught_by_none\nexcept ValueError:\n    pass\n"
        "with open('x') as file:\n    import in_with\n"
        "match sys.argv:\n    case []:\n        import in_match\n"
        "for _ in ():\n    pass\nelse:\n    import in_else\n"
    )
    (ws / "codes/main.py").write_text(text, encoding="utf-8")
    expected = {"second_choice", "caught_by_none", "in_with", "in_match", "in_else"}
    assert lacking(ws, "2026-08 cpu") == expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import a\n\n\ndef f():\n    return 1\n\n\nclass C:\n    import b\n", [1, 9]),
        ("@decorated\ndef f(): ...\n\nimport a\n\n@other\nclass C: ...\nimport b", [4, 8]),
        ('"""\ndef f():\n    import nothing\n"""\nimport a\n', [5]),
        ("'''\ndef f():\n    pass\n'''\ndef g(): pass\nimport a\n", [6]),
        ("x = '\\\ndef f(): pass'\nimport a\n", [3]),
        ("async def f():\r\n    'important'\r\ndef g():\r\n    import a\r\n", [4]),
        ("def f(:\n    pass\ndef g():\n    import a\n", [4]),
        ("import a\nthis isn't Python\n", []),
    ],
)
def test_only_what_can_hold_imports_is_parsed(tmp_path: Path, text: str, lines: list[int]) -> None:
    (tmp_path / "a.py").write_bytes(text.encode())
    assert [one.line for one in import_statements.read(tmp_path / "a.py")[0]] == lines


def test_imports_by_name_and_commands_are_not_followed(ws: Path) -> None:
    (by_name,) = [one for one in found(ws, "2026-08 cpu") if one.name == "imports-not-followed"]
    assert "through simulation/arena.py:13:" in by_name.sentence
    (ws / "invoke.yaml").write_text("workspace:\n  entry: bash run.sh\n", encoding="utf-8")
    (command,) = found(ws, "2026-08 cpu")
    assert "through bash run.sh:" in command.sentence


def test_a_reading_is_kept_until_the_file_changes(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reach.reached(["main.py"], ws / "codes", ws / "build")
    monkeypatch.setattr(
        "kaggle_workflow.import_statements.read", lambda path: pytest.fail(f"{path} read again")
    )
    assert reach.reached(["main.py"], ws / "codes", ws / "build") == first
    monkeypatch.undo()
    (ws / "codes/main.py").write_text("import only_this\n", encoding="utf-8")
    os.utime(ws / "codes/main.py", ns=(1, 1))
    again = reach.reached(["main.py"], ws / "codes", ws / "build")
    assert [one.module for _, one in again.imports] == ["only_this"]


def test_an_unknown_image_is_an_error(ws: Path) -> None:
    (error,) = found(ws, "2031-01")
    assert (error.level, error.path) == ("error", "deps/image.txt")


def test_what_a_run_on_kaggle_found_counts_from_then_on(ws: Path) -> None:
    loaded = workspace.load(ws)
    ref = loaded.notebook("sub").metadata.id.name
    from_kaggle.keep(loaded, from_kaggle.Seen(ref, 3, "", "3.13.1", {"vllm": "1.0", "setuptools": "80.0"}))
    lacks = lacking(ws, "2026-08 cpu")
    assert lacks >= {"numpy", "cv2", "torch", "cgi"}
    assert not lacks & {"vllm", "distutils"}
