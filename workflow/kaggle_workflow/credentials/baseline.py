"""`.secrets.baseline`: findings that are not credentials, in the format of detect-secrets.

The user's file; commit it. `invoke check --no-secret PLACE` and `detect-secrets audit` write into it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kaggle_workflow.credentials.search import Hit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import write_text

FILE = ".secrets.baseline"


def allowed(root: Path) -> dict[str, frozenset[str]]:
    """SHA-1 of what is allowed, by file; an entry that was audited as a secret allows nothing.

    Raises:
        WorkflowError: the file is not a baseline.
    """
    return _read(root)[1]


def fingerprint(root: Path) -> str:
    """Return the SHA-256 of the file, "" for none; part of the key of cached results."""
    path = root / FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def add(root: Path, shown: str, hits: Iterable[Hit]) -> None:
    """Write hits of one file into the baseline of the workspace at `root`.

    Raises:
        WorkflowError: the file that is there is not a baseline.
    """
    raw, listed = _read(root)
    new = {hit.digest: hit for hit in hits if hit.digest not in listed.get(shown, ())}
    if not new:
        return
    raw.setdefault("version", "1.5.0")
    entries = raw.setdefault("results", {}).setdefault(shown, [])
    # An entry audited as real is replaced.
    entries[:] = [one for one in entries if one["hashed_secret"] not in new]
    entries += [
        {
            "type": hit.name,
            "filename": shown,
            "hashed_secret": hit.digest,
            "is_verified": False,
            "line_number": hit.line,
            "is_secret": False,
        }
        for hit in new.values()
    ]
    write_text(root / FILE, json.dumps(raw, indent=2, ensure_ascii=False) + "\n")


def _read(root: Path) -> tuple[dict[str, Any], dict[str, frozenset[str]]]:
    path = root / FILE
    if not path.is_file():
        return {}, {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
        return raw, {
            name.replace("\\", "/"): frozenset(
                one["hashed_secret"] for one in entries if one.get("is_secret") is not True
            )
            for name, entries in raw["results"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkflowError(
            f"{FILE} is not a baseline of detect-secrets ({type(error).__name__}). Restore it from git, or delete it and run "
            "`invoke check --no-secret PLACE` again."
        ) from error
