"""Notebooks that papermill would run are sent, made valid on the way, whatever tool wrote them; never a traceback."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.stage import compose

BASE: dict[str, Any] = {
    "cells": [
        {"cell_type": "markdown", "id": "about", "metadata": {}, "source": ["Words.\n", "More."]},
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "run",
            "metadata": {},
            "outputs": [],
            "source": "import kaggle_shim\n\nkaggle_shim.run()",
        },
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def read(tmp_path: Path, value: object) -> compose.Source:
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(value), encoding="utf-8")
    return compose.read_source(path)


def changed(place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    made = copy.deepcopy(BASE)
    inside: Any = made
    for part in place[:-1]:
        inside = inside[part]
    inside[place[-1]] = value
    return made


def without(place: tuple[str | int, ...]) -> dict[str, Any]:
    made = copy.deepcopy(BASE)
    inside: Any = made
    for part in place[:-1]:
        inside = inside[part]
    del inside[place[-1]]
    return made


HEADING = {"cell_type": "heading", "level": 2, "metadata": {}, "source": "X"}
LENIENT = [
    (changed(("cells", 0), HEADING), "cell 1 is a heading"),
    (changed(("cells", 1, "id"), "x" * 70), "of cell 2 is invalid"),
    (changed(("cells", 1, "id"), "cell/1 b"), "of cell 2 is invalid"),
    (changed(("cells", 1, "id"), 7), "of cell 2 is invalid"),
    (without(("cells", 1, "outputs")), None),
    (changed(("cells", 0, "outputs"), []), None),
    (changed(("cells", 1, "execution_count"), -1), None),
    (changed(("cells", 1, "prompt_number"), 3), None),
    (changed(("cells", 0, "source"), None), "the source of cell 1 is not text"),
    (changed(("cells", 1, "metadata", "tags"), "parameters"), None),
    (changed(("cells", 1, "metadata"), None), None),
    (changed(("metadata", "kernelspec"), {"name": "python3"}), None),
    (changed(("metadata", "kernelspec"), {"language": "python"}), "names no kernel"),
    (changed(("metadata", "language_info"), {"version": "3.11"}), None),
    (changed(("accelerator",), "GPU"), "accelerator at the top level"),
    (changed(("nbformat_minor",), None), "4.None"),
    (changed(("cells", 0, "source"), ["half ", "\ud83d"]), "cell 1 holds half of a character"),
    (changed(("cells", 1, "metadata", "note"), "\ude00"), "cell 2 holds half of a character"),
    (changed(("metadata", "note"), {"\ud83d": 1}), "its metadata holds half of a character"),
]


@pytest.mark.parametrize(("value", "said"), LENIENT)
def test_what_papermill_runs_is_sent_valid_and_said(
    tmp_path: Path, value: dict[str, Any], said: str | None
) -> None:
    source = read(tmp_path, value)
    nbformat.validate(nbformat.from_dict(source.node))
    assert source.node["cells"][-1]["source"] == BASE["cells"][1]["source"]
    if said is not None:
        assert any(said in sentence for sentence in source.corrections), source.corrections


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (changed(("cells",), {}), "no list of cells"),
        (changed(("cells", 0), "text"), "cell 1 is str"),
        (changed(("cells", 0, "cell_type"), "sql"), "cell 1 has the cell_type 'sql'"),
        ([], "no list of cells"),
    ],
)
def test_what_is_no_notebook_is_named_exactly(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(WorkflowError, match=said):
        read(tmp_path, value)


def test_a_valid_notebook_keeps_what_kaggle_uses(tmp_path: Path) -> None:
    made = copy.deepcopy(BASE)
    made["cells"][0] |= {
        "attachments": {"a.png": {"image/png": "aa"}},
        "metadata": {"tags": ["one"], "_kg_hide-input": True},
    }
    made["cells"][1]["metadata"] = {"jupyter": {"source_hidden": True}, "collapsed": True, "trusted": True}
    made["metadata"]["kaggle"] = {"accelerator": "none"}
    source = read(tmp_path, made)
    nbformat.validate(nbformat.from_dict(source.node))
    assert source.corrections == ()
    assert source.node["cells"][0] == {**made["cells"][0], "source": "Words.\nMore."}
    assert source.node["cells"][1]["metadata"] == {"jupyter": {"source_hidden": True}, "collapsed": True}
    assert source.node["metadata"]["kaggle"] == {"accelerator": "none"}


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=3), max_size=2)
)
PLACES: list[tuple[str | int, ...]] = [
    ("metadata",),
    ("nbformat_minor",),
    ("more",),
    ("metadata", "kernelspec"),
    ("metadata", "language_info"),
    ("cells", 0, "source"),
    ("cells", 0, "id"),
    ("cells", 0, "metadata"),
    ("cells", 1, "id"),
    ("cells", 1, "outputs"),
    ("cells", 1, "execution_count"),
    ("cells", 1, "metadata"),
    *(
        ("cells", 1, "metadata", key)
        for key in ("tags", "name", "collapsed", "trusted", "jupyter", "execution")
    ),
    *(("metadata", key) for key in ("title", "authors", "orig_nbformat")),
    ("cells", 1, "more"),
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), LEAVES)
def test_whatever_the_reader_of_papermill_takes_we_take(
    tmp_path: Path, place: tuple[str | int, ...], value: object
) -> None:
    """Papermill loads with nbformat.reads and does not validate."""
    made = changed(place, value)
    source = read(tmp_path, made)
    nbformat.validate(nbformat.from_dict(source.node))
