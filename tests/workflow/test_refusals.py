"""The table of refusals holds what the code can refuse, and `invoke explain` prints it."""

import ast
from pathlib import Path

import kaggle_workflow
from kaggle_workflow.refusals import REFUSALS
from tests import commands, workspaces

_RAISE = {"refuse", "_refuse", "Refused", "Problem"}


def test_the_table_holds_every_refusal_of_the_code_and_no_other() -> None:
    found = set()
    for path in Path(kaggle_workflow.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            first = node.args[0]
            if name in _RAISE and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    assert found == {one.name for one in REFUSALS}


def test_explain_prints_meaning_fix_and_override(template: Path, tmp_path: Path) -> None:
    root = workspaces.make(template, tmp_path / "ws")
    done = workspaces.invoke(root, "explain", "take-over")
    assert done.returncode == 0, done.stderr
    for part in ("this workspace didn't make it", "fix:", "--allow take-over"):
        assert part in done.stdout
    wrong = workspaces.invoke(root, "explain", "take-ovr")
    assert wrong.returncode == 2
    assert "did you mean take-over?" in wrong.stderr
    listed = workspaces.invoke(root, "explain")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()[:-1]] == [one.name for one in REFUSALS]
    assert "Usage:    invoke explain [REFUSAL]" in workspaces.invoke(root, "--help", "explain").stdout
    helped = workspaces.invoke(root, "--help", "push").stdout
    assert "Example:  invoke push --message" in helped
    assert "\nSending:\n" in helped
    assert "(default: sub)" in helped
    assert "--allow=STRING" in helped


def test_every_option_that_takes_a_value_names_its_default() -> None:
    for name, task in commands.collection().tasks.items():
        for argument in task.get_arguments():
            if argument.kind is not bool:
                assert "default:" in argument.help or "(required)" in argument.help, (name, argument.names)
