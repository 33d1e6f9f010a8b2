"""`check` on imports: what Kaggle's image lacks, and what deps asks for though the image has it."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from kaggle_workflow import import_check, reach, workspace
from kaggle_workflow.findings import Finding
from kaggle_workflow.images import from_kaggle
from tests import workspaces

# What five kinds of repositories import: tables, vision, text, audio and time series, tools.
REPOSITORIES = {
    "tables.py": "import numpy as np\nimport pandas as pd\nimport polars\nimport lightgbm, xgboost\nimport catboost\n"
    "from sklearn.model_selection import KFold\nimport optuna\nimport pytorch_tabnet\nimport cudf\n",
    "vision/__init__.py": "from .train import fit\n",
    "vision/train.py": "import cv2\nfrom PIL import Image\nimport torch\nimport torchvision\nimport timm\nimport albumentations\n"
    "import segmentation_models_pytorch as smp\nimport pydicom\nimport cupy\nimport kornia\n\n\ndef fit() -> None: ...\n",
    "text.py": "import transformers, tokenizers, datasets\nimport sentence_transformers\nfrom bs4 import BeautifulSoup\n"
    "import spacy\nimport vllm\nimport yaml\nfrom omegaconf import OmegaConf\nfrom google.cloud import storage\n"
    "from google.protobuf import text_format\nfrom google.cloud import nothing_of_the_kind\n",
    "sound.py": "import librosa\nimport soundfile\nimport audiomentations\nimport statsmodels.api as sm\nimport cgi\nimport telnetlib\n"
    "import audioop\nimport distutils\nimport imp\n",
    "tools.py": "import importlib\nimport argparse, json, zoneinfo\nimport loguru\nimport hydra\nimport kaggle_shim\nimport pycuda\n"
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import types_only\nelse:\n    import tqdm\n"
    "try:\n    import orjson_fast\nexcept ImportError:\n    orjson_fast = None\n"
    "try:\n    import tomllib\nexcept ModuleNotFoundError:\n    import tomli_old\n"
    "try:\n    import first_choice\nexcept ImportError:\n    import second_choice\n"
    "try:\n    import caught_by_none\nexcept ValueError:\n    pass\n"
    "plugin = importlib.import_module('plugins.one')\n",
    "main.py": "import tables\nimport vision\nfrom vision import train\nimport text, sound, tools\n",
    "never.py": "import unreached\n",
}
LACKING = {
    *("pytorch_tabnet", "segmentation_models_pytorch", "vllm", "audiomentations", "loguru", "hydra"),
    *("second_choice", "caught_by_none", "google.cloud.nothing_of_the_kind", "imp"),
}


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    ws = workspaces.make(template, tmp_path_factory.mktemp("made") / "ws", competition="titanic")
    for name, text in REPOSITORIES.items():
        (ws / "codes" / name).parent.mkdir(exist_ok=True)
        (ws / "codes" / name).write_text(text, encoding="utf-8")
    (ws / "invoke.yaml").write_text("workspace:\n  entry: main.py\n", encoding="utf-8")
    return ws


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "ws"))


def found(ws: Path, image: str) -> list[Finding]:
    (ws / "deps/image.txt").write_text(f"image: {image}\n", encoding="utf-8")
    loaded = workspace.load(ws)
    return list(import_check.findings_of(loaded, loaded.notebook("sub")))


def lacking(ws: Path, image: str) -> set[str]:
    sentences = (one.sentence for one in found(ws, image) if one.name == "import")
    return {words[1] if (words := sentence.split())[0] == "import" else words[0] for sentence in sentences}


def test_check_names_exactly_what_the_image_lacks(ws: Path) -> None:
    cpu = lacking(ws, "2026-08 cpu")
    assert cpu == {*LACKING, "cudf", "cupy", "pycuda"}
    assert lacking(ws, "2026-08 gpu") == LACKING


def test_the_base_of_3_13_lacks_kaggles_additions_and_the_removed_modules(ws: Path) -> None:
    base = lacking(ws, "base-2026-08-19 gpu")
    assert base >= {*LACKING, "cgi", "telnetlib", "catboost", "pydicom", "kornia", "optuna"}
    assert not base & {"audioop", "distutils", "cudf", "torch", "omegaconf"}


def test_a_finding_names_the_line_and_the_distribution(ws: Path) -> None:
    (ws / "codes/main.py").write_text("import os\nimport open_clip\nimport cgi\n", encoding="utf-8")
    clip, cgi = found(ws, "base-2026-08-19 cpu")
    assert str(clip) == (
        "codes/main.py:2: warning: import open_clip is found nowhere: not in image base-2026-08-19 cpu, deps/, codes/ or the "
        "standard library; add open-clip-torch to deps/requirements.txt. [import]"
    )
    assert cgi.sentence == (
        "cgi is not in the standard library of Python 3.13.15, which image base-2026-08-19 cpu has: replace it."
    )


def test_what_deps_brings_is_found(ws: Path) -> None:
    (ws / "deps/requirements.txt").write_text("loguru\nsegmentation-models-pytorch\n", encoding="utf-8")
    (ws / "deps/wheels").mkdir()
    with zipfile.ZipFile(ws / "deps/wheels/mine-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vllm/__init__.py", "")
    assert lacking(ws, "2026-08 gpu") == LACKING - {"loguru", "segmentation_models_pytorch", "vllm"}


def test_what_the_image_has_is_not_needed(ws: Path) -> None:
    asked = "omegaconf\npandas==1.0  # old\nnumpy<2\nloguru\n"
    (ws / "deps/requirements.txt").write_text(asked, encoding="utf-8")
    named = {one.line: one for one in found(ws, "2026-08 cpu") if one.path == "deps/requirements.txt"}
    assert named[1].name == "not-needed"
    assert "nothing needed" in named[1].sentence
    assert named[2].name == named[3].name == "changes-image"
    assert "the install replaces it" in named[2].sentence
    assert "numpy is protected" in named[3].sentence
    assert 4 not in named


def test_imports_by_name_and_commands_are_not_followed(ws: Path) -> None:
    (by_name,) = [one for one in found(ws, "2026-08 cpu") if one.name == "imports-not-followed"]
    assert "through tools.py:28:" in by_name.sentence
    (ws / "invoke.yaml").write_text("workspace:\n  entry: bash run.sh\n", encoding="utf-8")
    (command,) = found(ws, "2026-08 cpu")
    assert "through bash run.sh:" in command.sentence


def test_a_reading_is_kept_until_the_file_changes(ws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reach.reached(["main.py"], ws / "codes", ws / "build")
    monkeypatch.setattr(
        "kaggle_workflow.code_reading.imports_of", lambda path: pytest.fail(f"{path} read again")
    )
    assert reach.reached(["main.py"], ws / "codes", ws / "build") == first
    monkeypatch.undo()
    (ws / "codes/main.py").write_text("import only_this\n", encoding="utf-8")
    os.utime(ws / "codes/main.py", ns=(1, 1))
    again = reach.reached(["main.py"], ws / "codes", ws / "build")
    assert [one.module for _, one in again.imports] == ["only_this"]


def test_an_unknown_image_is_an_error(ws: Path) -> None:
    (error,) = found(ws, "2031-01")
    assert (error.level, error.path) == ("error", "deps/image.txt")


def test_what_a_run_on_kaggle_found_counts_from_then_on(ws: Path) -> None:
    loaded = workspace.load(ws)
    ref = loaded.notebook("sub").metadata.id.name
    from_kaggle.keep(loaded, from_kaggle.Seen(ref, 3, "", "3.13.1", {"vllm": "1.0", "setuptools": "80.0"}))
    lacks = lacking(ws, "2026-08 cpu")
    assert lacks >= {"numpy", "cv2", "torch", "cgi"}
    assert not lacks & {"vllm", "distutils"}
