"""Finding what is attached, in every layout that Kaggle is known to use."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaggle_shim import local, mounts, refs
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


def test_both_layouts_at_once_give_the_namespaced_one_and_a_note(tmp_path: Path) -> None:
    namespaced = mount(tmp_path, "competitions/titanic")
    mount(tmp_path, "titanic")
    found = mounts.locate(refs.CompetitionRef("titanic"), tmp_path)
    assert found.path == namespaced
    assert found.note is not None
    assert str(tmp_path / "titanic") in found.note


def test_one_folder_under_two_names_is_one_and_deserves_no_note(tmp_path: Path) -> None:
    folder = mount(tmp_path, "competitions/titanic")
    (tmp_path / "titanic").symlink_to(folder)
    assert mounts.locate(refs.CompetitionRef("titanic"), tmp_path) == mounts.Found(folder)


def test_the_environment_says_where_inputs_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(mounts.INPUT_VARIABLE, raising=False)
    assert mounts.input_root() == Path("/kaggle/input")
    monkeypatch.setenv(mounts.INPUT_VARIABLE, str(tmp_path))
    folder = mount(tmp_path, "competitions/titanic")
    assert local.find("titanic") == folder


@pytest.mark.parametrize(
    "place", ["datasets/me/cmi-codes/codes", "cmi-codes/build/codes", "d/me/cmi-codes/x"]
)
def test_ours_is_found_when_its_manifest_moved_into_a_folder(tmp_path: Path, place: str) -> None:
    folder = mount(tmp_path, place, RIGHT)
    assert mounts.locate_ours(DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint).path == folder


def test_a_model_of_ours_is_found_below_its_version_although_that_lies_deep(tmp_path: Path) -> None:
    folder = mount(tmp_path, "models/me/m/pytorch/v/2/weights", RIGHT)
    model = refs.ModelRef("me", "m", "PyTorch", "v", 2)
    assert mounts.locate_ours(model, tmp_path, CODES_MANIFEST, RIGHT.fingerprint).path == folder


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"fingerprint": 3}'])
def test_a_manifest_that_does_not_read_is_one_that_does_not_match(tmp_path: Path, text: str) -> None:
    codes = refs.DatasetRef("me", "cmi-codes")
    folder = tmp_path / codes.mount("classic")
    folder.mkdir(parents=True)
    (folder / CODES_MANIFEST).write_text(text)
    with pytest.raises(MountError, match="has an unreadable manifest"):
        mounts.locate_ours(codes, tmp_path, CODES_MANIFEST, "f" * 64)


def test_a_folder_named_by_an_odd_digit_is_no_version(tmp_path: Path) -> None:
    model = refs.ModelRef("a", "m", "PyTorch", "v")
    for name in ("3", "²"):
        (tmp_path / model.mount("classic") / name).mkdir(parents=True)
    assert mounts.locate(model, tmp_path).path.name == "3"


def test_ours_without_its_manifest_says_what_is_there_instead(tmp_path: Path) -> None:
    folder = mount(tmp_path, "datasets/me/cmi-codes")
    (folder / "exp001.py").touch()
    with pytest.raises(
        MountError, match=r"without codes-manifest\.json \(found: exp001\.py\).*Push it again"
    ):
        mounts.locate_ours(DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint)


def test_a_dataset_of_many_folders_is_not_searched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for outer in range(30):
        for inner in range(30):
            mount(tmp_path, f"datasets/owner{outer}/data{inner}/images")
    listed: list[Path] = []
    folders = mounts._folders

    def counted(folder: Path) -> list[Path]:
        listed.append(folder)
        return folders(folder)

    monkeypatch.setattr(mounts, "_folders", counted)
    with pytest.raises(MountError):
        mounts.locate_ours(DATASET, tmp_path, CODES_MANIFEST, RIGHT.fingerprint)
    assert len(listed) < 450


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(("datasets/me/x", "d/me/x", "x")),
    st.sets(st.sampled_from(("datasets/me/x", "d/me/x", "x"))),
)
def test_wherever_ours_lies_among_others_of_the_name_it_is_the_one_found(
    place: str, others: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for other in others - {place}:
            mount(root, other, OTHER)
        right = mount(root, place, RIGHT)
        found = mounts.locate_ours(refs.DatasetRef("me", "x"), root, CODES_MANIFEST, RIGHT.fingerprint)
        assert found == mounts.Found(right)
