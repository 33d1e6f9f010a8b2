"""Moving in: `copier copy --defaults` onto a folder that was made by hand, then `invoke check` and `invoke check --fix`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import kaggle_shim
from tests import article, workspaces
from tests.local_kaggle import LocalKaggle, ScriptedRunner

PLACEHOLDERS = {".copier-answers.yml", "README.md", "pyproject.toml"}
FIXED = {
    *PLACEHOLDERS,
    *("codes/exp001.py", "deps/deps.ipynb", "deps/requirements.txt", "sub/cmi-sub.ipynb"),
}


def kept(root: Path) -> dict[str, bytes]:
    """Every file but those that are made anew."""
    return {
        name: content for name, content in workspaces.files_of(root).items() if not name.startswith("build/")
    }


def adopt(template: Path, root: Path, *answers: str) -> subprocess.CompletedProcess[str]:
    """Move in."""
    return workspaces.copier("copy", "--quiet", "--defaults", *answers, template, root, cwd=root.parent)


def commit(root: Path) -> None:
    if not (root / ".git").is_dir():
        workspaces.git(root, "init", "--quiet")
    workspaces.git(root, "add", "--all")
    workspaces.git(root, "commit", "--quiet", "-m", "mine")


def check(root: Path, *words: str, code: int = 0) -> str:
    done = workspaces.invoke(root, "check", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def findings(root: Path) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(workspaces.invoke(root, "check", "--json").stdout)["findings"]
    return value


@pytest.fixture(scope="module")
def adopted(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The article's folder, moved in; not to be changed."""
    root = article.build(tmp_path_factory.mktemp("adopted") / "kaggle-cmi")
    done = workspaces.copier("copy", "--quiet", "--defaults", template, root, cwd=root.parent)
    assert done.returncode == 0, done.stderr
    commit(root)
    return root


@pytest.fixture
def ws(adopted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(adopted, tmp_path / "kaggle-cmi", symlinks=True))


def test_every_byte_stays_and_only_what_is_missing_comes(adopted: Path, tmp_path: Path) -> None:
    before = workspaces.files_of(article.build(tmp_path / "before"))
    after = workspaces.files_of(adopted)
    assert {name: after.get(name) for name in before} == before
    came = set(after) - set(before)
    assert came == {
        ".copier-answers.yml",
        ".gitattributes",
        ".gitignore",
        "README.md",
        "deps/image.txt",
        "deps/requirements.txt",
        "invoke.yaml",
        "pyproject.toml",
        "requirements.txt",
        "tasks.py",
    }


def test_check_says_file_by_file_what_to_change(adopted: Path) -> None:
    told = {(one["path"], one["name"]): one["sentence"] for one in findings(adopted)}
    assert "`!pip install /kaggle/input/cmi-deps/*.whl" in told["sub/cmi-sub.ipynb", "old-cells"]
    assert "!PYTHONPATH=/kaggle/input/cmi-codes python" in told["sub/cmi-sub.ipynb", "old-cells"]
    assert "kaggle_shim.run()" in told["sub/cmi-sub.ipynb", "no-call"]
    assert "!pip download -d /kaggle/working omegaconf loguru" in told["deps/deps.ipynb", "old-cells"]
    assert "omegaconf, loguru" in told["deps/requirements.txt", "requirements"]
    assert "line 3" in told["codes/exp001.py", "fixed-mount"]
    assert {name for path, name in told if path.endswith("metadata.json")} == {"accelerator"}, (
        "string booleans are read as the client reads them"
    )
    said = check(adopted, code=2)
    assert "`invoke check --fix` shows repairs of 7 files" in said


def test_without_a_terminal_fix_shows_and_writes_nothing(ws: Path) -> None:
    before = kept(ws)
    said = check(ws, "--fix", code=2)
    assert '-    "!pip download -d /kaggle/working omegaconf loguru\\n",' in said
    assert '+    "kaggle_shim.run()"' in said
    assert "invoke check --fix --yes" in said
    assert kept(ws) == before


def test_fix_does_the_mechanical_part_and_nothing_else(ws: Path) -> None:
    before = kept(ws)
    said = check(ws, "--fix", "--yes")
    assert "no errors" in said
    after = kept(ws)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert changed == FIXED
    sub = json.loads(after["sub/cmi-sub.ipynb"])
    assert ["".join(cell["source"]) for cell in sub["cells"]] == ["import kaggle_shim\n\nkaggle_shim.run()"]
    assert sub["metadata"] == json.loads(before["sub/cmi-sub.ipynb"])["metadata"]
    deps = json.loads(after["deps/deps.ipynb"])
    assert ["".join(cell["source"]) for cell in deps["cells"]] == [
        "import kaggle_shim\n\nkaggle_shim.collect()\n!ls"
    ]
    assert after["deps/requirements.txt"] == before["deps/requirements.txt"] + b"omegaconf\nloguru\n"
    again = check(ws, "--fix", "--yes")
    assert "nothing to repair" in again


def test_the_fixed_folder_rehearses_to_the_articles_submission(ws: Path, cache_home: Path) -> None:
    data = "data/competitions/child-mind-institute-detect-sleep-states"
    source = next((workspaces.ROOT / "template").glob("*data*/competitions/*"))
    shutil.copytree(source, ws / data)
    check(ws, "--fix", "--yes")
    done = workspaces.invoke(ws, "rehearse", env={"XDG_CACHE_HOME": str(cache_home)})
    assert done.returncode == 0, done.stdout + done.stderr
    events = {"23:00:00": "onset", "06:30:00": "wakeup"}
    series = pq.read_table(ws / data / "test_series.parquet").to_pylist()
    expected = sorted(
        (row["series_id"], row["step"], events[row["timestamp"][11:19]], "0.5")
        for row in series
        if row["timestamp"][11:19] in events
    )
    lines = (ws / "build/rehearsal/working/submission.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    assert lines[0] == "row_id,series_id,step,event,score"
    assert sorted((row[1], int(row[2]), row[3], row[4]) for row in rows) == expected
    report = json.loads((ws / "build/rehearsal/working/run-report.json").read_text())
    # Kaggle's image has the other package that the notebook installs, omegaconf.
    assert {name for name, _ in report["wheels"]} == {"loguru"}
    assert report["template"].startswith(f"{kaggle_shim.__version__}+")


def test_line_ends_indentation_and_byte_order_mark_survive_a_fix(ws: Path) -> None:
    path = ws / "sub/kernel-metadata.json"
    text = path.read_text().replace("  ", "\t").replace('"confirm/cmi-deps"', "").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    check(ws, "--fix", "--yes")
    after = path.read_bytes().decode("utf-8")
    assert after.startswith("\ufeff")
    assert after.count("\n") == after.count("\r\n")
    assert json.loads(after.removeprefix("\ufeff"))["kernel_sources"] == ["confirm/cmi-deps"]
    assert '\t"is_private": "true",\r\n' in after


OCCUPIED = [
    ("codes", "mv codes my_codes", "mine"),
    ("requirements.txt", "mv requirements.txt deps/requirements.txt", "mine"),
    ("requirements.txt", "mv requirements.txt deps/requirements.txt", "[kaggle] c*mi?"),
]


@pytest.mark.parametrize(("name", "command", "folder"), OCCUPIED)
def test_a_file_of_ones_own_stops_a_copy_before_its_first_file(
    template: Path, tmp_path: Path, name: str, command: str, folder: str
) -> None:
    if sys.platform == "win32" and "*" in folder:
        pytest.skip("Windows has no such names")
    root = article.build(tmp_path / folder)
    if name == "codes":
        shutil.rmtree(root / "codes")
    (root / name).write_text("loguru\n", encoding="utf-8")
    before = workspaces.files_of(root)
    done = adopt(template, root)
    assert done.returncode != 0
    assert f"`{command}`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert workspaces.files_of(root) == before
    subprocess.run(command, shell=True, cwd=root, check=True)  # noqa: S602 - the very command that the message gives
    done = adopt(template, root)
    assert done.returncode == 0, done.stderr
    if name == "requirements.txt":
        assert (root / "deps/requirements.txt").read_text(encoding="utf-8") == "loguru\n"


def test_tasks_of_ones_own_get_the_commands_beside_them(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    mine = "from invoke import task\n\n@task\ndef mine(c):\n    '''Mine.'''\n    print('my own')\n"
    (root / "tasks.py").write_text(mine, encoding="utf-8")
    assert adopt(template, root).returncode == 0
    assert (root / "tasks.py").read_text(encoding="utf-8") == mine
    fixed = workspaces.python("-m", "kaggle_workflow", "check", "--fix", "--yes", cwd=root)
    assert fixed.returncode == 0, fixed.stderr
    assert (root / "tasks.py").read_text(encoding="utf-8").startswith(mine)
    assert "my own" in workspaces.invoke(root, "mine").stdout
    assert "no errors" in workspaces.invoke(root, "check").stdout


def test_another_templates_answers_are_not_overwritten(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    (root / ".copier-answers.yml").write_text("_src_path: elsewhere\nname: x\n")
    done = adopt(template, root)
    assert done.returncode != 0
    assert "`-a .copier-answers.kaggle.yml`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (root / "tasks.py").exists()
    done = adopt(template, root, "-a", ".copier-answers.kaggle.yml")
    assert done.returncode == 0, done.stderr
    assert (root / ".copier-answers.yml").read_text() == "_src_path: elsewhere\nname: x\n"
    assert "errors" in check(root, code=2)


def test_a_second_copy_fills_in_and_is_not_stopped(template: Path, ws: Path) -> None:
    (ws / "deps/image.txt").unlink()
    again = workspaces.copier("copy", "--quiet", "--defaults", template, ws, cwd=ws.parent)
    assert again.returncode == 0, again.stderr
    assert (ws / "deps/image.txt").is_file()
    recopied = workspaces.copier("recopy", "--quiet", "--defaults", "--overwrite", cwd=ws)
    assert recopied.returncode == 0, recopied.stderr


def test_other_file_names_than_ours_get_no_companion(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    (root / "deps/deps.ipynb").rename(root / "deps/wheels-2024.ipynb")
    workspaces.edit_json(root / "deps/kernel-metadata.json", code_file="wheels-2024.ipynb")
    (root / "codes/exp001.py").rename(root / "codes/baseline.py")
    text = (root / "sub/cmi-sub.ipynb").read_text()
    (root / "sub/cmi-sub.ipynb").write_text(text.replace("exp001", "baseline"))
    assert adopt(template, root).returncode == 0
    assert {path.name for path in root.glob("*/*.ipynb")} == {"wheels-2024.ipynb", "cmi-sub.ipynb"}
    assert {path.name for path in (root / "codes").iterdir()} == {
        "baseline.py",
        "hello.py",
        "dataset-metadata.json",
    }
    check(root, "--fix", "--yes")
    assert "  entry: baseline.py\n" in (root / "invoke.yaml").read_text()


def test_a_folder_inside_a_larger_repository(template: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    root = article.build(repository / "competitions/cmi")
    (repository / "tasks.py").write_text("# of the repository\n")
    (repository / ".gitignore").write_text("*.log\n")
    commit(repository)
    assert adopt(template, root).returncode == 0
    check(root, "--fix", "--yes")
    changed = workspaces.git(repository, "status", "--porcelain").splitlines()
    assert changed
    assert all("competitions/cmi/" in line for line in changed)


def test_a_gitignore_of_ones_own_is_told_what_it_lacks(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    (root / ".gitignore").write_bytes(b"*.log\r\n")
    commit(root)
    assert adopt(template, root).returncode == 0
    assert ".gitignore: warning: git does not ignore build/" in check(root, code=2)
    check(root, "--fix", "--yes")
    assert (root / ".gitignore").read_bytes() == b"*.log\r\n/build\r\n/data\r\n"


def test_a_pyproject_of_ones_own_is_told_how_to_start(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    (root / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    assert adopt(template, root).returncode == 0
    assert "uv run --with-requirements requirements.txt invoke" in check(root, code=2)


def test_a_notebook_pulled_with_the_official_client_moves_in(template: Path, tmp_path: Path) -> None:
    mine = article.build(tmp_path / "mine")
    root = tmp_path / "moved"
    with LocalKaggle(tmp_path / "kaggle", runner=ScriptedRunner(lambda _: [])) as kaggle:
        token = kaggle.add_user("confirm")
        kaggle.add_competition(article.COMPETITION, public={"a.csv": b"id\n0\n"}, metric="accuracy")
        kaggle.add_dataset("confirm/cmi-codes", {"exp001.py": "1"})
        environment = {**kaggle.environment("confirm"), "KAGGLE_API_TOKEN": token}

        def official(*words: str) -> None:
            done = subprocess.run(
                [sys.executable, "-m", "kaggle", *words],
                env=environment,
                capture_output=True,
                text=True,
                cwd=tmp_path,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

        for name in ("deps", "sub"):
            official("kernels", "push", "-p", str(mine / name))
            kaggle.wait_for_runs()
            official("kernels", "pull", "-m", f"confirm/cmi-{name}", "-p", str(root / name))
    shutil.copytree(mine / "codes", root / "codes")
    before = workspaces.files_of(root)
    assert adopt(template, root).returncode == 0
    after = workspaces.files_of(root)
    assert {name: after[name] for name in before} == before
    assert {path.name for path in root.glob("*/*.ipynb")} == {"cmi-deps.ipynb", "cmi-sub.ipynb"}
    check(root, "--fix", "--yes")
    assert "kaggle_shim.run()" in (root / "sub/cmi-sub.ipynb").read_text()


def test_a_pulled_notebook_at_the_top_is_told_where_to_go(template: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    shutil.copytree(article.build(tmp_path / "article") / "sub", root)
    assert adopt(template, root).returncode == 0
    told = {one["name"]: one["sentence"] for one in findings(root)}
    assert "Move this file and cmi-sub.ipynb into one" in told["stray-metadata"]


WRITES = json.dumps(article.notebook("open('submission.csv', 'w')"))
LAYOUTS: list[tuple[dict[str, str], dict[str, str]]] = [
    # Notebooks and nothing else.
    ({"best.ipynb": WRITES, "eda.ipynb": "{}"}, {"best.ipynb": "Replace sub/sub.ipynb with it"}),
    # A package with its own build, README and tests.
    (
        {
            "src/mine/a.py": "1\n",
            "tests/a.py": "1\n",
            "pyproject.toml": "[project]\n",
            "README.md": "# Mine\n",
        },
        {"src": "`git mv src codes/`", "pyproject.toml": "--with-requirements"},
    ),
    # Experiments, with settings of invoke and none of ours.
    (
        {
            "exp/exp001/run.py": "1\n",
            "invoke.yaml": "run:\n  echo: true\n",
            "data/a.csv": "a\n",
            "venv/pyvenv.cfg": "",
        },
        {"exp": "`git mv exp codes/`", "invoke.yaml": "No entry point is set"},
    ),
    # Code that already is a dataset.
    ({"lib/dataset-metadata.json": "{}", "lib/a.py": "1\n"}, {"lib": "`git mv lib codes/`"}),
    # Codes where ours lie: nothing to move.
    ({"codes/a.py": "1\n", "codes/b.py": "1\n", "scripts/a.py": "1\n", "best.ipynb": "{}"}, {}),
]


@pytest.mark.parametrize(("mine", "advice"), LAYOUTS)
def test_folders_of_other_shapes_keep_every_byte_and_are_told_what_to_move(
    template: Path, tmp_path: Path, mine: dict[str, str], advice: dict[str, str]
) -> None:
    root = tmp_path / "mine"
    for name, text in mine.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert adopt(template, root).returncode == 0
    told = {
        one["path"]: one["sentence"]
        for one in findings(root)
        if not one["path"].endswith(".json")
        and one["name"] not in ("limit", "own-cells", "no-call", "staging")
    }
    assert {name for name in told if name != "invoke.yaml" or name in advice} == set(advice), told
    assert all(sentence in told[name] for name, sentence in advice.items()), told
    assert {name: (root / name).read_text() for name in mine} == mine
    if "invoke.yaml" in mine:
        check(root, "--fix", "--yes")
        assert (root / "invoke.yaml").read_text() == mine["invoke.yaml"] + "workspace:\n  entry: exp001.py\n"
        (root / "ledger.jsonl").write_text("")
        assert "git mv" not in check(root)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"language": "r", "code_file": "main.irnb"}, "official client"),
        ({"kernel_type": "script", "code_file": "main.py"}, "Move main.py into codes/"),
    ],
)
def test_scripts_and_r_get_one_sentence(ws: Path, changes: dict[str, str], advice: str) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", **changes)
    told = [one for one in findings(ws) if one["path"].startswith("sub/")]
    assert len(told) == 1
    assert advice in told[0]["sentence"]


def test_what_the_official_client_starts_a_notebook_with_is_filled_in(ws: Path) -> None:
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json",
        id="confirm/INSERT_KERNEL_SLUG_HERE",
        title="INSERT_TITLE_HERE",
        code_file="INSERT_CODE_FILE_PATH_HERE",
        language="Pick one of: {python,r,rmarkdown,sqlite,julia}",
        kernel_type="Pick one of: {script,notebook}",
        enable_internet="true",
    )
    check(ws, "--fix", "--yes")
    about = json.loads((ws / "sub/kernel-metadata.json").read_text())
    assert about["id"] == "confirm/cmi-sub"
    assert about["title"] == "cmi-sub"
    assert about["code_file"] == "cmi-sub.ipynb"
    assert (about["language"], about["kernel_type"], about["enable_internet"]) == (
        "python",
        "notebook",
        False,
    )


def test_another_username_is_told_by_id_and_rewritten(template: Path, tmp_path: Path) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="titanic", username="your-old-name")
    commit(root)
    done = workspaces.copier("update", "--quiet", "--defaults", "-d", "username=newname", cwd=root)
    assert done.returncode == 0, done.stderr
    told = [one["sentence"] for one in findings(root) if one["name"] == "username"]
    for name in ("cmi-codes", "cmi-deps", "cmi-sub"):
        assert any(f"your-old-name/{name}" in sentence and f"newname/{name}" in sentence for sentence in told)
    check(root, "--fix", "--yes")
    for path in root.glob("*/*-metadata.json"):
        assert "your-old-name" not in path.read_text()
    sub = json.loads((root / "sub/kernel-metadata.json").read_text())
    assert (sub["id"], sub["dataset_sources"], sub["kernel_sources"]) == (
        "newname/cmi-sub",
        ["newname/cmi-codes"],
        ["newname/cmi-deps"],
    )


def test_a_team_mates_dataset_is_not_rewritten(template: Path, tmp_path: Path) -> None:
    root = workspaces.make(template, tmp_path / "ws", competition="titanic")
    workspaces.edit_json(root / "codes/dataset-metadata.json", id="mate/cmi-codes")
    workspaces.edit_json(root / "sub/kernel-metadata.json", dataset_sources=["mate/cmi-codes"])
    check(root, "--fix", "--yes")
    assert json.loads((root / "codes/dataset-metadata.json").read_text())["id"] == "mate/cmi-codes"
    assert "mate/cmi-codes does not belong to you" in check(root)


def test_a_real_username_and_competition_come_from_what_is_there(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    shutil.rmtree(root / "deps")
    assert adopt(template, root).returncode == 0
    check(root, "--fix", "--yes")
    deps = json.loads((root / "deps/kernel-metadata.json").read_text())
    assert (deps["id"], deps["title"]) == ("confirm/cmi-deps", "cmi-deps")
    for name in ("README.md", "pyproject.toml", ".copier-answers.yml"):
        assert "your-" not in (root / name).read_text(encoding="utf-8")
    answers = (root / ".copier-answers.yml").read_text(encoding="utf-8")
    assert f"\ncompetition: {article.COMPETITION}\n" in answers
    assert "\nprefix: cmi\n" in answers
    assert "\nusername: confirm\n" in answers
    assert f"(https://www.kaggle.com/competitions/{article.COMPETITION})" in (root / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_copy_says_what_comes_next(template: Path, tmp_path: Path) -> None:
    root = article.build(tmp_path / "mine")
    said = workspaces.copier("copy", "--defaults", template, root, cwd=tmp_path).stderr
    assert "python -m kaggle_workflow check     (lists what to change in your files; --fix" in said
    assert "invoke rehearse" not in said.partition("Next, inside it:")[2]


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX's own")
def test_on_a_terminal_each_file_is_asked_about(ws: Path) -> None:
    import os
    import pty

    ours, theirs = pty.openpty()
    # Yes to one of them, in the order of their names.
    answers = ["y" if name == "deps/deps.ipynb" else "n" for name in sorted(FIXED)]
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    before = kept(ws)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "KAGGLE_"))
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "check", "--fix"],
        cwd=ws,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 4096):
            said += block
    except OSError:
        # Linux says so when the other end is closed.
        pass
    assert child.wait(60) == 2
    os.close(ours)
    assert said.count(b"[y/N]") == len(FIXED)
    changed = {name for name, content in kept(ws).items() if before.get(name) != content}
    assert changed == {"deps/deps.ipynb"}
