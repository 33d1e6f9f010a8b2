"""Files as people and other tools leave them: `check` names what was meant, `--fix` writes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kaggle_workflow import check, pasted, workspace
from kaggle_workflow.findings import Finding
from kaggle_workflow.stage import codes as stage_codes
from kaggle_workflow.stage import notebook, plans
from tests import workspaces


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspaces.make(
        template, tmp_path_factory.mktemp("field") / "ws", competition="cup", username="tester", prefix="cup"
    )


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def found(root: Path) -> dict[str, list[Finding]]:
    by_name: dict[str, list[Finding]] = {}
    for one in check.find_all(workspace.load(root)):
        by_name.setdefault(one.name, []).append(one)
    return by_name


def fix(root: Path) -> None:
    done = workspaces.invoke(root, "check", "--fix", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr


def about(root: Path, path: str = "sub/kernel-metadata.json") -> dict[str, Any]:
    value: dict[str, Any] = json.loads((root / path).read_text(encoding="utf-8"))
    return value


PASTED = [
    ("dataset", "datasets/o/s", "o/s"),
    ("dataset", "https://www.kaggle.com/datasets/o/s?select=a.csv", "o/s"),
    ("dataset", "https://www.kaggle.com/datasets/o/s/data", "o/s"),
    ("dataset", "kaggle.com/datasets/o/s/versions/3", "o/s/3"),
    ("dataset", " o/s ", "o/s"),
    ("notebook", "code/o/s", "o/s"),
    ("notebook", "https://www.kaggle.com/code/o/s/notebook?scriptVersionId=1", "o/s"),
    ("notebook", "kernels/o/s", "o/s"),
    ("notebook", "/code/o/s", "o/s"),
    ("competition", "c/s", "s"),
    ("competition", "competitions/s", "s"),
    ("competition", "https://www.kaggle.com/competitions/s/overview", "s"),
    ("competition", "https://www.kaggle.com/c/s/data#x", "s"),
    ("model", "models/o/m/pytorch/base/1", "o/m/pytorch/base/1"),
    ("model", "https://www.kaggle.com/models/o/m/pyTorch/base/1", "o/m/pyTorch/base/1"),
    (
        "model",
        "https://www.kaggle.com/models/o/m/frameworks/pyTorch/variations/base/versions/2",
        "o/m/pyTorch/base/2",
    ),
    ("dataset", "o/s", None),
    ("dataset", "datasets/s", None),
    ("competition", "c", None),
    ("model", "models/o/m", None),
]


@pytest.mark.parametrize(("kind", "text", "wanted"), PASTED)
def test_what_a_pasted_text_means(kind: str, text: str, wanted: str | None) -> None:
    assert pasted.as_reference(kind, text) == wanted


def test_pasted_sources_are_named_and_rewritten_in_place(ws: Path) -> None:
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json",
        dataset_sources=["datasets/tester/cup-codes", "https://www.kaggle.com/datasets/o/more?select=a.csv"],
        competition_sources=["c/cup"],
        kernel_sources=["code/tester/cup-deps"],
        model_sources=["models/o/m/pytorch/base/1"],
    )
    told = {one.sentence for one in found(ws)["source-name"]}
    assert "kernel_sources: 'code/tester/cup-deps' is the address of a page. Write tester/cup-deps." in told
    fix(ws)
    fixed = about(ws)
    assert fixed["dataset_sources"] == ["tester/cup-codes", "o/more"]
    assert fixed["competition_sources"] == ["cup"]
    assert fixed["kernel_sources"] == ["tester/cup-deps"]
    assert fixed["model_sources"] == ["o/m/pytorch/base/1"]


def test_a_pasted_source_that_is_listed_already_goes(ws: Path) -> None:
    # What an earlier --fix left: the broken entry, and the right one beside it.
    workspaces.edit_json(
        ws / "sub/kernel-metadata.json", dataset_sources=["datasets/tester/cup-codes", "tester/cup-codes"]
    )
    fix(ws)
    assert about(ws)["dataset_sources"] == ["tester/cup-codes"]


ACCELERATORS: list[tuple[dict[str, object], str | None]] = [
    (
        {"enable_gpu": False, "enable_tpu": True, "machine_shape": "NvidiaL4"},
        "set it to true and enable_tpu to false",
    ),
    (
        {"enable_gpu": True, "enable_tpu": False, "machine_shape": "TpuV5E8"},
        "set it to true and enable_gpu to false",
    ),
    ({"enable_gpu": False, "enable_tpu": False, "machine_shape": "NvidiaL4"}, "enable_gpu is false"),
    ({"enable_gpu": True, "enable_tpu": False, "machine_shape": ""}, "without a machine_shape"),
    ({"enable_gpu": True, "enable_tpu": True, "machine_shape": ""}, "both true"),
    ({"enable_gpu": False, "enable_tpu": False, "machine_shape": "None"}, None),
    ({"enable_gpu": True, "enable_tpu": False, "machine_shape": "NvidiaTeslaT4"}, None),
]


@pytest.mark.parametrize(("changes", "said"), ACCELERATORS)
def test_accelerators_that_contradict_are_warned_about(
    ws: Path, changes: dict[str, object], said: str | None
) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", **changes)
    told = found(ws)
    if said is None:
        assert "accelerator" not in told
        assert "machine-shape" not in told
    else:
        (one,) = told["accelerator"]
        assert (one.level, said in one.sentence) == ("warning", True)


def test_the_text_none_is_not_sent_as_an_accelerator(ws: Path) -> None:
    workspaces.edit_json(ws / "sub/kernel-metadata.json", machine_shape="None")
    loaded = workspace.load(ws)
    known = plans.Known("0" * 64, "0" * 64)
    staged = notebook.stage_running(loaded, loaded.notebook("sub"), stage_codes.stage(loaded, "cup"), known)
    assert about(staged.folder, "kernel-metadata.json")["machine_shape"] == ""


def test_settings_inside_a_downloaded_notebook_are_held_against_the_metadata(ws: Path) -> None:
    path = ws / "sub/sub.ipynb"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["metadata"]["kaggle"] = {"accelerator": "gpu", "isInternetEnabled": True}
    path.write_text(json.dumps(value), encoding="utf-8")
    told = " ".join(one.sentence for one in found(ws)["accelerator"])
    assert "saved with the accelerator gpu, but kernel-metadata.json says none" in told
    assert "saved with internet on" in told
    workspaces.edit_json(ws / "sub/kernel-metadata.json", enable_gpu=True, machine_shape="NvidiaTeslaT4")
    value["metadata"]["kaggle"] = {"accelerator": "gpu", "isInternetEnabled": False}
    path.write_text(json.dumps(value), encoding="utf-8")
    assert "accelerator" not in found(ws)


REQUIREMENTS = [
    (b"loguru=0.7.3=py311_0\n", 1, "Write loguru==0.7.3"),
    (b"Package Version\n------- -------\nloguru  0.7.3\n", 3, "Write loguru==0.7.3"),
    (b"Package Version\n------- -------\nloguru  0.7.3\n", 1, "Remove it"),
    (b"ok\nloguru==${LOGURU_VERSION}\n", 2, "LOGURU_VERSION"),
    (b"loguru\nnumpy==\n", 2, "is not a requirement"),
]


@pytest.mark.parametrize(("content", "line", "said"), REQUIREMENTS)
def test_a_line_that_pip_refuses_is_refused_with_its_number(
    ws: Path, content: bytes, line: int, said: str
) -> None:
    (ws / "deps/requirements.txt").write_bytes(content)
    told = [one for one in found(ws)["requirement"] if one.line == line]
    assert told, found(ws)["requirement"]
    assert said in told[0].sentence
    assert told[0].level == "error"


@pytest.mark.parametrize(
    "line", ["wheels/mypkg-1.0-py3-none-any.whl", "mypkg @ ./mypkg", "mypkg @ file:mypkg"]
)
def test_a_path_of_this_machine_is_told_to_become_a_wheel(ws: Path, line: str) -> None:
    (ws / "deps/requirements.txt").write_text(f"{line}\n", encoding="utf-8")
    assert "deps/wheels/" in found(ws)["local-requirement"][0].sentence


def test_an_included_file_is_looked_for_beside_the_one_that_includes_it(ws: Path) -> None:
    (ws / "deps/more").mkdir()
    (ws / "deps/requirements.txt").write_text("-r more/base.txt\n", encoding="utf-8")
    (ws / "deps/more/base.txt").write_text("-r extra.txt  # as pip does\n", encoding="utf-8")
    (ws / "deps/more/extra.txt").write_text("numpy==\n", encoding="utf-8")
    assert [(one.path, one.line) for one in found(ws)["requirement"]] == [("deps/more/extra.txt", 1)]
    (ws / "deps/more/extra.txt").unlink()
    assert "include deps/more/extra.txt, which does not exist" in found(ws)["requirements"][0].sentence


def test_a_file_in_utf_16_is_told_to_be_saved_as_utf_8(ws: Path) -> None:
    (ws / "deps/requirements.txt").write_bytes("loguru==0.7.3\r\n".encode("utf-16"))
    assert "UTF-8" in found(ws)["requirements"][0].sentence


@pytest.mark.parametrize(
    "line",
    [
        "torch==2.1+cu126",
        "a[b]>=1; python_version>'3'",
        "-r more.txt",
        "--pre",
        "x @ https://h.invalid/x.whl",
        "git+https://h.invalid/x",
    ],
)
def test_lines_that_pip_reads_are_left_to_it(ws: Path, line: str) -> None:
    (ws / "deps/more.txt").write_text("", encoding="utf-8")
    (ws / "deps/requirements.txt").write_text(f"{line}\n", encoding="utf-8")
    assert "requirement" not in found(ws)


CALLS = [
    (
        "import kagglehub\nkagglehub.model_download('a/b/c/d')\n",
        2,
        'kaggle_shim.find("owner/model/framework/variation")',
    ),
    (
        "import kagglehub as hub\n\n\ndef f():\n    return hub.competition_download('cup')\n",
        5,
        "kaggle_shim.find()",
    ),
    ("from kagglehub import dataset_load as load\nload('a/b')\n", 2, "pandas.read_csv"),
]


@pytest.mark.parametrize(("code", "line", "said"), CALLS)
def test_a_download_in_code_that_runs_offline_is_named_with_what_to_write(
    ws: Path, code: str, line: int, said: str
) -> None:
    (ws / "codes/more.py").write_text(code, encoding="utf-8")
    (one,) = found(ws)["online-call"]
    assert (one.path, one.line, one.level, said in one.sentence) == ("codes/more.py", line, "warning", True)


@pytest.mark.parametrize(
    "code",
    [
        "# kagglehub.model_download('x')\n",
        "TEXT = 'kagglehub.model_download(1)'\n",
        "import other as kagglehub2\nkagglehub2.model_download()\n",
    ],
)
def test_a_download_that_is_only_written_about_is_none(ws: Path, code: str) -> None:
    (ws / "codes/more.py").write_text(code, encoding="utf-8")
    assert "online-call" not in found(ws)


@pytest.mark.parametrize(
    ("ignored", "kept", "code"),
    [
        ("lib/", "lib/tool.py", "from lib.tool import X\n"),
        ("lib/", "lib/tool.py", "import lib\n"),
        ("*.pkl", "model.pkl", "open('model.pkl', 'rb')\n"),
        ("secret_rules.py", "secret_rules.py", "import secret_rules\n"),
    ],
)
def test_what_git_ignores_and_the_code_uses_is_told(ws: Path, ignored: str, kept: str, code: str) -> None:
    workspaces.git(ws, "init", "--quiet")
    (ws / "codes" / kept).parent.mkdir(exist_ok=True)
    (ws / "codes" / kept).write_text("X = 1\n", encoding="utf-8")
    (ws / "codes/more.py").write_text(code, encoding="utf-8")
    assert "left-out" not in found(ws)
    with (ws / ".gitignore").open("a", encoding="utf-8") as file:
        file.write(f"{ignored}\n")
    (one,) = found(ws)["left-out"]
    assert (one.path, one.line, one.level) == ("codes/more.py", 1, "warning")
    assert "`!codes/" in one.sentence


Change = Callable[[Path], None]


def codes(**changes: object) -> Change:
    return lambda root: workspaces.edit_json(root / "codes/dataset-metadata.json", **changes)


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (codes(id="tester/my_underscored_codes"), "slug", "write my-underscored-codes"),
        (codes(id="tester/cup.codes"), "slug", "write cup-codes"),
        (codes(id="tester/INSERT_SLUG_HERE"), "template-words", "id still has INSERT_SLUG_HERE"),
        (codes(subtitle="INSERT_SUBTITLE_HERE"), "template-words", "subtitle still has"),
        (
            lambda root: workspaces.edit_json(root / "deps/kernel-metadata.json", title="INSERT_TITLE_HERE"),
            "template-words",
            "title still has",
        ),
    ],
)
def test_names_that_kaggle_does_not_take_are_refused(ws: Path, change: Change, name: str, said: str) -> None:
    change(ws)
    told = found(ws)[name]
    assert told[0].level == "error"
    assert said in told[0].sentence


def test_metadata_in_the_clients_other_form_is_one_sentence_and_is_converted(ws: Path) -> None:
    path = ws / "codes/dataset-metadata.json"
    info = {"datasetSlug": "cup-codes", "ownerUser": "tester", "title": "cup-codes", "usabilityRating": 0.5}
    path.write_text(json.dumps({"info": {**info, "licenses": [{"name": "CC0-1.0"}]}}), encoding="utf-8")
    told = [one for one in check.find_all(workspace.load(ws)) if one.path == "codes/dataset-metadata.json"]
    assert [one.name for one in told] == ["pulled-form"]
    fix(ws)
    assert about(ws, "codes/dataset-metadata.json") == {
        "title": "cup-codes",
        "id": "tester/cup-codes",
        "licenses": [{"name": "CC0-1.0"}],
    }


def test_a_folder_that_moves_in_is_told_where_its_own_parts_belong(ws: Path) -> None:
    (ws / "train.py").write_text("open('submission.csv', 'w')\n", encoding="utf-8")
    (ws / "notebooks/old").mkdir(parents=True)
    (ws / "notebooks/old/kernel-metadata.json").write_text("{}", encoding="utf-8")
    (ws / "environment.yml").write_text("dependencies: [loguru]\n", encoding="utf-8")
    told = found(ws)
    assert "Yours seems to be train.py" in told["starter-entry"][0].sentence
    assert told["stray-metadata"][0].path == "notebooks/old/kernel-metadata.json"
    assert "deps/requirements.txt" in told["environment-file"][0].sentence
    (ws / "codes/exp001.py").write_text("print('mine')\n", encoding="utf-8")
    (ws / "deps/requirements.txt").write_text("loguru\n", encoding="utf-8")
    told = found(ws)
    assert "starter-entry" not in told
    assert "environment-file" not in told


def test_a_conda_environment_is_offered_for_the_requirements(ws: Path) -> None:
    (ws / "environment.yml").write_text(
        "channels: [conda-forge]\ndependencies:\n  - python=3.11\n  - numpy=1.26.4=py311h64a7726_0\n  - pytorch::pytorch\n"
        "  - my-conda-tool>=2\n  - pip:\n      - pandas==2.2.2\n      - not-in-the-image==1.0\n",
        encoding="utf-8",
    )
    told = found(ws)["environment-file"]
    assert {one.path for one in told} == {"deps/requirements.txt", "environment.yml"}
    assert "these conda packages, whose names may differ on PyPI: my-conda-tool." in str(told)
    fix(ws)
    asked = (ws / "deps/requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in asked if line and not line.startswith("#")] == ["not-in-the-image==1.0"]


def test_a_new_workspace_is_told_nothing_of_that_kind(ws: Path) -> None:
    kinds = {"starter-entry", "stray-metadata", "environment-file", "accelerator", "template-words", "slug"}
    assert not kinds & set(found(ws))


def test_an_evaluation_api_in_the_data_is_named_while_the_output_is_a_file(ws: Path) -> None:
    (ws / "data/competitions/cup/kaggle_evaluation").mkdir(parents=True)
    assert "`output: gateway`" in found(ws)["evaluation-api"][0].sentence
    with (ws / "invoke.yaml").open("a", encoding="utf-8") as file:
        file.write("  output: gateway\n")
    assert "evaluation-api" not in found(ws)
