"""Halves of characters: JSON may hold half an emoji, as an escape such as `ud83d`, which no UTF-8 file can.

papermill, which runs notebooks on Kaggle, stops where it would write one (seen with papermill 2.7).
"""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile(r"[\ud800-\udfff]")


def first(value: Any) -> str | None:
    """The first half of a character in a JSON value, None when it has none."""
    found = _HALF.search(json.dumps(value, ensure_ascii=False))
    return found[0] if found else None


def replaced(value: dict[str, Any], what: str, said: list[str]) -> dict[str, Any]:
    """A JSON object with � for each half of a character; adds a sentence about `what` to `said` when it had one."""
    if first(value) is None:
        return value
    said.append(f"{what} holds half of a character, such as half an emoji. It is uploaded as �.")
    return dict(json.loads(_HALF.sub("�", json.dumps(value, ensure_ascii=False))))
