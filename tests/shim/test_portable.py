"""The shim on any image and from any machine: old Pythons, the standard library alone, few imports, one fingerprint, a small zip."""

from __future__ import annotations

import ast
import base64
import io
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaggle_shim import refs
from kaggle_shim.plan import PLAN_VARIABLE, Input, Plan
from kaggle_workflow.stage import bundle
from tests import programs
from tests.fake_notebook import GOOD, SHIM, Notebook
from tests.wheelhouse import make_wheel, unpack

PACKAGE = SHIM / "kaggle_shim"
FILES = sorted(PACKAGE.glob("*.py"))
# Modules of the standard library that came after 3.10, and those that 3.13 no longer has.
TOO_NEW = {"tomllib"}
GONE = {
    "imp",
    "asynchat",
    "asyncore",
    "smtpd",
    "distutils",
    "cgi",
    "cgitb",
    "crypt",
    "pipes",
    "telnetlib",
    "audioop",
}
# What costs milliseconds and is wanted in rare cases only.
HEAVY = {
    "tarfile",
    "zipfile",
    "csv",
    "shutil",
    "tempfile",
    "email",
    "configparser",
    "importlib.metadata",
    "platform",
    "random",
}


PYTHONS = programs.others()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_module_is_python_3_10_and_imports_the_standard_library_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))
    tops = {name.partition(".")[0] for name in imports(tree)}
    known = (sys.stdlib_module_names | {"kaggle_shim"}) - TOO_NEW - GONE
    assert tops <= known


@pytest.mark.skipif(not PYTHONS, reason="no other Python from 3.10 on is installed here")
@pytest.mark.parametrize("python", PYTHONS)
def test_a_run_goes_through_on_other_pythons(tmp_path: Path, python: str) -> None:
    notebook = Notebook(tmp_path, "namespaced")
    notebook.competition()
    wheels = notebook.attach(Input(refs.DatasetRef("somebody", "wheels"), "wheels"))
    say = {"foo/__init__.py": "def main():\n    print('foo by', __file__)\n"}
    make_wheel(wheels, "foo", files=say, entry_points="[console_scripts]\nfoo-say = foo:main\n")
    unpack(make_wheel(wheels, "bar", files={"bar.py": "", "bar_link.pth": "import bar\n"}))
    notebook.codes(
        exp001_py="import kaggle_shim, multiprocessing, subprocess, sys\nimport foo\n"
        "if __name__ == '__main__':\n"
        "    print('found', kaggle_shim.find().name, 'bar' in sys.modules)\n"
        "    child = multiprocessing.get_context('spawn').Process(target=foo.main)\n"
        "    child.start(); child.join()\n"
        "    subprocess.run(['foo-say'], check=True)\n"
        + "".join(f"    {line}\n" for line in GOOD.splitlines())
    )
    ran = notebook.run(python)
    assert ran.code == 0, ran.text
    assert "found titanic True" in ran.text
    assert ran.text.count("foo by") == 2
    assert ran.report["submission"]["rows"] == 1


@pytest.mark.skipif(not PYTHONS, reason="no other Python from 3.10 on is installed here")
@pytest.mark.parametrize("python", PYTHONS)
def test_every_module_can_be_imported_on_other_pythons(python: str) -> None:
    names = [f"kaggle_shim.{path.stem}" for path in FILES]
    code = f"import importlib, sys\nsys.path.insert(0, {str(SHIM)!r})\nfor name in {names!r}: importlib.import_module(name)"
    done = subprocess.run(
        [python, "-B", "-I", "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr


def test_starting_a_run_imports_little() -> None:
    code = f"import sys\nsys.path.insert(0, {str(SHIM)!r})\nbefore = set(sys.modules)\nimport kaggle_shim.running\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    new = set(done.stdout.split())
    assert "kaggle_shim.running" in new
    assert not new & HEAVY
    assert len([name for name in new if name.startswith("kaggle_shim")]) <= 15


LEFT_OUT = {"sub": bundle.COLLECTOR, "deps": bundle.RUNNER}


@pytest.mark.parametrize("role", LEFT_OUT)
def test_the_packed_shim_is_at_most_60_kb_and_holds_what_its_notebook_needs(role: str) -> None:
    packed = base64.b64decode(bundle.pack_shim(role))
    assert len(packed) <= 60_000
    with zipfile.ZipFile(io.BytesIO(zlib.decompress(packed))) as archive:
        assert archive.testzip() is None
        expected = [f"kaggle_shim/{path.name}" for path in FILES if path.name not in LEFT_OUT[role]]
        assert sorted(archive.namelist()) == expected
        assert archive.read("kaggle_shim/running.py") == (PACKAGE / "running.py").read_bytes()


@pytest.mark.parametrize("role", LEFT_OUT)
def test_what_a_notebook_carries_can_be_imported_without_the_rest(role: str, tmp_path: Path) -> None:
    bundle.unpack(bundle.pack_shim(role), tmp_path)
    names = [f"kaggle_shim.{path.stem}" for path in tmp_path.glob("kaggle_shim/*.py")]
    code = f"import importlib, sys\nsys.path.insert(0, {str(tmp_path)!r})\nfor name in {names!r}: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("role", "called", "told"), [("sub", "collect", "push-deps"), ("deps", "run", "push-sub")]
)
def test_a_call_that_belongs_into_the_other_notebook_says_so(
    role: str, called: str, told: str, tmp_path: Path
) -> None:
    bundle.unpack(bundle.pack_shim(role), tmp_path)
    plan = Plan(role, "me/cmi-sub", "w", "titanic", "test", entry=("exp001.py",))
    (tmp_path / "plan.json").write_text(plan.dumps(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-B", "-c", f"import kaggle_shim; kaggle_shim.{called}()"],
        cwd=tmp_path,
        env={**os.environ, PLAN_VARIABLE: "plan.json", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].endswith(f"push it with `invoke {told}`.")


@settings(max_examples=15, deadline=None)
@given(
    st.randoms(use_true_random=False), st.sampled_from((0o644, 0o600, 0o755)), st.integers(0, 2_000_000_000)
)
def test_the_same_sources_have_one_fingerprint_wherever_they_lie(order: object, mode: int, when: int) -> None:
    names = [path.name for path in FILES]
    order.shuffle(names)  # type: ignore[attr-defined]  # hypothesis' own random.Random
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "kaggle_shim")
        (package / "__pycache__").mkdir(parents=True)
        (package / "__pycache__/running.cpython-311.pyc").write_bytes(b"compiled")
        for name in names:
            path = package / name
            path.write_bytes((PACKAGE / name).read_bytes())
            path.chmod(mode)
            os.utime(path, (when, when))
        assert bundle.shim_fingerprint(package) == bundle.shim_fingerprint()
        assert bundle.pack_shim("deps", package) == bundle.pack_shim("deps")
        with (package / names[0]).open("a", encoding="utf-8") as file:
            file.write("\n")
        bundle.shim_fingerprint.cache_clear()
        bundle.shim_files.cache_clear()
        assert bundle.shim_fingerprint(package) != bundle.shim_fingerprint()
