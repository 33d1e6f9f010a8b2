"""`.secrets.baseline`: findings that are no credentials, in the format of detect-secrets.

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


def read(root: Path) -> dict[str, frozenset[str]]:
    """SHA-1 of what is allowed, by file; an entry that was audited as a secret allows nothing.

    Raises:
        WorkflowError: the file does not read as a baseline.
    """
    try:
        return {
            name.replace("\\", "/"): frozenset(
                str(one["hashed_secret"]) for one in entries if one.get("is_secret") is not True
            )
            for name, entries in _raw(root).get("results", {}).items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise _broken(error) from error


def fingerprint(root: Path) -> str:
    """Return the SHA-256 of the file, "" for none; part of the key of cached results."""
    path = root / FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def add(root: Path, shown: str, hits: Iterable[Hit]) -> None:
    """Write hits of one file into the baseline of the workspace at `root`.

    Raises:
        WorkflowError: the file that is there does not read as a baseline.
    """
    listed, raw = read(root).get(shown, frozenset()), _raw(root)
    raw.setdefault("version", "1.5.0")
    entries = raw.setdefault("results", {}).setdefault(shown, [])
    new = {hit.digest: hit for hit in hits if hit.digest not in listed}
    # An entry audited as real is replaced.
    entries[:] = [one for one in entries if one.get("hashed_secret") not in new]
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
    if new:
        write_text(root / FILE, json.dumps(raw, indent=2, ensure_ascii=False) + "\n")


def _raw(root: Path) -> dict[str, Any]:
    path = root / FILE
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
        return {**value, "results": value["results"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _broken(error) from error


def _broken(error: Exception) -> WorkflowError:
    return WorkflowError(
        f"{FILE} does not read as a baseline of detect-secrets ({type(error).__name__}): restore it from git, or delete it and run `invoke check --no-secret` again."
    )
