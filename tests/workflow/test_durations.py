"""A measured time is spelled in one way in `watch`, `history` and estimates."""

from __future__ import annotations

import pytest

from kaggle_workflow.durations import spell_measured


@pytest.mark.parametrize(
    ("seconds", "error", "text"),
    [
        (807, 45, "13m27s ± 45s"),
        (807, None, "13m27s"),
        (807, 40, "13m27s"),
        (3, 0.2, "3s ± 1s"),
        (32400, 1800, "9h ± 30m"),
    ],
)
def test_an_error_is_shown_where_it_counts(seconds: float, error: float | None, text: str) -> None:
    assert spell_measured(seconds, error) == text
