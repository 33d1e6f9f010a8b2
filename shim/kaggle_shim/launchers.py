"""Copies of the image's commands (`torchrun`, `accelerate`) that see the overlay's packages.

Their first line names the image's interpreter, which lacks these packages. Each is copied into the overlay with the
overlay's interpreter in its first line; commands that come from wheels stay unchanged.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from kaggle_shim.layout import shebang
from kaggle_shim.overlay import Overlay

# A launcher has a few lines; what is larger is a program.
_LARGEST = 1 << 16
_INTERPRETER = re.compile(rb"python[0-9.]*\Z")
# Both forms that installers write: the plain one, and the one for a path that is too long or has a space in it.
_HEAD = re.compile(
    rb"#![ \t]*(?P<plain>[^ \t\r\n]+)(?P<words>[^\r\n]*)\r?\n"
    rb"(?:'''exec' \"?(?P<long>[^\"\n]+?)\"? \"\$0\" \"\$@\"\r?\n' '''\r?\n)?"
)


def copy_commands(overlay: Overlay) -> tuple[str, ...]:
    """Copy the image's Python commands into an overlay whose wheels are installed; returns their names, sorted.

    Nothing on Windows, where a command is a program with its interpreter inside.
    """
    if os.name == "nt" or not overlay.image_bin.is_dir():
        return ()
    image = os.path.realpath(overlay.python)
    taken = {entry.name for entry in overlay.bin.iterdir()}
    copied = []
    for path in sorted(overlay.image_bin.iterdir()):
        content = b""
        # A command that can't be read can't be started either.
        with suppress(OSError):
            if path.name not in taken and path.is_file() and path.stat().st_size <= _LARGEST:
                content = path.read_bytes()
        if rest := _after_head(content, image):
            copy = overlay.bin / path.name
            copy.write_bytes(shebang(overlay.python) + content[rest:])
            copy.chmod(0o755)
            copied.append(path.name)
    return tuple(copied)


def _after_head(content: bytes, image: str) -> int | None:
    """Where a command goes on behind its first lines, None when it is no command of the image's interpreter (its real path)."""
    match = _HEAD.match(content)
    if match is None:
        return None
    named = os.fsdecode(match["long"] or match["plain"])
    by_env = named.endswith("/env") and _INTERPRETER.match(match["words"].strip()) is not None
    return match.end() if by_env or os.path.realpath(named) == image else None
