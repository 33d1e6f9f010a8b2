"""The folder that the article "効率的なコードコンペティションの作業フロー" (2024) builds by hand, file for file as it shows them.

The article's comments behind JSON values are explanations for its readers and no part of the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COMPETITION = "child-mind-institute-detect-sleep-states"

BASELINE = """\
import pandas as pd

test = pd.read_parquet("/kaggle/input/child-mind-institute-detect-sleep-states/test_series.parquet")
onset = test[test["timestamp"].str.slice(11,19)=="23:00:00"].set_index("series_id")["step"]
wakeup = test[test["timestamp"].str.slice(11,19)=="06:30:00"].set_index("series_id")["step"]
sub = pd.concat([
    onset.reset_index().assign(event="onset"),
    wakeup.reset_index().assign(event="wakeup"),
])
sub["score"] = 0.5
sub.sort_values(["series_id","event"], ascending=[0,1]) # type: ignore
sub.reset_index(drop=True, inplace=True)
sub["row_id"] = sub.index
sub = sub[["row_id","series_id","step","event","score"]]
sub.to_csv("submission.csv", index=False)
"""

INSTALL = (
    "!pip install /kaggle/input/cmi-deps/*.whl --force-reinstall --root-user-action ignore"
    " --no-deps --no-index --find-links /kaggle/input/cmi-deps"
)
RUN = "!PYTHONPATH=/kaggle/input/cmi-codes python /kaggle/input/cmi-codes/exp001.py"
DOWNLOAD = (
    "!pip download -d /kaggle/working omegaconf loguru\n"
    "!pip install /kaggle/working/*.whl --force-reinstall --root-user-action ignore"
    " --no-deps --no-index --find-links /kaggle/working\n"
    "!ls"
)


def kernel(name: str, code_file: str, *, gpu: bool, internet: bool, **sources: list[str]) -> dict[str, Any]:
    """A `kernel-metadata.json` with booleans as the article writes them, as texts."""
    empty: dict[str, list[str]] = {
        "dataset_sources": [],
        "competition_sources": [],
        "kernel_sources": [],
        "model_sources": [],
    }
    return {
        "id": f"confirm/{name}",
        "title": name,
        "code_file": code_file,
        "language": "python",
        "kernel_type": "notebook",
        "is_private": "true",
        "enable_gpu": str(gpu).lower(),
        "enable_tpu": "false",
        "enable_internet": str(internet).lower(),
        **empty,
        **sources,
    }


def notebook(*sources: str) -> dict[str, Any]:
    """A notebook as VS Code saves it once a kernel was chosen."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for source in sources
    ]
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 2}


def build(root: Path) -> Path:
    """Write the article's folder, at the state of its end."""
    sub = kernel(
        "cmi-sub",
        "cmi-sub.ipynb",
        gpu=True,
        internet=False,
        dataset_sources=["confirm/cmi-codes"],
        competition_sources=[COMPETITION],
        kernel_sources=["confirm/cmi-deps"],
    )
    files: dict[str, str] = {
        "sub/kernel-metadata.json": _json(sub, 2),
        "sub/cmi-sub.ipynb": _json(notebook(INSTALL, RUN), 1),
        "codes/dataset-metadata.json": _json(
            {"title": "cmi-codes", "id": "confirm/cmi-codes", "licenses": [{"name": "CC0-1.0"}]}, 2
        ),
        "codes/hello.py": 'print("Hi")\n',
        "codes/exp001.py": BASELINE,
        "deps/kernel-metadata.json": _json(kernel("cmi-deps", "deps.ipynb", gpu=False, internet=True), 2),
        "deps/deps.ipynb": _json(notebook(DOWNLOAD), 1),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return root


def _json(value: object, indent: int) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False) + "\n"
