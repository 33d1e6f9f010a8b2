"""`invoke check --fix`, repair by repair: what becomes what, and what is left to a person."""

import json
from pathlib import Path

import nbformat
import pytest

from kaggle_workflow import workspace
from kaggle_workflow.edit import notebook_edit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.fix import everything as fix
from kaggle_workflow.fix import shell_cells
from kaggle_workflow.fix.drafts import Change, Draft
from kaggle_workflow.fix.mounts import fix_mounts
from tests import article

SETTINGS = "# mine\nworkspace:\n  entry: other.py  # the one\n  limit: 9h\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The article's folder with our settings, as far as repairs look at it."""
    root = article.build(tmp_path / "ws")
    (root / "invoke.yaml").write_text(SETTINGS)
    (root / "deps/requirements.txt").write_text("# what the image lacks\nOmegaConf>=2.3\n")
    (root / "codes/solution").mkdir()
    (root / "codes/solution/infer.py").touch()
    (root / "codes/run.sh").touch()
    return root


def planned(root: Path) -> Draft:
    return fix.plan(workspace.load(root))


def sub_of(root: Path, *sources: str) -> Draft:
    (root / "sub/cmi-sub.ipynb").write_text(json.dumps(article.notebook(*sources)))
    return planned(root)


def cells_of(draft: Draft, path: str) -> list[str]:
    return ["".join(cell["source"]) for cell in (draft.json(path) or {})["cells"]]


CALL = "import kaggle_shim\n\nkaggle_shim.run()"

STARTS = [
    (article.RUN, "exp001.py"),
    ("!PYTHONPATH=/kaggle/input/cmi-codes \\\npython /kaggle/input/cmi-codes/exp001.py", "exp001.py"),
    (
        "!cd /kaggle/working && python3 -u /kaggle/input/datasets/confirm/cmi-codes/exp001.py --fold 1",
        "exp001.py --fold 1",
    ),
    ("!python /kaggle/input/d/confirm/cmi-codes/solution/infer.py > log.txt 2>&1", "solution/infer.py"),
    ("!PYTHONPATH=/kaggle/input/cmi-codes:$PYTHONPATH python -m solution.infer", "-m solution.infer"),
    ("!bash /kaggle/input/cmi-codes/run.sh 'two words'", "bash run.sh 'two words'"),
    ("%%bash\nset -e\npython /kaggle/input/cmi-codes/exp001.py", "exp001.py"),
    ("!pip install -q /kaggle/input/cmi-deps/*.whl; python /kaggle/input/cmi-codes/exp001.py", "exp001.py"),
]


@pytest.mark.parametrize(("source", "entry"), STARTS)
def test_a_command_that_starts_the_codes_becomes_the_entry_point(root: Path, source: str, entry: str) -> None:
    draft = sub_of(root, source)
    assert cells_of(draft, "sub/cmi-sub.ipynb") == [CALL]
    assert draft.text("invoke.yaml") == SETTINGS.replace("other.py", entry)


def test_what_stands_around_the_commands_is_kept(root: Path) -> None:
    draft = sub_of(
        root,
        "# Title\n!nvidia-smi",
        article.INSTALL + "\nprint('installed')",
        "x = 1\n" + article.RUN + "\n!ls",
        "print(x)",
    )
    assert cells_of(draft, "sub/cmi-sub.ipynb") == [
        "# Title\n!nvidia-smi",
        "print('installed')",
        f"x = 1\n{CALL}\n!ls",
        "print(x)",
    ]


LEFT = [
    ("!CUDA_VISIBLE_DEVICES=0 python /kaggle/input/cmi-codes/exp001.py", "`CUDA_VISIBLE_DEVICES: 0`"),
    ("!python /kaggle/input/cmi-codes/{name}.py", "known only while the notebook runs"),
    ("!python /kaggle/input/cmi-codes/exp009.py", "exp009.py"),
    ("!PYTHONPATH=/kaggle/input/other python /kaggle/input/cmi-codes/exp001.py", "PYTHONPATH"),
    (f"{article.RUN}\n!python /kaggle/input/cmi-codes/solution/infer.py", "one entry point"),
    ("import pandas as pd\npd.DataFrame().to_csv('submission.csv')", "its own cells do the work"),
    ("for fold in range(5):\n    !python /kaggle/input/cmi-codes/exp001.py", "its own cells do the work"),
    ("!ls /kaggle/input/cmi-codes", "its own cells do the work"),
]


@pytest.mark.parametrize(("source", "advice"), LEFT)
def test_what_only_a_person_can_decide_is_said_and_left(root: Path, source: str, advice: str) -> None:
    before = (root / "invoke.yaml").read_text()
    draft = sub_of(root, source)
    assert cells_of(draft, "sub/cmi-sub.ipynb") == [source]
    assert draft.text("invoke.yaml") == before
    told = [edit.sentence for edit in draft.edits if edit.path == "sub/cmi-sub.ipynb"]
    assert len(told) == 1
    assert advice in told[0]


PIPS = [
    ("!pip download -d /kaggle/working omegaconf loguru", ["loguru"]),
    ("%pip install loguru==0.7.2", ["loguru==0.7.2"]),
    (
        "!uv pip install 'loguru[dev]>=0.7' --extra-index-url https://x.invalid/simple",
        ["--extra-index-url https://x.invalid/simple", "loguru[dev]>=0.7"],
    ),
    ("!python -m pip wheel -w /kaggle/working --no-deps loguru>=0.7", ["loguru>=0.7"]),
    ("!pip download git+https://x.invalid/y@main#egg=z | tail -1", ["git+https://x.invalid/y@main#egg=z"]),
]


@pytest.mark.parametrize(("source", "lines"), PIPS)
def test_what_pip_is_asked_for_becomes_requirements(root: Path, source: str, lines: list[str]) -> None:
    (root / "deps/deps.ipynb").write_text(json.dumps(article.notebook(source)))
    draft = planned(root)
    assert cells_of(draft, "deps/deps.ipynb") == ["import kaggle_shim\n\nkaggle_shim.collect()"]
    added = (draft.text("deps/requirements.txt") or "").removeprefix(
        "# what the image lacks\nOmegaConf>=2.3\n"
    )
    assert added.splitlines() == lines


def test_packages_read_from_a_file_are_left_to_a_person(root: Path) -> None:
    (root / "deps/deps.ipynb").write_text(
        json.dumps(article.notebook("!pip wheel -r /kaggle/input/mine/requirements.txt omegaconf"))
    )
    assert "Copy its lines" in next(
        edit.sentence for edit in planned(root).edits if edit.path == "deps/deps.ipynb"
    )


def test_a_notebook_keeps_every_character_outside_the_changed_cells(tmp_path: Path) -> None:
    value = article.notebook("first\n", "é = 1", "last")
    value["cells"][0]["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["old"]}]
    value["cells"][1]["metadata"] = {"tags": ["mine"]}
    text = json.dumps(value, indent=3, ensure_ascii=False).replace("\n", "\r\n")
    changed = notebook_edit.replace(text, {0: "one\ntwo", 2: None})
    read = json.loads(changed)
    nbformat.validate(read)
    assert [cell["source"] for cell in read["cells"]] == [["one\n", "two"], ["é = 1"]]
    assert read["cells"][0]["outputs"] == []
    start, end = text.index('"tags"') - 60, text.index('"tags"') + 60
    assert text[start:end] in changed
    assert changed.count("\n") == changed.count("\r\n")


@pytest.mark.parametrize("gone", [{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}])
def test_any_cells_can_go(gone: set[int]) -> None:
    text = json.dumps(article.notebook("a", "b", "c"), indent=1)
    left = json.loads(notebook_edit.replace(text, dict.fromkeys(gone)))
    assert ["".join(cell["source"]) for cell in left["cells"]] == [
        name for number, name in enumerate("abc") if number not in gone
    ]


MOUNTS = [
    ('x = "/kaggle/input/cmi-codes/a.yaml"', 'x = str(kaggle_shim.find("confirm/cmi-codes") / "a.yaml")'),
    ("x = '/kaggle/input/datasets/confirm/cmi-codes'", 'x = str(kaggle_shim.find("confirm/cmi-codes"))'),
    (
        f"x = r'/kaggle/input/competitions/{article.COMPETITION}/'",
        f'x = str(kaggle_shim.find("{article.COMPETITION}")) + "/"',
    ),
    (
        'ä = {"é": "/kaggle/input/cmi-models/pytorch/exp-001/1/w.bin"}',
        'ä = {"é": str(kaggle_shim.find("confirm/cmi-models/pytorch/exp-001/1") / "w.bin")}',
    ),
]


@pytest.mark.parametrize(("line", "fixed"), MOUNTS)
def test_a_fixed_mount_becomes_find(root: Path, line: str, fixed: str) -> None:
    about = json.loads((root / "sub/kernel-metadata.json").read_text())
    about["model_sources"] = ["confirm/cmi-models/pytorch/exp-001/1"]
    (root / "sub/kernel-metadata.json").write_text(json.dumps(about))
    (root / "codes/hello.py").write_text(
        f'#!/usr/bin/env python\n"""Of mine."""\nfrom __future__ import annotations\n{line}\n',
        encoding="utf-8",
    )
    draft = Draft(root)
    fix_mounts(draft)
    assert draft.text("codes/hello.py") == (
        f'#!/usr/bin/env python\n"""Of mine."""\nfrom __future__ import annotations\nimport kaggle_shim\n{fixed}\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        '"""See /kaggle/input/cmi-codes/a."""\n',
        '"/kaggle/input/cmi-codes/a"\n',
        "# /kaggle/input/cmi-codes/a\n",
        'x = f"/kaggle/input/cmi-codes/{1}"\n',
        'x = "/kaggle/input/cmi-codes/" "a"\n',
        'x = "/kaggle/input"\n',
        'x = "/kaggle/input/cmi-codes/a\n',
    ],
)
def test_what_is_no_plain_path_is_not_touched(root: Path, text: str) -> None:
    (root / "codes/exp001.py").write_text(text)
    draft = Draft(root)
    fix_mounts(draft)
    assert draft.changes() == ()


def test_a_mount_of_nothing_attached_is_said(root: Path) -> None:
    (root / "codes/exp001.py").write_text('x = "/kaggle/input/features/a.bin"\n')
    draft = Draft(root)
    fix_mounts(draft)
    assert "Attach it" in draft.edits[0].sentence


def test_a_missing_internet_switch_is_written_as_each_notebook_needs_it(root: Path) -> None:
    for name in ("sub", "deps"):
        path = root / name / "kernel-metadata.json"
        about = json.loads(path.read_text())
        del about["enable_internet"]
        path.write_text(json.dumps(about, indent=4))
    draft = planned(root)
    assert (draft.json("sub/kernel-metadata.json") or {})["enable_internet"] is False
    assert (draft.json("deps/kernel-metadata.json") or {})["enable_internet"] is True
    assert '    "enable_internet": false\n}' in (draft.text("sub/kernel-metadata.json") or "")


def test_what_is_needed_is_attached(root: Path) -> None:
    path = root / "sub/kernel-metadata.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "dataset_sources": [], "kernel_sources": []}, indent=2))
    found = planned(root).json("sub/kernel-metadata.json") or {}
    assert (found["dataset_sources"], found["kernel_sources"]) == (
        ["confirm/cmi-codes"],
        ["confirm/cmi-deps"],
    )


def test_a_title_follows_its_id_and_a_retired_accelerator_its_successor(root: Path) -> None:
    path = root / "sub/kernel-metadata.json"
    about = json.loads(path.read_text())
    path.write_text(
        json.dumps({**about, "title": "My best one", "machine_shape": "NvidiaTeslaP100"}, indent=2)
    )
    found = planned(root).json("sub/kernel-metadata.json") or {}
    assert (found["title"], found["machine_shape"]) == ("cmi-sub", "NvidiaTeslaT4")


def test_the_address_of_a_page_becomes_an_id(root: Path) -> None:
    path = root / "sub/kernel-metadata.json"
    path.write_text(path.read_text().replace('"confirm/cmi-sub"', '"/code/confirm/cmi-sub"'))
    assert (planned(root).json("sub/kernel-metadata.json") or {})["id"] == "confirm/cmi-sub"


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine\n")
    change = Change("a.txt", "old\n", "new\n", ())
    with pytest.raises(WorkflowError, match="changed meanwhile"):
        change.write(tmp_path)
    assert (tmp_path / "a.txt").read_text() == "mine\n"


def test_a_diff_shows_line_ends_and_missing_ones() -> None:
    diff = Change("a.txt", "a\r\nb", "a\nb\n", ()).diff()
    assert "-a\r\n" in diff
    assert "-b\n\\ No newline at end of file\n" in diff
    assert Change("new.txt", None, "x\n", ()).diff().startswith("--- /dev/null\n+++ b/new.txt\n")


@pytest.mark.parametrize(
    "source",
    [
        "!",
        "!'",
        "!pip install 'x",
        "!$(",
        "%%bash",
        "!python",
        "!&& ;; |",
        "!pip",
        "!A=1",
        "",
        "!pip install -r",
        "!cd",
    ],
)
def test_hostile_cells_are_left_alone(root: Path, source: str) -> None:
    draft = sub_of(root, source)
    assert cells_of(draft, "sub/cmi-sub.ipynb") == [source]
    assert all(
        not words or shell_cells.program(words)
        for command in shell_cells.commands(source)
        for words in command.programs or ()
    )


def test_a_shell_cell_with_more_in_it_is_left_whole(root: Path) -> None:
    source = "%%bash\npip install /kaggle/input/cmi-deps/*.whl\ncp -r /kaggle/input/cmi-codes/data ."
    draft = sub_of(root, source, article.RUN)
    assert cells_of(draft, "sub/cmi-sub.ipynb") == [source, CALL]
