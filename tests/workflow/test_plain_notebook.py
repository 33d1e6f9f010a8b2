"""What is read without nbformat is never anything else than what nbformat reads."""

import json
from typing import Any

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaggle_workflow.stage import plain_notebook


def as_nbformat_reads(value: object) -> object:
    node = nbformat.reads(json.dumps(value), as_version=4)
    nbformat.validate(node)
    return json.loads(json.dumps(node))


texts = st.text(max_size=8)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 6),
    texts,
    st.lists(texts, max_size=2),
    st.dictionaries(texts, texts, max_size=2),
)
cell_metadata = st.dictionaries(
    st.sampled_from(["tags", "name", "collapsed", "trusted", "jupyter", "_kg_hide-input", "vscode"]),
    odd,
    max_size=2,
)
cells: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "code", "markdown", "raw", "odd"]),
        "metadata": cell_metadata,
        "source": st.one_of(texts, st.lists(texts, max_size=3), odd),
    },
    optional={
        "id": st.one_of(st.sampled_from(["a", "b", "a b", ""]), odd),
        "execution_count": st.one_of(st.none(), st.integers(-1, 3)),
        "outputs": st.just([]),
        "attachments": st.just({}),
    },
)
notebooks = st.fixed_dictionaries(
    {
        "cells": st.lists(cells, max_size=3),
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "kernelspec": st.one_of(st.fixed_dictionaries({"name": texts, "display_name": texts}), odd),
                "language_info": st.one_of(
                    st.fixed_dictionaries(
                        {"name": texts}, optional={"mimetype": odd, "codemirror_mode": odd}
                    ),
                    odd,
                ),
                "title": odd,
                "kaggle": odd,
            },
        ),
        "nbformat": st.sampled_from([4, 4, 4, 3]),
        "nbformat_minor": st.sampled_from([0, 2, 4, 5, 5, 6]),
    }
)


@given(notebooks)
@example(
    {
        "cells": [{"cell_type": "code", "metadata": {}, "source": "", "execution_count": -1, "outputs": []}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
)
def test_what_is_read_without_nbformat_is_what_nbformat_reads(value: dict[str, Any]) -> None:
    plain = plain_notebook.node_of(value)
    if plain is not None:
        assert plain == as_nbformat_reads(value)


@pytest.mark.parametrize("minor", [4, 5])
def test_a_notebook_as_jupyter_saves_it_is_read_without_nbformat(minor: int) -> None:
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": ["a\n", "b"]}
    named = {**cell, "id": "4f"} if minor == 5 else cell
    value = {
        "cells": [named],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": minor,
    }
    read = plain_notebook.node_of(value)
    assert read == as_nbformat_reads(value)
    assert read is not None
    assert read["cells"][0]["source"] == "a\nb"
