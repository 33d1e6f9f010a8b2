"""Write files whole or not at all: beside their place first, then moved there in one step."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kaggle_workflow import halves, platforms
from kaggle_workflow.errors import WorkflowError

# Names of our files and folders until they are complete; uploads leave them out.
UNFINISHED = ".*.tmp"
_UNFINISHED = re.compile(r"\..+\.(?P<process>\d+)-\w+\.tmp")
# A name may have 255 bytes, and the unfinished one is longer.
_NAME_LETTERS = 50
_LARGEST_JSON = 4 << 20


def write_text(path: Path, text: str) -> None:
    """Write a text file with LF line ends, keeping the mode of a file that it replaces."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, keeping the mode of a file that it replaces."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(**_place(path))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        platforms.set_mode(Path(temporary), path.stat().st_mode & 0o777 if path.exists() else 0o644)
        platforms.retry_while_locked(lambda: os.replace(temporary, path))
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> Path:
    """Make a folder beside `path`, to be renamed to it; if the process dies first, `sweep` removes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(**_place(path)))


def keep_copy(source: Path, place: Path, copy: Callable[[str, str], object] = shutil.copy2) -> None:
    """Copy a folder to `place`, whole or not at all, unless something is there; `copy` copies one file."""
    if not place.exists():
        unfinished = make_folder(place)
        shutil.copytree(source, unfinished, dirs_exist_ok=True, copy_function=copy)
        unfinished.rename(place)


@contextlib.contextmanager
def scratch(build: Path) -> Iterator[Path]:
    """A folder below `build/` for something that is read once."""
    folder = make_folder(build / "look")
    try:
        yield folder
    finally:
        platforms.remove_tree(folder)


def sweep(*folders: Path) -> None:
    """Remove what killed commands left unfinished directly in these folders; what can't be removed stays."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                match = _UNFINISHED.fullmatch(path.name)
                if match is not None and not platforms.is_running(int(match["process"])):
                    remove_tree(path)


def _place(path: Path) -> dict[str, Any]:
    """Where `tempfile` puts the unfinished form of `path`; the process in its name tells whether it is still in use."""
    prefix = f".{path.name[:_NAME_LETTERS]}.{os.getpid()}-"
    return {"prefix": prefix, "suffix": ".tmp", "dir": path.parent}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object that a person wrote.

    Raises:
        WorkflowError: it is missing, not a JSON object, has a key twice, or is far too large, with line and remedy.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name, number in Counter(names).items() if number > 1), None)
        if twice is not None:
            raise WorkflowError(f"{path} has {twice!r} twice. Keep one of them.")
        return dict(pairs)

    try:
        if path.stat().st_size > _LARGEST_JSON:
            raise WorkflowError(f"{path} is too large for metadata: {path.stat().st_size} bytes. Shorten it.")
        value = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique)
    except FileNotFoundError as error:
        raise WorkflowError(f"{path} does not exist. Restore it from git, or write it.") from error
    except json.JSONDecodeError as error:
        raise WorkflowError(
            f"{path}, line {error.lineno}, is not JSON ({error.msg}). Correct that line."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        # A ValueError is text that is not UTF-8, or a number of thousands of digits.
        raise WorkflowError(f"{path} can't be read ({error}). Save it as UTF-8 text.") from error
    if not isinstance(value, dict):
        raise WorkflowError(f"{path} must be a JSON object in braces. Correct its first line.")
    if (half := halves.first(value)) is not None:
        raise WorkflowError(f"{path} holds half of a character, {half!r}. Write the whole one, or delete it.")
    return value


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object that a program wrote; {} when there is none or it can't be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def remove_tree(path: Path) -> None:
    """Remove a file or folder of ours (under `build/`) with all that is in it; a link is removed, never followed."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        platforms.remove_tree(path)
