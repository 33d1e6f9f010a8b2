"""The optional files for editors and services: only those that were chosen, whole, and about commands that exist."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from invoke.vendor import yaml

from kaggle_workflow.findings import ERROR, WARNING, Finding
from tests import commands, programs, workspaces
from tests.tools import jsonc

FILES = {
    "vscode": {
        ".vscode/extensions.json",
        ".vscode/launch.json",
        ".vscode/settings.json",
        ".vscode/tasks.json",
    },
    "devcontainer": {".devcontainer/devcontainer.json"},
    "github-actions": {f".github/workflows/{name}.yml" for name in ("check", "push", "submit")},
    "agents": {"AGENTS.md"},
}
ALL = {name for names in FILES.values() for name in names}


def names_of(root: Path) -> set[str]:
    return set(workspaces.files_of(root))


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with every extra."""
    return workspaces.make(
        template,
        tmp_path_factory.mktemp("extras") / "ws",
        competition="titanic",
        extras=json.dumps(list(FILES)),
    )


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


@pytest.fixture(scope="module")
def plain(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("plain") / "ws", competition="titanic")


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types


def test_all_of_them_and_nothing_else(made: Path, plain: Path) -> None:
    assert names_of(made) - names_of(plain) == ALL
    assert not ALL & names_of(plain)
    for name in ALL:
        text = (made / name).read_bytes().decode("utf-8")
        assert "{%" not in text
        assert not re.search(r"(?<!\$)\{\{", text), name
        assert "\r" not in text


@pytest.fixture(scope="module")
def halves(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Two workspaces, each with half of the extras."""
    folder = tmp_path_factory.mktemp("halves")
    return {
        pair: workspaces.make(
            template, folder / pair[0], competition="titanic", extras=f"[{', '.join(pair)}]"
        )
        for pair in (("agents", "vscode"), ("devcontainer", "github-actions"))
    }


def test_one_comes_without_the_other(halves: dict[tuple[str, str], Path], plain: Path) -> None:
    for pair, root in halves.items():
        assert names_of(root) - names_of(plain) == {name for extra in pair for name in FILES[extra]}


def test_they_are_the_users_and_can_be_had_later(
    template: Path, halves: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    root = Path(shutil.copytree(halves["agents", "vscode"], tmp_path / "ws"))
    (root / "AGENTS.md").write_text("mine\n", encoding="utf-8")
    (root / ".vscode/tasks.json").unlink()
    workspaces.git(root, "init", "--quiet")
    workspaces.git(root, "add", "--all")
    workspaces.git(root, "commit", "--quiet", "-m", "start")
    workspaces.git(template, "tag", "v1000.0.1")
    try:
        done = workspaces.copier("update", "--quiet", "--defaults", cwd=root)
    finally:
        workspaces.git(template, "tag", "--delete", "v1000.0.1")
    assert done.returncode == 0, done.stderr
    assert (root / "AGENTS.md").read_text(encoding="utf-8") == "mine\n"
    assert not (root / ".vscode/tasks.json").exists()
    words = (
        "recopy",
        "--quiet",
        "--defaults",
        "--overwrite",
        "-d",
        "extras=[agents, vscode, github-actions]",
    )
    done = workspaces.copier(*words, cwd=root)
    assert done.returncode == 0, done.stderr
    assert FILES["github-actions"] <= names_of(root)
    assert (root / "AGENTS.md").read_text(encoding="utf-8") == "mine\n"


def test_an_update_leaves_them_alone_by_both_lists_of_copier_yml() -> None:
    config = read_yaml(workspaces.ROOT / "copier.yml")
    for name in ALL:
        path = f"/{name.split('/')[0]}"
        assert path in config["_skip_if_exists"]
        assert f"{{% if _copier_operation == 'update' %}}{path}{{% endif %}}" in config["_exclude"]
    assert config["extras"]["default"] == []
    assert set(config["extras"]["choices"].values()) == set(FILES)


# VS Code


def vscode(root: Path, name: str) -> Any:
    return jsonc.loads((root / ".vscode" / name).read_text(encoding="utf-8"))


def test_tasks_run_commands_and_options_that_exist(made: Path) -> None:
    value = vscode(made, "tasks.json")
    inputs = {one["id"] for one in value["inputs"]}
    assert inputs == {"entry", "message"}
    used = set()
    for task in value["tasks"]:
        assert task["command"] == "${command:python.interpreterPath}"
        assert task["args"][:2] == ["-m", "invoke"]
        name, *words = task["args"][2:]
        given = {word for word in words if word.startswith("--")}
        assert given <= commands.options()[name], task["label"]
        # A task never answers a question for the person who started it.
        assert not {"--yes", "--allow", "--force", "--public"} & given
        used |= set(re.findall(r"\$\{input:(\w+)\}", " ".join(words)))
    assert used == inputs
    labels = {task["label"].split(" ")[0] for task in value["tasks"]}
    assert {"check", "rehearse", "push", "submit", "ship", "status", "history"} <= labels


def matches(root: Path, output: str) -> list[dict[str, str | None]]:
    """What VS Code would mark: each matcher looks at every line; of one line the first counts."""
    (task,) = [one for one in vscode(root, "tasks.json")["tasks"] if one["label"] == "check"]
    found = []
    for line in output.splitlines():
        for matcher in task["problemMatcher"]:
            assert matcher["fileLocation"] == ["relative", "${workspaceFolder}"]
            pattern = matcher["pattern"]
            if match := re.fullmatch(pattern["regexp"].removeprefix("^").removesuffix("$"), line):
                fields = ("file", "line", "severity", "message", "code")
                found.append({name: match[pattern[name]] if name in pattern else None for name in fields})
                break
    return found


def test_what_check_prints_is_marked_in_the_file(ws: Path) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", title="x", enable_internet=True)
    (ws / "deps/requirements.txt").write_text("# packages\nnumpy==\n", encoding="utf-8")
    told = workspaces.invoke(ws, "check", "--json")
    said = workspaces.invoke(ws, "check")
    expected = [
        (one["path"], one["line"], one["level"], one["sentence"], one["name"])
        for one in json.loads(told.stdout)["findings"]
    ]
    assert {line is None for _, line, *_ in expected} == {True, False}
    marked = [
        (
            one["file"],
            None if one["line"] is None else int(one["line"]),
            one["severity"],
            one["message"],
            one["code"],
        )
        for one in matches(ws, said.stdout + said.stderr)
    ]
    assert sorted(marked, key=str) == sorted(expected, key=str)
    for name, *_ in marked:
        assert name is not None
        assert (ws / name).is_file()


@pytest.mark.parametrize("level", [ERROR, WARNING])
@pytest.mark.parametrize("line", [None, 12])
def test_every_kind_of_finding_is_marked(made: Path, level: str, line: int | None) -> None:
    finding = Finding(
        level, "title-length", "sub/kernel metadata.json", "The title 'x: [y]' is short: 5 are needed.", line
    )
    (marked,) = matches(made, f"before\n{finding}\ncheck: no errors, 2 warnings.\n")
    told = {"file": finding.path, "line": line and str(line), "severity": level, "message": finding.sentence}
    assert marked == {**told, "code": finding.name}


@pytest.mark.skipif(
    programs.working("node") is None, reason="no node works here, whose regular expressions VS Code uses"
)
def test_the_matchers_mean_the_same_in_javascript(made: Path) -> None:
    (task,) = [one for one in vscode(made, "tasks.json")["tasks"] if one["label"] == "check"]
    line = "sub/kernel-metadata.json:7: error: The title 'x': it has 1 [of 5] characters. [title-length]"
    script = "const [e, l] = process.argv.slice(1); console.log(JSON.stringify(l.match(new RegExp(e))))"
    said = [
        json.loads(
            subprocess.run(
                ["node", "-e", script, matcher["pattern"]["regexp"], text],
                capture_output=True,
                check=True,
                encoding="utf-8",
            ).stdout
        )
        for matcher, text in zip(task["problemMatcher"], (line, line.replace(":7:", ":")), strict=True)
    ]
    sentence = "The title 'x': it has 1 [of 5] characters."
    assert said[0][1:] == ["sub/kernel-metadata.json", "7", "error", sentence, "title-length"]
    assert said[1][1:] == ["sub/kernel-metadata.json", "error", sentence, "title-length"]


def test_the_editor_finds_the_environment_and_the_shim(made: Path) -> None:
    settings = vscode(made, "settings.json")
    assert settings["python.defaultInterpreterPath"] == "${workspaceFolder}/.venv"
    assert all((made / folder).is_dir() for folder in settings["python.analysis.extraPaths"])
    assert all("." in name for name in vscode(made, "extensions.json")["recommendations"])


def test_f5_runs_the_current_entry_point_with_the_shim(ws: Path) -> None:
    launch = vscode(ws, "launch.json")
    first = launch["configurations"][0]
    cwd = first["cwd"].replace("${workspaceFolder}", str(ws))
    (ws / "data/competitions/titanic").mkdir(parents=True)
    (ws / "codes/tool.py").write_text("NAME = 'tool'\n", encoding="utf-8")
    (ws / "codes/exp002.py").write_text(
        "import sys, kaggle_shim, tool\nopen('debugged.txt', 'w').write(f'{tool.NAME} {sys.argv[1:]} {kaggle_shim.find().name}')\n",
        encoding="utf-8",
    )
    settings = (ws / "invoke.yaml").read_text(encoding="utf-8").replace("exp001.py", "exp002.py --fold 1")
    (ws / "invoke.yaml").write_text(settings, encoding="utf-8")
    done = workspaces.python("-m", first["module"], cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert (ws / "build/debug/debugged.txt").read_text(encoding="utf-8") == "tool ['--fold', '1'] titanic"
    (ws / "codes/exp002.py").unlink()
    done = workspaces.python("-m", first["module"], cwd=cwd)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "exp002.py" in done.stderr


def test_f5_runs_the_entry_point_of_another_notebook(ws: Path) -> None:
    training = next(one for one in vscode(ws, "launch.json")["configurations"] if one["name"] == "Training")
    words = ("-m", training["module"], *training["args"])
    done = workspaces.python(*words, cwd=ws)
    assert (done.returncode, "train is not a notebook's folder" in done.stderr) == (1, True)
    assert workspaces.invoke(ws, "new-notebook").returncode == 0
    (ws / "codes/train.py").write_text(
        "import os; print('light', os.environ['KAGGLE_SHIM_LIGHT'])\n", encoding="utf-8"
    )
    assert workspaces.python(*words, cwd=ws, **training["env"]).stdout == "light 1\n"


# Dev container

DEVCONTAINER = {
    "name": str, "image": str, "hostRequirements": dict, "initializeCommand": str, "mounts": list, "runArgs": list,
    "postCreateCommand": str, "customizations": dict,
}  # fmt: skip


def test_the_dev_container_is_kaggles_image_with_kaggles_paths(made: Path) -> None:
    value = jsonc.loads((made / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert {name: type(one) for name, one in value.items()} == DEVCONTAINER
    assert value["image"].startswith("gcr.io/kaggle-images/python")
    assert value["hostRequirements"] == {"gpu": "optional"}
    mounts = [dict(field.partition("=")[::2] for field in mount.split(",")) for mount in value["mounts"]]
    assert mounts[0] == {
        "source": "${localWorkspaceFolder}/data",
        "target": "/kaggle/input",
        "type": "bind",
        "readonly": "",
    }
    assert mounts[1]["target"] == "/kaggle/tmp"
    assert (
        value["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
        in value["postCreateCommand"]
    )
    assert "-r requirements.txt" in value["postCreateCommand"]
    # No credential is passed in.
    assert "localEnv" not in json.dumps(value)
    assert ".kaggle" not in json.dumps(value)


@pytest.mark.skipif(sys.platform == "win32", reason="runs the line with sh")
def test_the_folder_that_is_mounted_is_made_once(made: Path, tmp_path: Path) -> None:
    value = jsonc.loads((made / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", value["initializeCommand"]], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0
        assert (tmp_path / "data").is_dir()


# Continuous integration


def workflows(root: Path) -> dict[str, Any]:
    return {path.stem: read_yaml(path) for path in sorted((root / ".github/workflows").glob("*.yml"))}


def test_the_workflows_pass_their_linters(made: Path) -> None:
    folder = made / ".github" / "workflows"
    schema = [
        "check-jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        *map(str, folder.glob("*.yml")),
    ]
    for command in (schema, ["zizmor", "--offline", "--no-progress", "--persona", "pedantic", str(folder)]):
        program = shutil.which(command[0], path=str(Path(sys.executable).parent))
        assert program is not None, f"{command[0]} is part of the development environment"
        done = subprocess.run([program, *command[1:]], capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def steps(workflow: Any) -> list[tuple[Any, Any]]:
    return [(job, step) for job in workflow["jobs"].values() for step in job["steps"]]


def test_what_they_run_exists(made: Path) -> None:
    ran = set()
    for workflow in workflows(made).values():
        for _, step in steps(workflow):
            for line in step.get("run", "").splitlines():
                words = shlex.split(line)
                if words[:3] == ["python", "-m", "invoke"]:
                    given = {word for word in words[4:] if word.startswith("--")}
                    assert given <= commands.options()[words[3]], line
                    ran.add(words[3])
    assert ran == {"check", "data", "rehearse", "push", "submit"}


def test_a_submission_needs_a_person_twice(made: Path) -> None:
    for name, workflow in workflows(made).items():
        # YAML reads the key `on` as true.
        triggers = set(workflow[True])
        text = json.dumps(workflow["jobs"])
        submits = "invoke submit" in text or "invoke ship" in text
        assert submits == (name == "submit")
        if submits:
            assert triggers == {"workflow_dispatch"}
            assert {job["environment"] for job in workflow["jobs"].values()} == {"kaggle-submission"}
    assert set(workflows(made)["check"][True]) == {"pull_request"}
    assert workflows(made)["push"][True] == {"push": {"tags": ["v*"]}}


def test_secrets_reach_only_the_steps_that_need_them(made: Path) -> None:
    for workflow in workflows(made).values():
        assert workflow["permissions"] == {}
        assert "secrets." not in json.dumps({**workflow, True: None, "jobs": None})
        for job, step in steps(workflow):
            secret = "secrets." in json.dumps(step)
            asks_kaggle = bool(re.search(r"invoke (data|push|submit)", step.get("run", "")))
            assert secret == asks_kaggle, step
            assert "secrets." not in json.dumps({**job, "steps": []})
            if secret:
                assert "environment" in job


# Agents


def test_agents_are_told_commands_and_exit_codes_that_exist(made: Path) -> None:
    text = (made / "AGENTS.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 66
    for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE):
        for line in re.findall(r"`([^`]+)`", row):
            name, *words = line.split()
            assert {word for word in words if word.startswith("--")} <= commands.options()[name], line
    from kaggle_workflow import errors

    codes = {
        one.exit_code for one in vars(errors).values() if isinstance(one, type) and hasattr(one, "exit_code")
    }
    told = {
        int(number)
        for number in re.findall(r"\b(\d+) [A-Za-z]", text.split("## Exit codes")[1].split("## Never")[0])
    }
    assert told == {0, 1, 130} | codes
    for word in ("--allow", "--force", "--public", "ledger.jsonl", "credentials"):
        assert word in text
    for name in re.findall(r"`(docs/[\w.-]+)`", text):
        assert (workspaces.ROOT / name).is_file(), name


def test_without_a_terminal_nothing_waits_for_an_answer(ws: Path) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", enable_internet=True)
    done = workspaces.invoke(ws, "check", "--fix")
    assert done.returncode in (0, 2)
    assert "enable_internet" in done.stdout
    assert (
        json.loads((ws / "sub/kernel-metadata.json").read_text(encoding="utf-8"))["enable_internet"] is True
    )
