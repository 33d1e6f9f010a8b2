"""References: parsed once, written back as they were, refused in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaggle_shim import refs
from kaggle_shim.errors import RefError

PART = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
VERSION = st.integers(min_value=1, max_value=99_999)


@given(st.lists(PART, min_size=4, max_size=4), VERSION)
def test_what_is_parsed_is_written_back(parts: list[str], version: int) -> None:
    texts = {
        "competition": parts[0],
        "dataset": "/".join(parts[:2]),
        "notebook": "/".join([*parts[:2], str(version)]),
        "model": "/".join([*parts, str(version)]),
    }
    for kind, text in texts.items():
        assert str(refs.parse(kind, text)) == text


@given(st.sampled_from(["competition", "dataset", "notebook", "model"]), st.text(max_size=30))
def test_any_text_is_a_reference_inside_the_root_or_one_sentence(kind: str, text: str) -> None:
    try:
        ref = refs.parse(kind, text)
    except RefError as error:
        told = str(error)
    else:
        places = [part for place in ref.candidates() for part in place.split("/")]
        told = repr(str(ref)) if ".." not in places and "" not in places else "outside"
    assert repr(text) in told


@pytest.mark.parametrize(
    ("kind", "text", "namespaced", "classic"),
    [
        ("competition", "UBC-OCEAN", "competitions/UBC-OCEAN", "UBC-OCEAN"),
        ("dataset", "me/cmi-codes/3", "datasets/me/cmi-codes", "cmi-codes"),
        ("notebook", "me/cmi-deps", "notebooks/me/cmi-deps", "cmi-deps"),
        (
            "model",
            "me/cmi-models/PyTorch/exp001/2",
            "models/me/cmi-models/pytorch/exp001/2",
            "cmi-models/pytorch/exp001/2",
        ),
    ],
)
def test_mount_paths_are_those_of_both_layouts(kind: str, text: str, namespaced: str, classic: str) -> None:
    ref = refs.parse(kind, text)
    assert ref.mount("namespaced") == namespaced
    assert ref.mount("classic") == classic
    assert {namespaced, classic} <= set(ref.candidates())


def test_two_parts_are_a_dataset_or_a_notebook() -> None:
    assert [ref.kind for ref in refs.guess("me/thing")] == ["dataset", "notebook"]
    assert [ref.kind for ref in refs.guess("titanic")] == ["competition"]
    assert [ref.kind for ref in refs.guess("me/m/pytorch/v")] == ["model"]


@pytest.mark.parametrize("text", ["me/thing/0", "me/thing/latest", "me/thing/1/2"])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RefError):
        refs.DatasetRef.parse(text)
