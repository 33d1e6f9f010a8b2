"""What stands in an example where a credential would stand."""

from __future__ import annotations

import re

_MARKS = re.compile(r"(?i)x{6}|\*{3}|\.{3}|example|your[_-]|[<>{}$]|0{8}|1234567")
_WORDS = frozenset(
    ("password", "passwd", "pass", "pwd", "pw", "token", "secret", "key", "api_key", "changeme", "passw0rd")
)


def is_one(secret: str) -> bool:
    """Whether a text only stands for a credential."""
    return secret.lower() in _WORDS or bool(_MARKS.search(secret))
