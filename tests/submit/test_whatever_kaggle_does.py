"""What is not known about Kaggle must not matter: a day of work ends the same with every switch of the local Kaggle."""

from __future__ import annotations

import random
import shutil

import pytest

from kaggle_shim.refs import DatasetRef
from kaggle_workflow.push import dataset as push_dataset
from kaggle_workflow.push.dataset_payload import stage_folder
from kaggle_workflow.push.session import Outcome
from tests.power import storms
from tests.submit.conftest import Desk

SWITCHES: tuple[tuple[str, object], ...] = (
    ("layout", "classic"),
    ("pin_dataset_versions", True),
    ("pin_notebook_versions", True),
    ("only_latest_model_version", True),
    ("list_processing_versions", True),
    ("longest_notes", 0),
    ("longest_notes", 30),
    ("output_files", 2),
    ("status_of", "newest"),
    ("missing_dataset", 404),
    ("missing_notebook", 404),
    ("missing_model", 403),
    ("unpack_archives", False),
    ("leave_packed", ("*.zip",)),
    ("strip_single_folder", False),
    ("incomplete_blobs", "refused"),
    ("error_form", "nested"),
    ("failed_submissions_count", True),
    ("title_decides_slug", False),
    ("single_file_zipped", True),
)


def weights(desk: Desk, content: str) -> Outcome:
    folder = desk.root / "data" / "working" / "models" / "exp001"
    (folder / "fold0").mkdir(parents=True, exist_ok=True)
    (folder / "fold0" / "model.bin").write_text(content, encoding="utf-8")
    return desk.model()


def features(desk: Desk, content: str) -> Outcome:
    folder = desk.root / "features"
    (folder / "part").mkdir(parents=True, exist_ok=True)
    (folder / "part" / "a.csv").write_text(content, encoding="utf-8")
    session = desk.push(yes=True)
    return push_dataset.upload_dataset(
        session, lambda: stage_folder(session, folder, DatasetRef("tester", "cmi-features"))
    )


# Sets of them by chance: what is harmless alone need not be so in company.
SETS = 4
# Where archives stay packed, what lies on Kaggle is not file by file what was staged; the notebook unpacks it.
_PACKED = {"unpack_archives", "leave_packed"}


def several(seed: int) -> dict[str, object]:
    """A third of the switches."""
    dice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return dict(dice.sample(SWITCHES, len(SWITCHES) // 3))


@pytest.mark.parametrize(
    "switches", [*({name: value} for name, value in SWITCHES), *map(several, range(SETS))], ids=str
)
def test_a_day_of_work(desk: Desk, switches: dict[str, object]) -> None:
    desk.kaggle.behave(**switches)
    (desk.root / "codes" / "solution").mkdir()
    (desk.root / "codes" / "solution" / "net.py").write_text("x = 1\n", encoding="utf-8")
    assert (weights(desk, "w1").did, features(desk, "f1").did) == ("sent", "sent")
    desk.ship()
    assert _PACKED & set(switches) or storms.state(desk, ship=True) == ""

    shutil.rmtree(desk.root / "build")
    assert (weights(desk, "w1").did, features(desk, "f1").did) == ("unchanged", "unchanged")
    assert (weights(desk, "w2").did, features(desk, "f2").did) == ("sent", "sent")
    desk.edit()
    desk.ship()
    assert _PACKED & set(switches) or storms.state(desk, ship=True) == ""

    assert {outcome.did for outcome in desk.all()} == {"unchanged"}
    assert [one.status for one in desk.history()] == ["complete", "complete"]
