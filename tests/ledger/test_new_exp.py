"""`invoke new-exp`: a copy, the next number, and the smallest edit of the settings."""

import json
import subprocess
from pathlib import Path

import pytest

from kaggle_workflow.edit import yaml_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.new_exp import plan
from tests.ledger.conftest import Invoke


def tree(root: Path, *files: str) -> Path:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n", encoding="utf-8")
    return root


def test_the_next_experiment_is_a_copy_and_the_entry_point(workspace: Path, invoke: Invoke) -> None:
    before = (workspace / "invoke.yaml").read_bytes()
    out = invoke("new-exp").stdout
    assert "Copied codes/exp001.py to codes/exp002.py" in out
    assert (workspace / "codes" / "exp002.py").read_bytes() == (
        workspace / "codes" / "exp001.py"
    ).read_bytes()
    assert (workspace / "invoke.yaml").read_bytes() == before.replace(b"exp001.py", b"exp002.py")
    assert json.loads(invoke("new-exp", "--json", "--from", "exp001").stdout)["path"] == "codes/exp003.py"


def test_a_name_of_ones_own(workspace: Path, invoke: Invoke) -> None:
    invoke("new-exp", "--name", "baseline")
    assert (workspace / "codes" / "baseline.py").is_file()
    assert "entry: baseline.py  # what runs" in (workspace / "invoke.yaml").read_text(encoding="utf-8")


def test_nothing_is_overwritten(workspace: Path, invoke: Invoke) -> None:
    tree(workspace / "codes", "exp002.py")
    settings = (workspace / "invoke.yaml").read_bytes()
    assert (
        "codes/exp002.py exists and is not overwritten"
        in invoke("new-exp", "--name", "exp002", code=2).stderr
    )
    assert (workspace / "codes" / "exp002.py").read_text(encoding="utf-8") == "# exp002.py\n"
    assert (workspace / "invoke.yaml").read_bytes() == settings


def test_a_folder_is_copied_without_caches_and_what_git_ignores(workspace: Path, invoke: Invoke) -> None:
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    (workspace / ".gitignore").write_text("*.bin\n", encoding="utf-8")
    tree(
        workspace / "codes",
        "exp001/run.py",
        "exp001/config/a.yaml",
        "exp001/weights.bin",
        "exp001/__pycache__/run.pyc",
    )
    value = json.loads(invoke("new-exp", "--json", INVOKE_WORKSPACE_ENTRY="exp001/run.py --fold 1").stdout)
    assert value["entry"] == ["exp002/run.py", "--fold", "1"]
    copied = workspace / "codes" / "exp002"
    assert sorted(path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()) == [
        "config/a.yaml",
        "run.py",
    ]
    assert "INVOKE_WORKSPACE_ENTRY is set and overrides" in value["warnings"][0]


def test_lines_that_still_name_the_earlier_experiment_are_shown(workspace: Path, invoke: Invoke) -> None:
    (workspace / "codes" / "exp001.py").write_text(
        "import os\nfrom exp001_utils import x\nout = 'models/exp001'\n", encoding="utf-8"
    )
    child = invoke("new-exp")
    assert (
        "codes/exp002.py, line 3, still names the earlier experiment: out = 'models/exp001'" in child.stderr
    )
    assert "line 2" not in child.stderr


def test_the_local_settings_are_edited_where_they_set_the_entry_point(
    workspace: Path, invoke: Invoke
) -> None:
    before = (workspace / "invoke.yaml").read_bytes()
    (workspace / "invoke.local.yaml").write_text("workspace:\n  entry: 'exp001.py'\n", encoding="utf-8")
    assert "The entry point in invoke.local.yaml is now exp002.py" in invoke("new-exp").stdout
    assert (workspace / "invoke.local.yaml").read_text(
        encoding="utf-8"
    ) == "workspace:\n  entry: 'exp002.py'\n"
    assert (workspace / "invoke.yaml").read_bytes() == before


def test_settings_that_cannot_be_edited_leave_everything_as_it_was(workspace: Path, invoke: Invoke) -> None:
    (workspace / "invoke.yaml").write_text(
        "workspace:\n  entry: &e exp001.py\n  partial: *e\n", encoding="utf-8"
    )
    assert "Write `entry: exp002.py` there yourself" in invoke("new-exp", code=2).stderr
    assert not (workspace / "codes" / "exp002.py").exists()


@pytest.mark.parametrize(
    ("files", "entry", "source", "name", "expected"),
    [
        (["exp001.py", "exp009.py"], "exp001.py", "", "", ("exp001.py", "exp010.py", "exp010.py")),
        (["exp7.py"], "exp7.py -v", "", "", ("exp7.py", "exp8.py", "exp8.py -v")),
        (["exp099.py"], "exp099.py", "", "", ("exp099.py", "exp100.py", "exp100.py")),
        (["exp001.py", "exp002/run.py"], "exp001.py", "", "", ("exp001.py", "exp003.py", "exp003.py")),
        (
            ["exp001_base.py"],
            "exp001_base.py",
            "",
            "",
            ("exp001_base.py", "exp002_base.py", "exp002_base.py"),
        ),
        (
            ["exp001.py", "exp002.py"],
            "exp002.py --x",
            "codes/exp001.py",
            "",
            ("exp001.py", "exp003.py", "exp003.py --x"),
        ),
        (["src/exp001.py"], "src/exp001.py", "", "", ("src/exp001.py", "src/exp002.py", "src/exp002.py")),
        (
            ["exp001/infer.py", "exp001/x/y.py"],
            "-m exp001.infer --a",
            "",
            "",
            ("exp001", "exp002", "-m exp002.infer --a"),
        ),
        (["exp001.py"], "-m exp001", "", "", ("exp001.py", "exp002.py", "-m exp002")),
        (
            ["solution/infer.py"],
            "-m solution.infer",
            "",
            "solution_b",
            ("solution", "solution_b", "-m solution_b.infer"),
        ),
        (["exp001/run.sh"], "bash exp001/run.sh", "", "", ("exp001", "exp002", "bash exp002/run.sh")),
        (["exp001.py", "exp002/run.py"], "exp001.py", "exp002", "", ("exp002", "exp003", "exp003/run.py")),
        (
            ["exp001/run.py", "exp002.py"],
            "exp001/run.py",
            "exp002",
            "",
            ("exp002.py", "exp003.py", "exp003.py"),
        ),
    ],
)
def test_what_becomes_of_an_entry_point(
    tmp_path: Path, files: list[str], entry: str, source: str, name: str, expected: tuple[str, str, str]
) -> None:
    step = plan(tree(tmp_path, *files), entry.split(), source, name)
    assert (step.source, step.target, " ".join(step.entry)) == expected


@pytest.mark.parametrize(
    ("files", "entry", "source", "name", "sentence"),
    [
        (["solution/infer.py"], "-m solution.infer", "", "", "choose a --name"),
        (["solution/infer.py"], "-m solution.infer", "", "solution-b", "a module's name"),
        (["exp001.py"], "make run", "", "", "choose one with --from"),
        (["exp001.py"], "exp001.py", "exp005", "", "there are exp001.py"),
        (["exp001.py"], "exp001.py", "../outside", "", "is outside codes/"),
        (["exp001.py"], "exp001.py", "", "../x", "can't be a file"),
        (["exp001.py", "lib/a.py", "lib/b.py"], "exp001.py", "lib", "lib2", "2 scripts"),
        (["exp001/run.py", "exp002/other.py"], "exp001/run.py", "exp002", "", "would find nothing to run in"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_sentence(
    tmp_path: Path, files: list[str], entry: str, source: str, name: str, sentence: str
) -> None:
    with pytest.raises(WorkflowError, match=sentence) as caught:
        plan(tree(tmp_path, *files), entry.split(), source, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "workspace:\n  entry: b.py --y\n"),
        ("workspace:\n", "workspace:\n  entry: b.py --y\n"),
        ("workspace:\n    limit: 9h # hours\n", "workspace:\n    entry: b.py --y\n    limit: 9h # hours\n"),
        ("a: 1\nworkspace: {limit: 9h}\n", "a: 1\nworkspace: {entry: b.py --y, limit: 9h}\n"),
        ("workspace:\n  entry: 'a.py' # c\n", "workspace:\n  entry: 'b.py --y' # c\n"),
        (
            "workspace:\r\n  entry: a.py # c\r\n  x: 1\r\n",
            "workspace:\r\n  entry: b.py --y # c\r\n  x: 1\r\n",
        ),
        (
            "workspace:\n  entry:\n    - a.py # c\n    - --y\n    # d\n  x: 1",
            "workspace:\n  entry:\n    - b.py # c\n    - --y\n    # d\n  x: 1",
        ),
        (
            "workspace:\n  entry: [a.py]   # c\n  x:   1\n",
            'workspace:\n  entry: ["b.py", "--y"]   # c\n  x:   1\n',
        ),
        ("run: {echo: true}\n", "run: {echo: true}\nworkspace:\n  entry: b.py --y\n"),
    ],
)
def test_every_other_byte_of_the_settings_stays(before: str, after: str) -> None:
    assert yaml_edit.set_words(before, "entry", ["b.py", "--y"], "invoke.yaml") == after


def test_words_that_yaml_would_take_for_something_else_are_quoted() -> None:
    text = yaml_edit.set_words("workspace:\n  entry: a.py\n", "entry", ["b.py", "#1", "a: b"], "invoke.yaml")
    assert text == "workspace:\n  entry: \"b.py '#1' 'a: b'\"\n"
