"""The shim in a real notebook: papermill, a kernel, the first cell that staging writes, offline mounts."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from kaggle_shim import refs
from kaggle_shim.manifest import CODES_MANIFEST, Manifest, scan
from kaggle_shim.plan import Input, Plan
from kaggle_workflow.rehearsal import image, sandbox
from kaggle_workflow.stage import bundle, compose
from tests.wheelhouse import make_wheel

CODES = refs.DatasetRef("me", "cmi-codes")
WHEELS = refs.DatasetRef("somebody", "wheels")
RUN = "import kaggle_shim\nkaggle_shim.run()"
SUBMIT = "open('/kaggle/working/submission.csv', 'w').write('id\\n1\\n')\n"

pytestmark = pytest.mark.skipif(
    not sandbox.detect().complete,
    reason="this machine gives no sandbox, and paths of Kaggle exist in one only",
)


@dataclass
class Ran:
    code: int
    text: str
    report: dict[str, Any]
    working: Path


class Kaggle:
    """Mounts and a notebook, run as Kaggle does."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self.python = python
        self.codes = root / "codes"
        self.wheels = root / "wheels"
        for folder in (self.codes, self.wheels):
            folder.mkdir()

    def run(self, *cells: str, **changes: Any) -> Ran:
        manifest = Manifest("w", "", scan(self.codes))
        (self.codes / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        inputs = (Input(CODES, "codes", manifest.fingerprint), Input(WHEELS, "wheels"))
        plan = replace(Plan("sub", "me/sub", "w", None, "test", inputs, entry=("exp001.py",)), **changes)
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": spec})
        path = self.root / "sub.ipynb"
        nbformat.write(made, str(path))
        text = compose.compose(compose.read_source(path), plan, "test", bundle.pack_shim(plan.role))
        path.write_text(text, encoding="utf-8")
        lines: list[str] = []
        working = self.root / "working"
        run = sandbox.NotebookRun(
            notebook=path,
            python=self.python,
            mounts=(
                sandbox.Mount(self.codes, CODES.mount("namespaced")),
                sandbox.Mount(self.wheels, WHEELS.mount("namespaced")),
            ),
            working=working,
            internet=False,
            environment={"KAGGLE_KERNEL_RUN_TYPE": "Batch"},
            limit=120,
        )
        result = sandbox.execute(run, sandbox.detect(), lines.append)
        report = json.loads((working / "run-report.json").read_text(encoding="utf-8"))
        return Ran(result.exit_code, "\n".join(lines), report, working)


@pytest.fixture(scope="module")
def tiny_python(image_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with what executes a notebook, and nothing else."""
    nothing = tmp_path_factory.mktemp("tiny") / "image.txt"
    nothing.write_text("# nothing\n", encoding="utf-8")
    return image.ensure(nothing, python=None, cache=image_cache, on_line=print).python


@pytest.fixture
def kaggle(tmp_path: Path, tiny_python: Path) -> Kaggle:
    return Kaggle(tmp_path, tiny_python)


def test_later_cells_import_what_an_attached_dataset_of_wheels_brought(kaggle: Kaggle) -> None:
    say = {"foo/__init__.py": "VERSION = '2.0'\ndef main():\n    print('foo says', VERSION)\n"}
    make_wheel(kaggle.wheels, "foo", "2.0", say, entry_points="[console_scripts]\nfoo-say = foo:main\n")
    # The kernel lives on traitlets, so it has imported the image's long before the wheel is there.
    make_wheel(kaggle.wheels, "traitlets", "99.0", {"traitlets/__init__.py": "__version__ = '99.0'\n"})
    (kaggle.codes / "exp001.py").write_text(
        "import foo, traitlets\nprint('entry', foo.VERSION, traitlets.__version__)\n" + SUBMIT,
        encoding="utf-8",
    )
    ran = kaggle.run(
        RUN, "import foo, traitlets\nprint('cell', foo.VERSION, traitlets.__version__ != '99.0')", "!foo-say"
    )
    assert ran.code == 0, ran.text
    assert "entry 2.0 99.0" in ran.text
    assert "cell 2.0 True" in ran.text
    assert "foo says 2.0" in ran.text
    assert any(warning.startswith("traitlets was imported") for warning in ran.report["warnings"])
    assert ran.report["wheels"] == [["foo", "2.0"], ["traitlets", "99.0"]]


def test_a_launcher_of_the_image_runs_what_the_wheels_brought(kaggle: Kaggle) -> None:
    # The image has a command tqdm; this wheel brings another tqdm and no command.
    main = f"def main():\n    print('launched 99.0')\n    {SUBMIT}"
    make_wheel(kaggle.wheels, "tqdm", "99.0", {"tqdm/__init__.py": "", "tqdm/cli.py": main})
    (kaggle.codes / "exp001.py").write_text("", encoding="utf-8")
    ran = kaggle.run(RUN, entry=("tqdm",))
    assert ran.code == 0, ran.text
    assert "launched 99.0" in ran.text


@pytest.fixture
def solver(kaggle: Kaggle) -> Kaggle:
    """Codes of the icecuber kind: C++ with a Makefile, and a script that builds and calls it."""
    if shutil.which("g++") is None or shutil.which("make") is None:
        pytest.skip("a C++ program is compiled here, which needs g++ and make")
    folder = kaggle.codes / "solver"
    folder.mkdir()
    (folder / "solve.cpp").write_text(
        "#include <iostream>\nint main() { for (int id = 1; id < 4; ++id) std::cout << id << ',' << id * id << '\\n'; }\n",
        encoding="utf-8",
    )
    (folder / "Makefile").write_text(
        "solve: solve.cpp\n\tg++ -O2 -o solve solve.cpp\n\n"
        "run: solve\n\t(echo id,target; ./solve) > /kaggle/working/submission.csv\n",
        encoding="utf-8",
    )
    (kaggle.codes / "exp001.py").write_text(
        "import pathlib, subprocess\n"
        "here = pathlib.Path(__file__).parent\n"
        "subprocess.run(['make', '-C', here / 'solver'], check=True)\n"
        "rows = subprocess.run([here / 'solver' / 'solve'], check=True, capture_output=True, text=True).stdout\n"
        "pathlib.Path('submission.csv').write_text('id,target\\n' + rows)\n",
        encoding="utf-8",
    )
    return kaggle


@pytest.mark.parametrize("entry", [("exp001.py",), ("make", "-C", "solver", "run")])
def test_cpp_is_compiled_and_run_in_the_offline_notebook(solver: Kaggle, entry: tuple[str, ...]) -> None:
    ran = solver.run(RUN, entry=entry)
    assert ran.code == 0, ran.text
    assert (ran.working / "submission.csv").read_text() == "id,target\n1,1\n2,4\n3,9\n"
    assert not (solver.codes / "solver/solve").exists()


def test_a_failing_entry_point_fails_the_notebook_and_the_log_holds_the_report(kaggle: Kaggle) -> None:
    (kaggle.codes / "exp001.py").write_text("raise SystemExit('no such series')\n", encoding="utf-8")
    ran = kaggle.run(RUN, "print('never')")
    assert ran.code != 0
    assert "never" not in ran.text
    line = next(line for line in ran.text.splitlines() if line.startswith("kaggle_shim report: "))
    assert json.loads(line.removeprefix("kaggle_shim report: ")) == ran.report
    assert "no such series" in ran.report["failure"]
