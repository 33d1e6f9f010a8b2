"""`local_tasks.py`: commands of the user's own beside ours, as invoke would take them; what can't join is one sentence."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tasks
from invoke.collection import Collection

from tests import workspaces
from kaggle_workflow import overview, own_commands

TASK = "from invoke import Collection, task\n\n"


@pytest.fixture(autouse=True)
def _a_process_of_its_own() -> Iterator[None]:
    sys.modules.pop("local_tasks", None)
    yield
    sys.modules.pop("local_tasks", None)


def joined(root: Path, text: str, name: str = "local_tasks.py") -> tuple[Collection, tuple[str, ...]]:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(TASK + text, encoding="utf-8")
    ours = Collection(tasks.check, tasks.push_codes, tasks.commands)
    return ours, own_commands.join(ours, root)


def own_lines(ours: Collection) -> str:
    return " ".join(overview.text(ours).partition("your own\n")[2].partition("\n\n")[0].split())


JOIN = [
    ("@task\ndef train(c):\n    '''Train it.'''\n", "train Train it."),
    ("@task\ndef train(c):\n    pass\n", "train"),
    ("@task(name='fit', aliases=['tr'])\ndef train_it(c):\n    '''Fit.'''\n", "fit (tr) Fit."),
    ("@task\ndef train_it(c):\n    '''Fit.'''\n\nns = Collection(fit=train_it)\n", "fit Fit."),
    (
        "@task(default=True)\ndef big(c):\n    '''Big.'''\n\nnamespace = Collection(Collection('train', big))\n",
        "train.big (train) Big.",
    ),
    (
        "import tasks\n\n@task(pre=[tasks.check])\ndef mine(c):\n    '''Mine.'''\n\ncheck = tasks.check\n",
        "mine Mine.",
    ),
    (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass A:\n    a: int\n\n@task\ndef mine(c):\n    '''Mine.'''\n",
        "mine Mine.",
    ),
]


@pytest.mark.parametrize(("text", "line"), JOIN)
def test_what_invoke_takes_joins(tmp_path: Path, text: str, line: str) -> None:
    if "__future__" in text:
        text = text.removeprefix("from __future__ import annotations\n")
        (tmp_path / "local_tasks.py").write_text("from __future__ import annotations\n" + TASK + text)
        ours = Collection(tasks.check, tasks.push_codes, tasks.commands)
        said = own_commands.join(ours, tmp_path)
    else:
        ours, said = joined(tmp_path, text)
    assert said == ()
    assert own_lines(ours) == line
    assert ours.default == "commands"
    assert ours.tasks["check"] is tasks.check


def test_a_package_joins_with_its_parts(tmp_path: Path) -> None:
    (tmp_path / "local_tasks").mkdir()
    (tmp_path / "local_tasks/words.py").write_text("WORD = 'Part.'\n")
    text = "from .words import WORD\n\n@task\ndef part(c):\n    pass\n\npart.__doc__ = WORD\n"
    ours, said = joined(tmp_path, text, "local_tasks/__init__.py")
    assert (said, own_lines(ours)) == ((), "part Part.")
    for name in [name for name in sys.modules if name.startswith("local_tasks.")]:
        del sys.modules[name]


def test_a_default_of_ones_own_is_what_invoke_alone_runs_and_settings_come_along(tmp_path: Path) -> None:
    text = "@task(default=True)\ndef train(c):\n    pass\n\nns = Collection(train)\nns.configure({'train': {'folds': 5}})\n"
    ours, said = joined(tmp_path, text)
    assert (said, ours.default) == ((), "train")
    assert ours.configuration() == {"train": {"folds": 5}}


REFUSED = [
    (
        "@task\ndef check(c):\n    pass\n\n@task\ndef mine(c):\n    pass\n",
        "commands called check, which stay",
    ),
    ("@task\ndef push_codes(c):\n    pass\n\n@task\ndef mine(c):\n    pass\n", "called push-codes, which"),
    (
        "@task(aliases=['check'])\ndef other(c):\n    pass\n\n@task\ndef mine(c):\n    pass\n",
        "called check, which",
    ),
    (
        "@task\ndef mine(c):\n    pass\n\nns = Collection(mine, check=Collection(x=mine))\n",
        "called check, which",
    ),
    (
        "@task(default=True)\ndef check(c):\n    pass\n\n@task\ndef mine(c):\n    pass\n",
        'such as @task(name="my-check").',
    ),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_a_name_of_ours_stays_ours_and_the_others_join(tmp_path: Path, text: str, sentence: str) -> None:
    ours, said = joined(tmp_path, text)
    assert len(said) == 1
    assert sentence in said[0]
    assert ours.tasks["check"] is tasks.check
    assert ours.default == "commands"
    assert set(ours.task_names) == {"check", "commands", "push-codes", "mine"}


BROKEN = [
    "import no_such_module_4711\n",
    "def x(:\n",
    "raise SystemExit(0)\n",
    "raise ValueError('two\\nlines')\n",
    "@task(help={'no': 'such option'})\ndef mine(c):\n    pass\n",
    "@task(default=True)\ndef a(c):\n    pass\n\n@task(default=True)\ndef b(c):\n    pass\n",
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_one_sentence_and_ours_go_on(tmp_path: Path, text: str) -> None:
    ours, said = joined(tmp_path, text)
    assert len(said) == 1
    assert said[0].startswith("local_tasks is passed by (")
    assert "\n" not in said[0]
    assert set(ours.tasks) == {"check", "commands", "push-codes"}


def test_in_a_workspace_ones_own_command_is_listed_and_runs(template: Path, tmp_path: Path) -> None:
    root = workspaces.make(template, tmp_path / "ws")
    (root / "invoke.yaml").write_text(
        (root / "invoke.yaml").read_text() + "tasks:\n  auto_dash_names: false\n"
    )
    (root / "local_tasks.py").write_text(
        TASK
        + "@task\ndef train_it(c):\n    '''Train it.'''\n    print('trained')\n\n@task\ndef push(c):\n    pass\n"
    )
    listed = workspaces.invoke(root, "--list")
    assert re.search(r"^your own\n  train_it +Train it\.$", listed.stdout, re.MULTILINE)
    assert re.search(r"^  push_codes ", listed.stdout, re.MULTILINE)
    assert listed.stderr.count("\n") == 1
    assert workspaces.invoke(root, "train_it").stdout == "trained\n"
    (root / "local_tasks.py").write_text(TASK + "@task(default=True)\ndef train(c):\n    print('trained')\n")
    assert workspaces.invoke(root).stdout == "trained\n"
