"""Copies of the image's commands (`torchrun`, `accelerate`) that see the overlay's packages.

Their first line names the image's interpreter, which lacks these packages. Each is copied into the overlay with the
overlay's interpreter in its first line; commands that come from wheels stay unchanged.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

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
    head = shebang(overlay.python)
    taken = {entry.name for entry in overlay.bin.iterdir()}
    adopted = []
    with os.scandir(overlay.image_bin) as entries:
        for entry in entries:
            if entry.name in taken or not entry.is_file() or entry.stat().st_size > _LARGEST:
                continue
            text = rewritten(_read(entry.path), head, image)
            if text is not None:
                path = overlay.bin / entry.name
                path.write_bytes(text)
                path.chmod(0o755)
                adopted.append(entry.name)
    return tuple(sorted(adopted))


def rewritten(content: bytes, head: bytes, image: str) -> bytes | None:
    """A command with another first line (`head`), None when it is no command of the image's interpreter (its real path)."""
    match = _HEAD.match(content)
    if match is None:
        return None
    named = os.fsdecode(match["long"] or match["plain"])
    by_env = named.endswith("/env") and _INTERPRETER.match(match["words"].strip()) is not None
    if not by_env and os.path.realpath(named) != image:
        return None
    return head + content[match.end() :]


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        # A command that can't be read can't be started either.
        return b""
