"""The modules of `codes/` that an entry point reaches, and what they import from elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from kaggle_shim import entry
from kaggle_workflow import code_reading
from kaggle_workflow.code_reading import Import
from kaggle_workflow.files import read_object, write_text

_CACHE = "imports.json"
_FORMAT = f"1 {sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Reached:
    """What the code of one entry point imports.

    Attributes:
        imports: file (relative to codes/) and import, for what is no module of codes/.
        not_followed: places that import by name, such as `a.py:3`, and commands.
    """

    imports: tuple[tuple[str, Import], ...]
    not_followed: tuple[str, ...]


def reached(words: Sequence[str], codes: Path, build: Path) -> Reached:
    """Follow an entry point through its own modules.

    Args:
        words: the entry point, as in the settings.
        codes: the code tree.
        build: where the readings are cached; a file is read again when its size or its time differs.
    """
    if entry.is_script(words):
        start = codes / words[0]
    elif entry.is_module(words):
        start = codes / f"{words[1].replace('.', '/')}.py"
        start = start if start.is_file() else start.with_suffix("") / "__main__.py"
    else:
        return Reached((), (" ".join(words),) if words else ())
    readings = _Readings(build / _CACHE, codes)
    outside, by_name = [], []
    waiting, seen = [start], {start}
    while waiting:
        file = waiting.pop()
        if not file.is_file() or not file.resolve().is_relative_to(codes.resolve()):
            continue
        shown = file.relative_to(codes).as_posix()
        imports, lines = readings.of(file, shown)
        by_name += [f"{shown}:{line}" for line in lines]
        for one in imports:
            own = _own(one, file, (start.parent, codes))
            if not own and not one.module.startswith("."):
                outside.append((shown, one))
            waiting += [path for path in own if path not in seen]
            seen.update(own)
    readings.save()
    return Reached(tuple(outside), tuple(sorted(by_name)))


def _own(one: Import, file: Path, roots: Sequence[Path]) -> list[Path]:
    """The files of codes/ that an import runs; none where the module is not in it."""
    bare = one.module.lstrip(".")
    level = len(one.module) - len(bare)
    places = [file.parents[level - 1]] if level and level <= len(file.parents) else list(dict.fromkeys(roots))
    parts = bare.split(".") if bare else []
    for place in places:
        found: list[Path] = []
        folder = place
        for part in parts:
            folder /= part
            found += [
                path for path in (folder / "__init__.py", folder.with_name(f"{part}.py")) if path.is_file()
            ]
        if found or folder.is_dir():
            names = (
                path for name in one.names for path in (folder / f"{name}.py", folder / name / "__init__.py")
            )
            return [*found, *(path for path in names if path.is_file())]
    return []


class _Readings:
    """The imports of each file, kept in the build folder."""

    def __init__(self, cache: Path, codes: Path) -> None:
        self._cache = cache
        self._codes = codes
        held = read_object(cache)
        files = held.get("files") if held.get("format") == _FORMAT else {}
        self._files: dict[str, Any] = files if isinstance(files, dict) else {}
        self._changed = False

    def of(self, file: Path, name: str) -> tuple[tuple[Import, ...], tuple[int, ...]]:
        about = file.stat()
        mark = [about.st_size, about.st_mtime_ns]
        held = self._files.get(name)
        if isinstance(held, list) and held[:2] == mark:
            imports = tuple(Import(m, tuple(n), line, opt, tuple(u)) for m, n, line, opt, u in held[2])
            return imports, tuple(held[3])
        found, lines = code_reading.imports_of(file)
        self._files[name] = [*mark, [astuple(one) for one in found], list(lines)]
        self._changed = True
        return found, lines

    def save(self) -> None:
        if self._changed:
            try:
                self._cache.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._cache, json.dumps({"format": _FORMAT, "files": self._files}))
            except OSError:
                # A cache that can't be written costs a second next time.
                return
