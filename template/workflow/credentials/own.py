"""The credentials of this very machine: whatever their format, their values must not be in what is sent."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

_NAMES = re.compile(
    r"(?i)(?:^|_)(?:token|secret|password|passwd|api_?key|access_?key|secret_?key|kaggle_key)$"
)
_SHORTEST = 12
_LONGEST_FILE = 10_000


def values() -> dict[str, str]:
    """Secrets by where they come from: environment variables that are called so, and the files of Kaggle's clients."""
    found = {name: value for name, value in os.environ.items() if _NAMES.search(name)}
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle")
    for name in ("access_token", "access_token.txt"):
        found[f"{folder / name}"] = _text(folder / name)
    given = found.get("KAGGLE_API_TOKEN", "")
    if given and "\n" not in given and len(given) < 1000 and Path(given).is_file():  # noqa: PLR2004 - no path is longer
        # The client takes a path there as well.
        found["KAGGLE_API_TOKEN"] = _text(Path(given))
    for name in ("kaggle.json", "credentials.json"):
        found |= {f"{folder / name} ({key})": value for key, value in _json(folder / name).items()}
    # What a person can type at random, such as "test", may stand anywhere.
    return {name: value.strip() for name, value in found.items() if len(value.strip()) >= _SHORTEST}


def redacted(text: str) -> str:
    """A text of others, without this machine's credentials in it."""
    for value in values().values():
        text = text.replace(value, "…")
    return text


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size < _LONGEST_FILE else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _json(path: Path) -> dict[str, str]:
    try:
        value = json.loads(_text(path) or "{}")
    except ValueError:
        return {}
    wanted = ("key", "refresh_token", "access_token")
    return {
        name: value[name] for name in wanted if isinstance(value, dict) and isinstance(value.get(name), str)
    }
