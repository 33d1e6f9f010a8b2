"""Every refusal has one name in the code, in the page of the commands and in a test of its way through."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kaggle_workflow.errors import Refused, RunFailed
from kaggle_workflow.ledger import book as ledger
from kaggle_workflow.push import sub as push_sub
from tests.push.conftest import ROOT, Scene

_MAKERS = frozenset(("refuse", "Refused", "Problem"))
_PASSERS = frozenset(("through",))
_HEADING = re.compile(r"^## ([a-z-]+)$", re.MULTILINE)


def calls(folder: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in the Python files of a folder, with the bare name of what is called."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def texts(node: ast.AST) -> set[str]:
    """The text constants inside."""
    return {
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def in_code() -> set[str]:
    made = (
        call.args[0]
        for name, call in calls(ROOT / "workflow" / "kaggle_workflow")
        if name in _MAKERS and call.args
    )
    return {str(one.value) for one in made if isinstance(one, ast.Constant)}


def in_tests() -> set[str]:
    """Names that a test goes on with: `allow=…`, `through(…)`."""
    found: set[str] = set()
    for name, call in calls(ROOT / "tests"):
        found |= {text for one in call.keywords if one.arg == "allow" for text in texts(one.value)}
        if name in _PASSERS:
            found |= {text for one in call.args for text in texts(one)}
    return found


def test_code_page_and_tests_know_the_same_refusals() -> None:
    page = (ROOT / "docs" / "reference" / "refusals.md").read_text(encoding="utf-8")
    told = set(_HEADING.findall(page))
    assert told == in_code()
    assert in_code() - in_tests() == set()


def test_a_collaborator_pushes_to_a_team_mates_dataset(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.codes()
    scene.kaggle.dataset("tester/cmi-codes").collaborators.append({"username": "mate", "role": "writer"})
    monkeypatch.setenv("KAGGLE_API_TOKEN", scene.kaggle.add_user("mate"))
    scene.edit()
    with pytest.raises(Refused) as caught:
        scene.codes()
    assert caught.value.name == "other-account"
    assert scene.codes(allow=frozenset(["other-account"])).version == 2


def test_a_notebook_goes_out_with_other_codes_and_the_run_decides(scene: Scene) -> None:
    scene.all()
    scene.edit()
    push = scene.push(allow=frozenset(["codes-not-current"]))
    with pytest.raises(RunFailed, match="the plan wants"):
        push_sub.push_notebook(push, "sub")
    assert (push.overruled, scene.versions("sub")) == (["codes-not-current"], 2)


def test_a_run_that_nothing_proves_is_kept_as_such(scene: Scene) -> None:
    scene.codes()
    scene.deps()
    scene.played.silent = True
    with pytest.raises(Refused, match="what it ran can't be checked") as caught:
        scene.sub()
    assert caught.value.name == "unproved-run"
    outcome = scene.sub(allow=frozenset(["unproved-run"]))
    assert (outcome.did, outcome.version, outcome.notes) == ("unchanged", 1, ["no run report"])
    assert ledger.read(scene.root).events[-1].overruled == ("unproved-run",)


def test_an_edit_on_kaggle_is_pushed_over_by_name(scene: Scene) -> None:
    scene.all()
    notebook = scene.kaggle.notebook("tester/cmi-sub")
    source = scene.kaggle.world.store.notebook_folder(notebook, 1) / "source"
    value = json.loads(source.read_text(encoding="utf-8"))
    value["cells"][-1]["source"] += "\nprint('edited on the site')"
    source.write_text(json.dumps(value), encoding="utf-8")
    outcome = scene.sub(allow=frozenset(["edited-on-kaggle"]))
    assert (outcome.did, outcome.version) == ("sent", 2)
