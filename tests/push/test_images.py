"""The image that a run on Kaggle found, and what is said when Kaggle changes it."""

from __future__ import annotations

import json

from kaggle_workflow import check, workspace
from kaggle_workflow.doctor import images as doctor_images
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.ledger import book, history
from kaggle_workflow.ledger.fold import Submission
from kaggle_workflow.push import pins
from tests.push.conftest import Scene


def image(python: str = "3.12.11", build: str = "a", **versions: str) -> dict[str, object]:
    """A list as a run leaves it."""
    return {
        "python": python,
        "docker_image": f"gcr.io/kaggle-images/python@sha256:{build}",
        "versions": versions,
    }


def test_a_push_keeps_what_the_image_of_its_run_holds(scene: Scene) -> None:
    scene.played.image = image(numpy="1.26.4", pandas="2.2.2")
    scene.all()
    seen = from_kaggle.known(workspace.load(scene.root))
    assert seen is not None
    assert (seen.python, seen.versions) == ("3.12.11", {"numpy": "1.26.4", "pandas": "2.2.2"})
    assert (seen.notebook, seen.version) == ("tester/cmi-sub", 1)
    assert seen.days_old == 0


def test_a_push_names_the_packages_that_kaggle_changed_and_the_code_uses(scene: Scene) -> None:
    scene.edit("\nimport numpy\nfrom sklearn.metrics import f1_score\n")
    scene.played.image = image(numpy="1.26.4", unused="1", **{"scikit-learn": "1.5"})
    scene.all()
    scene.played.image = image(numpy="2.1.3", unused="2", **{"scikit-learn": "1.5"})
    scene.edit()
    outcome = scene.all()[-1]
    told = "Kaggle's image changed since tester/cmi-sub version 1: numpy 1.26.4 -> 2.1.3"
    assert told in outcome.notes
    assert f"{told}." in scene.warned

    events = book.read(scene.root).events
    moved = events[-1]
    late = Submission("9", moved.time, recorded=True, notebook="tester/cmi-sub", notebook_version=1)
    own = Submission("10", moved.time, recorded=True, notebook="tester/cmi-sub", notebook_version=2)
    assert history.image_notes(events, [late, own]) == [
        f"tester/cmi-sub version 2: {told}.",
        "Submission 9 of version 1 may have been rerun in another image than its save run: in that of version 2.",
    ]


def test_an_image_that_stays_is_not_mentioned(scene: Scene) -> None:
    scene.played.image = image(numpy="1.26.4")
    scene.all()
    scene.edit()
    scene.all()
    assert not [line for line in scene.warned if "image" in line]


def test_a_damaged_list_changes_nothing(scene: Scene) -> None:
    scene.played.image = {"versions": 3}
    assert scene.all()[-1].did == "sent"
    assert from_kaggle.known(workspace.load(scene.root)) is None


def test_doctor_says_how_old_the_list_is_and_pin_image_pins_it(scene: Scene) -> None:
    scene.played.image = image(numpy="1.26.4", build="b")
    scene.all()
    lines = {line.topic: line for line in doctor_images.lines(workspace.load(scene.root), None)}
    assert (
        "1 packages, Python 3.12.11, from tester/cmi-sub version 1, 0 days old" in lines["image of sub"].says
    )
    assert pins.pin_image(scene.push(), "sub", None).image.endswith("sha256:b")
    metadata = json.loads((scene.root / "sub/kernel-metadata.json").read_text(encoding="utf-8"))
    assert metadata["docker_image"].endswith("sha256:b")


def test_check_follows_the_image_that_kaggle_reported(scene: Scene) -> None:
    scene.edit("\nimport tensorflow\nimport made_up_on_kaggle\n")
    scene.played.image = image(**{"made-up-on-kaggle": "1", "numpy": "1", "pandas": "2", "polars": "1"})
    scene.all()
    said = [one.sentence for one in check.find_all(workspace.load(scene.root)) if one.name == "import"]
    assert [line for line in said if "tensorflow" in line]
    assert not [line for line in said if "made_up_on_kaggle" in line]
