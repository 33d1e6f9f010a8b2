"""The smallest edit of a file that a person wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaggle_workflow.edit import json_edit
from kaggle_workflow.errors import WorkflowError

REF = "me/m/pytorch/v/2"
texts = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "old", "after"),
    [
        ('{"a": 1, "model_sources": []}', None, '{"a": 1, "model_sources": ["NEW"]}'),
        ('{"a": 1}', None, '{"a": 1, "model_sources": ["NEW"]}'),
        ("{}", None, '{"model_sources": ["NEW"]}'),
        ('{"model_sources": ["x"], "a":  1}', "x", '{"model_sources": ["NEW"], "a":  1}'),
        ('{"model_sources": ["x"]}', None, '{"model_sources": ["x", "NEW"]}'),
        ('{\n    "model_sources": []\n}\n', None, '{\n    "model_sources": [\n        "NEW"\n    ]\n}\n'),
        (
            '{\n\t"model_sources": [\n\t\t"x"\n\t]\n}',
            None,
            '{\n\t"model_sources": [\n\t\t"x",\n\t\t"NEW"\n\t]\n}',
        ),
        (
            '{\r\n  "a": 1\r\n}\r\n',
            None,
            '{\r\n  "a": 1,\r\n  "model_sources": [\r\n    "NEW"\r\n  ]\r\n}\r\n',
        ),
    ],
)
def test_order_indentation_and_line_ends_stay(before: str, old: str | None, after: str) -> None:
    assert json_edit.set_item(before, "model_sources", old, "NEW") == after


@given(
    st.dictionaries(texts, values, max_size=4),
    st.lists(texts, max_size=4),
    st.sampled_from([None, 0, 2, "\t"]),
    st.booleans(),
)
def test_whatever_the_file_holds_only_the_list_changes(
    others: dict[str, object], listed: list[str], indent: int | str | None, ascii_only: bool
) -> None:
    others.pop("model_sources", None)
    text = json.dumps({**others, "model_sources": listed}, indent=indent, ensure_ascii=ascii_only)
    assert json.loads(json_edit.set_item(text, "model_sources", None, REF)) == {
        **others,
        "model_sources": [*listed, REF],
    }
    if listed:
        changed = json.loads(json_edit.set_item(text, "model_sources", listed[0], REF))
        assert changed == {**others, "model_sources": [REF, *listed[1:]]}


@pytest.mark.parametrize("text", ["", "[]", '{"model_sources": "x"}', '{"a": 1 "b": 2}', '{"a" 1}'])
def test_what_is_no_such_file_is_one_sentence(text: str) -> None:
    with pytest.raises(WorkflowError, match=r"\.$"):
        json_edit.set_item(text, "model_sources", "x", REF)


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b'\xef\xbb\xbf{"model_sources": []}')
    json_edit.edit_file(path, "model_sources", None, REF)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf{")
