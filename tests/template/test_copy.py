"""What `copier copy` makes: exactly these files, all of them whole, right from the first second."""

import json
import tomllib
from pathlib import Path

import nbformat
import pytest
from invoke.vendor import yaml

from tests import workspaces

FILES = {
    ".copier-answers.yml",
    ".gitattributes",
    ".gitignore",
    "README.md",
    "codes/dataset-metadata.json",
    "codes/exp001.py",
    "deps/deps.ipynb",
    "deps/image.txt",
    "deps/kernel-metadata.json",
    "deps/requirements.txt",
    "invoke.yaml",
    "pyproject.toml",
    "requirements.txt",
    "sub/kernel-metadata.json",
    "sub/sub.ipynb",
    "tasks.py",
}
# The paths that an update never touches are an interface: scripts and people rely on them. Changing this list is a breaking change.
PUBLIC_PATHS = [
    "/codes",
    "/deps",
    "/sub",
    "/data",
    "/invoke.yaml",
    "/README.md",
    "/pyproject.toml",
    "/.gitignore",
    "/.gitattributes",
    "/.kaggleignore",
    "/ledger.jsonl",
    "/.vscode",
    "/.devcontainer",
    "/.github",
    "/AGENTS.md",
    "/tasks.py",
]
PIN_IN_AN_UPDATE = "{% if _copier_phase != 'render' %}/requirements.txt{% endif %}"
EXAMPLE_DATA = {
    "data/competitions/child-mind-institute-detect-sleep-states/sample_submission.csv",
    "data/competitions/child-mind-institute-detect-sleep-states/test_series.parquet",
}


@pytest.fixture(scope="module")
def default(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("default") / "ws", competition="titanic")


@pytest.fixture(scope="module")
def example(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(template, tmp_path_factory.mktemp("example") / "ws", example="cmi-sleep")


def test_the_default_start_is_exactly_these_sixteen_files(default: Path) -> None:
    assert set(workspaces.files_of(default)) == FILES
    assert len(FILES) == 16


def test_twenty_lines_of_python_at_most_are_not_the_users(default: Path) -> None:
    text = (default / "tasks.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 20
    assert {name for name in FILES if name.endswith(".py")} == {"codes/exp001.py", "tasks.py"}


def test_the_example_brings_its_data_and_nothing_else(example: Path) -> None:
    assert set(workspaces.files_of(example)) == FILES | EXAMPLE_DATA
    data = sum((example / name).stat().st_size for name in EXAMPLE_DATA)
    assert data < 1_000_000


@pytest.mark.parametrize("start", ["default", "example"])
def test_everything_parses_and_no_placeholder_is_left(start: str, request: pytest.FixtureRequest) -> None:
    workspace: Path = request.getfixturevalue(start)
    for name, content in workspaces.files_of(workspace).items():
        if name.endswith(".parquet"):
            continue
        text = content.decode("utf-8")
        assert "{{" not in text, name
        assert "{%" not in text, name
        assert "\r" not in text, name
        if name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yaml", ".yml")):
            yaml.safe_load(text)  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types
        elif name.endswith(".ipynb"):
            nbformat.validate(nbformat.reads(text, as_version=4))
        elif name.endswith(".py"):
            compile(text, name, "exec")


def test_metadata_is_right_from_the_first_second(template: Path, tmp_path: Path) -> None:
    workspace = workspaces.make(
        template,
        tmp_path / "ws",
        competition="https://www.kaggle.com/competitions/UBC-OCEAN/overview",
        prefix="ubc",
        accelerator="NvidiaL4",
    )
    sub = json.loads((workspace / "sub/kernel-metadata.json").read_text())
    deps = json.loads((workspace / "deps/kernel-metadata.json").read_text())
    codes = json.loads((workspace / "codes/dataset-metadata.json").read_text())
    assert (sub["id"], sub["title"]) == ("you/ubc-sub", "ubc-sub")
    assert sub["dataset_sources"] == [codes["id"]] == ["you/ubc-codes"]
    assert sub["kernel_sources"] == [deps["id"]] == ["you/ubc-deps"]
    assert sub["competition_sources"] == ["UBC-OCEAN"]
    assert (sub["is_private"], sub["enable_internet"], sub["enable_gpu"], sub["enable_tpu"]) == (
        True,
        False,
        True,
        False,
    )
    assert sub["machine_shape"] == "NvidiaL4"
    assert (deps["is_private"], deps["enable_internet"]) == (True, True)


def test_a_fifty_character_competition_gives_names_that_kaggle_takes(template: Path, tmp_path: Path) -> None:
    slug = "a-competition-with-a-very-long-name-of-fifty-chars"
    assert len(slug) == 50
    done = workspaces.copier(
        "copy", "--quiet", "--defaults", "-d", f"competition={slug}", template, tmp_path / "ws", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    for name in ("sub/kernel-metadata.json", "deps/kernel-metadata.json", "codes/dataset-metadata.json"):
        about = json.loads((tmp_path / "ws" / name).read_text())
        assert 6 <= len(about["title"]) <= 50
        assert about["id"].endswith("/" + about["title"])


def test_suggested_prefixes_tell_two_long_competitions_apart(template: Path, tmp_path: Path) -> None:
    titles = set()
    for number in (1, 2):
        slug = f"child-mind-institute-problematic-internet-use-{number}"
        workspaces.copier(
            "copy",
            "--quiet",
            "--defaults",
            "-d",
            f"competition={slug}",
            template,
            tmp_path / str(number),
            cwd=tmp_path,
        )
        titles.add(json.loads((tmp_path / str(number) / "sub/kernel-metadata.json").read_text())["title"])
    assert len(titles) == 2


@pytest.mark.parametrize(
    ("question", "answer", "advice"),
    [
        ("competition", "https://example.com/x", "slug"),
        ("competition", "titanic\n", "slug"),
        ("competition", "../titanic", "slug"),
        ("username", "@me", "username"),
        ("username", "me me", "username"),
        ("prefix", "Cmi", "lower-case"),
        ("prefix", "cmi-", "lower-case"),
        ("prefix", "x" * 41, "2 to 40"),
        ("accelerator", "P100", "P100"),
    ],
)
def test_a_wrong_answer_is_refused_with_what_to_type(
    template: Path, tmp_path: Path, question: str, answer: str, advice: str
) -> None:
    data = {"competition": "titanic", "username": "you", "prefix": "cmi", question: answer}
    words = [word for name, value in data.items() for word in ("-d", f"{name}={value}")]
    done = workspaces.copier("copy", "--defaults", *words, template, tmp_path / "ws", cwd=tmp_path)
    assert done.returncode != 0
    assert advice in done.stderr + done.stdout
    assert not (tmp_path / "ws" / "tasks.py").exists()


def test_two_workspaces_of_one_competition_have_ids_of_their_own(template: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        done = workspaces.copier("copy", "--quiet", "--defaults", template, tmp_path / name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert len({(tmp_path / name / "invoke.yaml").read_text() for name in ("a", "b")}) == 2


def test_user_owned_paths_stand_in_both_lists_of_copier_yml() -> None:
    config = yaml.safe_load((workspaces.ROOT / "copier.yml").read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]  # as above
    condition = "{% if _copier_operation == 'update' %}"
    excluded = [
        line.removeprefix(condition).removesuffix("{% endif %}")
        for line in config["_exclude"]
        if line.startswith(condition)
    ]
    # The pin is replaced by an update: only what was changed in it is skipped.
    assert [*excluded, PIN_IN_AN_UPDATE] == config["_skip_if_exists"]
    assert excluded == PUBLIC_PATHS
    covered = tuple(path.lstrip("/") for path in excluded)
    owned = [name for name in FILES if name not in ("requirements.txt", ".copier-answers.yml")]
    assert [name for name in owned if name.split("/")[0] not in covered] == []


def test_nothing_asks_for_trust() -> None:
    config = yaml.safe_load((workspaces.ROOT / "copier.yml").read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]  # as above
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & set(config)
    asked = [
        name
        for name, question in config.items()
        if not name.startswith("_") and question.get("when", True) is not False
    ]
    assert len(asked) <= 6
