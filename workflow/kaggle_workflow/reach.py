"""The modules of `codes/` that an entry point reaches, and what they import from elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaggle_shim import entry
from kaggle_workflow import import_statements
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.import_statements import Import

_CACHE = "imports.json"
_FORMAT = f"2 {sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Reached:
    """What the code of one entry point imports.

    Attributes:
        imports: file (relative to codes/) and import, for each module that isn't in codes/.
        not_followed: where imports can't be followed: lines that import by name, such as `a.py:3`, and commands.
    """

    imports: tuple[tuple[str, Import], ...]
    not_followed: tuple[str, ...]


def reached(words: Sequence[str], codes: Path, build: Path) -> Reached:
    """Follow an entry point through the modules of codes/.

    Args:
        words: the entry point, as in the settings.
        codes: the code tree.
        build: where each file's imports are cached; a file is read again when its size or time changes.
    """
    if entry.is_script(words):
        start = codes / words[0]
    elif entry.is_module(words):
        start = codes / f"{words[1].replace('.', '/')}.py"
        start = start if start.is_file() else start.with_suffix("") / "__main__.py"
    else:
        return Reached((), (" ".join(words),) if words else ())
    cache, own = _Cache(build / _CACHE), _OwnModules(tuple(dict.fromkeys((start.parent, codes))))
    outside, by_name = [], []
    waiting, seen = [start], {start}
    real = codes.resolve()
    while waiting:
        file = waiting.pop()
        if not file.is_file() or not file.resolve().is_relative_to(real):
            continue
        shown = file.relative_to(codes).as_posix()
        imports, lines = cache.read(file, shown)
        by_name += [f"{shown}:{line}" for line in lines]
        for one in imports:
            found = own.files(one, file)
            if not found and not one.module.startswith("."):
                outside.append((shown, one))
            waiting += [path for path in found if path not in seen]
            seen.update(found)
    cache.save()
    return Reached(tuple(outside), tuple(sorted(by_name)))


class _OwnModules:
    """The modules of codes/."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._known: dict[tuple[Sequence[Path], str, tuple[str, ...]], list[Path]] = {}

    def files(self, one: Import, file: Path) -> list[Path]:
        """The files that an import in `file` runs; empty if the module isn't in codes/."""
        bare = one.module.lstrip(".")
        level = len(one.module) - len(bare)
        folders = (file.parents[level - 1],) if 0 < level <= len(file.parents) else self._roots
        key = (folders, bare, one.names)
        if key not in self._known:
            found = (_files(folder, bare.split(".") if bare else [], one.names) for folder in folders)
            self._known[key] = next((files for files in found if files is not None), [])
        return self._known[key]


def _files(folder: Path, parts: Sequence[str], names: Sequence[str]) -> list[Path] | None:
    """The files that `from PARTS import NAMES` runs, None if the folder has no such module."""
    found: list[Path] = []
    for part in parts:
        folder /= part
        found += (path for path in (folder / "__init__.py", folder.with_name(f"{part}.py")) if path.is_file())
    if not found and not folder.is_dir():
        return None
    submodules = (path for name in names for path in (folder / f"{name}.py", folder / name / "__init__.py"))
    return [*found, *(path for path in submodules if path.is_file())]


class _Cache:
    """The imports of each file, in the build folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        stored = read_object(path)
        files = stored.get("files") if stored.get("format") == _FORMAT else {}
        self._files: dict[str, Any] = files if isinstance(files, dict) else {}
        self._changed = False

    def read(self, file: Path, name: str) -> tuple[Sequence[Import], Sequence[int]]:
        """Return what `import_statements.read` returns."""
        about = file.stat()
        mark = [about.st_size, about.st_mtime_ns]
        stored = self._files.get(name)
        if not isinstance(stored, list) or stored[:2] != mark:
            imports, lines = import_statements.read(file)
            self._files[name] = [*mark, imports, lines]
            self._changed = True
            return imports, lines
        return [
            Import(module, tuple(names), line, optional, tuple(unless))
            for module, names, line, optional, unless in stored[2]
        ], stored[3]

    def save(self) -> None:
        if self._changed:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._path, json.dumps({"format": _FORMAT, "files": self._files}))
            except OSError:
                # Without the cache, the next check takes a second longer.
                return
