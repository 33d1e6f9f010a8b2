"""Files that are whole or absent: written beside their place, then moved there in one step."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from workflow.errors import WorkflowError

_LARGEST_JSON = 4 << 20


def write_text(path: Path, text: str) -> None:
    """Write a text file with LF line ends, keeping the mode of a file that it replaces."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, keeping the mode of a file that it replaces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that a person wrote.

    Raises:
        WorkflowError: it is missing, no JSON, no object, says a key twice, or is far too large, with line and remedy.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise WorkflowError(f"{path} says {twice!r} twice: keep one of them.")
        return dict(pairs)

    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise WorkflowError(
                f"{path} has {path.stat().st_size} bytes, far too many for metadata: shorten it."
            )
        value = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique)
    except FileNotFoundError as error:
        raise WorkflowError(f"{path} is missing: copier copy writes it, or take it back from git.") from error
    except json.JSONDecodeError as error:
        raise WorkflowError(
            f"{path}, line {error.lineno}, is not JSON ({error.msg}): correct that line."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        # A ValueError is text that is no UTF-8, or a number of thousands of digits.
        raise WorkflowError(f"{path} can't be read ({error}): save it as UTF-8 text.") from error
    if not isinstance(value, dict):
        raise WorkflowError(f"{path} must hold one JSON object in braces: correct its first line.")
    return value


def remove_tree(path: Path) -> None:
    """Remove a folder of ours (under `build/`) with all that is in it; a link is removed, never followed."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        from workflow import platforms

        platforms.remove_tree(path)
