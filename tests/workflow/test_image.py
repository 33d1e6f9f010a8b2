"""The local image: made once, shared, and lacking what its list lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.rehearsal import image, pythons
from kaggle_workflow.stage import requirement_lines


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def make(image_txt: Path, cache: Path, said: list[str] | None = None) -> image.Image:
    return image.ensure(
        image_txt, python=None, cache=cache, on_line=(said if said is not None else []).append
    )


def test_an_image_has_its_list_and_what_executes_notebooks_and_lacks_the_rest(image_python: Path) -> None:
    done = subprocess.run(
        [
            image_python,
            "-c",
            "import numpy, pandas, pyarrow, sklearn, papermill, ipykernel, pip; import copier",
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'copier'"


def test_what_a_rehearsal_imports_is_compiled_and_the_packages_own_tests_are_not(image_python: Path) -> None:
    site = next(image_python.parents[1].glob("lib/python*/site-packages"))
    assert list((site / "sklearn" / "ensemble" / "__pycache__").glob("_forest.*.pyc"))
    assert not list((site / "sklearn").rglob("tests/__pycache__"))


def test_the_second_time_nothing_is_started(
    image_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(write(tmp_path / "a.txt", "# nothing\n"), image_cache)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    said: list[str] = []
    again = make(write(tmp_path / "b.txt", "\n   # another comment\n"), image_cache, said)
    assert (again, said) == (first, [])


def test_another_list_is_another_image(tmp_path: Path) -> None:
    one = requirement_lines.read_lines(write(tmp_path / "one.txt", "numpy\n"))
    two = requirement_lines.read_lines(write(tmp_path / "two.txt", "numpy<2\n"))
    assert image._key(one, pythons.own()) != image._key(two, pythons.own())


def test_a_list_that_includes_another_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "base.txt", "numpy\n")
    outer = write(tmp_path / "image.txt", "-r base.txt\n")
    before = image._key(requirement_lines.read_lines(outer), pythons.own())
    write(tmp_path / "base.txt", "numpy<2\n")
    assert image._key(requirement_lines.read_lines(outer), pythons.own()) != before


def test_an_interrupted_build_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    image_txt = write(tmp_path / "image.txt", "")
    real = subprocess.Popen

    def interrupt(command: list[str], **options: object) -> object:
        if "install" in command:
            raise KeyboardInterrupt
        return real(command, **options)  # type: ignore[call-overload]  # passed on as it came

    monkeypatch.setattr(subprocess, "Popen", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(image_txt, cache)
    monkeypatch.setattr(subprocess, "Popen", real)
    half = next(path for path in cache.iterdir() if path.is_dir())
    write(half / "left-over", "")
    made = make(image_txt, cache)
    assert made.python.is_relative_to(half)
    assert not (half / "left-over").exists()
    assert {"papermill", "ipykernel", "pip"} <= set(made.packages)
    assert "uv" in (half / "pyvenv.cfg").read_text(encoding="utf-8")


def test_without_uv_pip_makes_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [
        folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "uv").exists()
    ]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    made = make(write(tmp_path / "image.txt", ""), tmp_path / "cache")
    assert "uv" not in (made.python.parents[1] / "pyvenv.cfg").read_text(encoding="utf-8").split()
    assert made.version == ".".join(map(str, sys.version_info[:3]))
    assert {"papermill", "ipykernel", "pip"} <= set(made.packages)


@pytest.mark.parametrize("maker", ["uv", "pip"])
def test_a_requirement_that_does_not_exist_is_named_with_its_line(
    maker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if maker == "pip":
        monkeypatch.setattr("shutil.which", lambda _: None)
    image_txt = write(tmp_path / "image.txt", "# what we use\nnumpy\nsix==0.0.99  # no such version\n")
    said: list[str] = []
    with pytest.raises(WorkflowError) as caught:
        make(image_txt, tmp_path / "cache", said)
    assert str(caught.value).startswith(
        f"{image_txt}, line 3: 'six==0.0.99' can't be installed (No matching distribution"
    )
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] in ([".lock"], [])


def test_a_line_that_is_no_requirement_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"image\.txt, line 2: 'pandas==' is not a requirement"):
        make(write(tmp_path / "image.txt", "numpy\npandas==\n"), tmp_path / "cache")


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"image\.txt can't be read .*No such file"):
        make(tmp_path / "image.txt", tmp_path / "cache")


def test_lines_with_conflicts_name_the_line(tmp_path: Path) -> None:
    lines = requirement_lines.read_lines(write(tmp_path / "image.txt", "six\nscikit_learn<1\npandas>=2\n"))
    output = (
        "ERROR: Cannot install pandas>=2 and scikit-learn<1 because these package versions have conflicting dependencies.\n"
        "ERROR: ResolutionImpossible: for help visit somewhere\n"
    )
    assert "line 2: 'scikit_learn<1' can't be installed (Cannot install pandas" in requirement_lines.explain(
        tmp_path / "image.txt", lines, output
    )


def test_an_image_whose_interpreter_is_gone_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "py"
    folder.mkdir()
    write(folder / "complete.json", '{"python": "/nowhere/python", "version": "3.11.0", "packages": {}}')
    assert image.cached(folder) is None


def test_a_given_interpreter_is_the_image(image_python: Path, tmp_path: Path) -> None:
    given = image.ensure(tmp_path / "not-looked-at", python=image_python, cache=tmp_path, on_line=print)
    assert given.python == image_python
    assert "pandas" in given.packages


def test_a_given_interpreter_without_papermill_says_what_to_install(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    python = tmp_path / "bare" / "bin" / "python"
    with pytest.raises(
        WorkflowError, match=r"lacks papermill and ipykernel, .*-m pip install papermill ipykernel"
    ):
        image.ensure(tmp_path / "x", python=python, cache=tmp_path, on_line=print)


def test_a_given_file_that_is_no_interpreter_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", write(tmp_path / "text", "")):
        with pytest.raises(WorkflowError, match="can't be started as Python"):
            image.ensure(tmp_path / "x", python=path, cache=tmp_path, on_line=print)
