"""What several rooms of tests share: expensive things, made once per session."""

import os
from pathlib import Path

import pytest

from workflow import image

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def image_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where images are kept: between sessions too when `KAGGLE_TEST_CACHE` names a folder."""
    if kept := os.environ.get("KAGGLE_TEST_CACHE"):
        return Path(kept).resolve() / "images"
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="session")
def image_python(image_cache: Path) -> Path:
    """The interpreter of the image that a new workspace rehearses in (numpy, pandas, pyarrow, scikit-learn)."""
    image_txt = ROOT / "template" / "deps" / "image.txt"
    return image.ensure(image_txt, python=None, cache=image_cache, on_line=print).python
