"""Finding what is attached, in every layout that Kaggle is known to use."""

from pathlib import Path

import pytest

from kaggle_shim import mounts, refs
from kaggle_shim.errors import MountError
from kaggle_shim.manifest import CODES_MANIFEST, FileEntry, Manifest

DATASET = refs.DatasetRef("me", "cmi-codes")
RIGHT = Manifest("w", "c", (FileEntry("a.py", 1, "1" * 64),))
OTHER = Manifest("w", "c", (FileEntry("a.py", 1, "2" * 64),))


def mount(root: Path, place: str, manifest: Manifest | None = None) -> Path:
    folder = root / place
    folder.mkdir(parents=True)
    if manifest is not None:
        (folder / CODES_MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("ref", "place"),
    [
        (refs.CompetitionRef("titanic"), "competitions/titanic"),
        (refs.CompetitionRef("titanic"), "titanic"),
        (DATASET, "datasets/me/cmi-codes"),
        (DATASET, "d/me/cmi-codes"),
        (DATASET, "cmi-codes"),
        (refs.NotebookRef("me", "cmi-deps"), "notebooks/me/cmi-deps"),
        (refs.NotebookRef("me", "cmi-deps"), "cmi-deps"),
        (refs.ModelRef("me", "m", "PyTorch", "v", 2), "models/me/m/pytorch/v/2"),
        (refs.ModelRef("me", "m", "PyTorch", "v", 2), "m/me/m/pytorch/v/2"),
        (refs.ModelRef("me", "m", "PyTorch", "v", 2), "m/pytorch/v/2"),
    ],
)
def test_every_known_place_is_found(tmp_path: Path, ref: refs.Ref, place: str) -> None:
    folder = mount(tmp_path, place)
    assert mounts.locate(ref, tmp_path) == mounts.Found(folder)


def test_two_owners_with_one_slug_give_the_owner_of_the_reference_and_a_note(tmp_path: Path) -> None:
    own = mount(tmp_path, "d/me/cmi-codes")
    mount(tmp_path, "cmi-codes")
    found = mounts.locate(DATASET, tmp_path)
    assert found.path == own
    assert found.note is not None


def test_of_two_candidates_the_one_with_the_planned_fingerprint_is_taken(tmp_path: Path) -> None:
    mount(tmp_path, "datasets/me/cmi-codes", OTHER)
    right = mount(tmp_path, "cmi-codes", RIGHT)
    assert mounts.locate_ours(DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint).path == right


def test_when_no_candidate_matches_both_are_named(tmp_path: Path) -> None:
    one = mount(tmp_path, "datasets/me/cmi-codes", OTHER)
    two = mount(tmp_path, "cmi-codes", OTHER)
    with pytest.raises(MountError) as caught:
        mounts.locate_ours(DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint)
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)
    assert "push the notebook again" in str(caught.value)


def test_ours_is_found_in_a_layout_that_nobody_has_seen(tmp_path: Path) -> None:
    folder = mount(tmp_path, "v3/users/me/cmi-codes", RIGHT)
    assert mounts.locate_ours(DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint).path == folder


def test_a_competitions_folder_is_never_walked_into(tmp_path: Path) -> None:
    mount(tmp_path, "titanic/inner", RIGHT)
    with pytest.raises(MountError):
        mounts.locate_ours(
            DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint, [refs.CompetitionRef("titanic")]
        )


def test_several_versions_of_a_model_are_named(tmp_path: Path) -> None:
    for version in (1, 2, 10):
        mount(tmp_path, f"models/me/m/pytorch/v/{version}")
    with pytest.raises(MountError, match="1, 2, 10"):
        mounts.locate(refs.ModelRef("me", "m", "PyTorch", "v"), tmp_path)


def test_the_only_version_of_a_model_is_found_without_naming_it(tmp_path: Path) -> None:
    folder = mount(tmp_path, "models/me/m/pytorch/v/3")
    assert mounts.locate(refs.ModelRef("me", "m", "PyTorch", "v"), tmp_path).path == folder


def test_nothing_found_shows_two_levels_and_the_likely_reasons(tmp_path: Path) -> None:
    mount(tmp_path, "datasets/somebody/else")
    with pytest.raises(MountError) as caught:
        mounts.locate(DATASET, tmp_path)
    assert "datasets/ (somebody)" in str(caught.value)
    assert "not in the notebook's metadata" in str(caught.value)
