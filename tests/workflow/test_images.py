"""The images that the package knows, and what `deps/image.txt` makes of one."""

from pathlib import Path

import pytest

import kaggle_workflow
from kaggle_workflow import images
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.images import catalogue


@pytest.mark.parametrize("accelerator", ["cpu", "gpu", "tpu"])
@pytest.mark.parametrize(("name", "python"), [("2026-08", "3.12.13"), ("base-2026-08-19", "3.13.15")])
def test_each_image_has_its_python_and_versions(name: str, python: str, accelerator: str) -> None:
    image = images.load(name, accelerator)
    assert (image.python, image.accelerator) == (python, accelerator)
    assert image.versions["numpy"]
    assert len(image.versions) > 300


def test_kaggles_additions_are_in_its_image_alone() -> None:
    kaggle, base = images.load("2026-08", "cpu"), images.load("base-2026-08-19", "cpu")
    assert kaggle.versions["protobuf"] == "5.29.5"
    assert "catboost" in kaggle.versions
    assert "catboost" not in base.versions
    assert kaggle.versions["torch"] == "2.10.0"
    assert images.load("2026-08", "gpu").versions["torch"] == "2.10.0+cu128"
    assert "pycuda" in images.load("2026-08", "gpu").versions
    assert "pycuda" not in kaggle.versions


def test_imports_that_are_called_differently_are_known() -> None:
    imports = images.load("2026-08", "gpu").imports
    named = {"cv2": "opencv-python", "sklearn": "scikit-learn", "PIL": "pillow", "yaml": "pyyaml"}
    assert named.items() <= imports.items()
    assert imports["google.cloud.storage"] == "google-cloud-storage"
    assert imports["cupy"] == "cupy-cuda12x"
    assert imports["huggingface_hub"] == "huggingface-hub"


def test_the_file_chooses_the_image_and_changes_it() -> None:
    text = "# mine\nimage: 2026-08 gpu\npandas==1.5.0  # old\nloguru\n-torch\n- SciPy\n"
    image = images.choose(text, "cpu")
    assert str(image) == "2026-08 gpu"
    assert image.versions["pandas"] == "1.5.0"
    assert image.versions["loguru"] == ""
    assert "scipy" not in image.versions
    assert "torch" not in image.imports
    assert image.added == ("pandas==1.5.0", "loguru")


def test_the_notebook_chooses_the_accelerator_that_the_file_leaves_open() -> None:
    assert str(images.choose("image: 2026-08\n", "tpu")) == "2026-08 tpu"


def test_an_old_file_is_a_list_that_adds_to_the_default() -> None:
    text = "numpy\npandas==1.0\n-r more.txt\n"
    assert not images.names_image(text)
    image = images.choose(text, "cpu")
    default = images.load("2026-08", "cpu")
    assert image.versions == {**default.versions, "pandas": "1.0"}
    assert image.added == ("numpy", "pandas==1.0", "-r more.txt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image: 2031-01\n", "image 2031-01 cpu is unknown: use one of 2026-08 cpu"),
        ("image: 2026-08 npu\n", "2026-08 npu is unknown"),
        (
            "image: 2026-08\n-nothing-like-it\n",
            "'-nothing-like-it' removes a package that image 2026-08 cpu doesn't have",
        ),
    ],
)
def test_a_line_that_names_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(WorkflowError, match=said):
        images.choose(text, "cpu")


def test_a_new_workspace_names_the_default_image_and_nothing_else() -> None:
    package = Path(kaggle_workflow.__file__).parent
    text = (package / "default-image.txt").read_text(encoding="utf-8")
    assert text == (package.parents[1] / "template/deps/image.txt").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if not line.startswith("#")] == [f"image: {catalogue.DEFAULT}"]
    assert images.choose(text, "gpu") == images.load(catalogue.DEFAULT, "gpu")
