"""Every write of this process told before it happens, however Python's library writes: the ways that end outside of Python's
own code (its files in C, copies inside the kernel) are led through `os.write` and `os.sendfile` here.

What the interpreter itself keeps (compiled modules) is left alone.
"""

from __future__ import annotations

import _pyio  # type: ignore[import-not-found]  # typeshed lacks it
import builtins
import io
import os
from collections.abc import Callable
from typing import Any

Do = Callable[[int], int]
Meet = Callable[[str, int, Do], int]


def watch(meet: Meet) -> None:
    """Have every write of this process asked for, until it ends.

    Args:
        meet: gets the file's path, how many bytes are to be written there, and a function that writes the first so many of them and
            returns how many it wrote; returns what the caller is told. Never called for no bytes.
    """
    # The same function written in Python, whose files call os.write.
    builtins.open = io.open = _pyio.open
    write, sendfile, copy_range = os.write, os.sendfile, os.copy_file_range

    def met(file: int, size: int, do: Do) -> int:
        return meet(path_of(file), size, do) if size > 0 else do(size)

    def traced_write(file: int, content: Any, /) -> int:
        # A copy: a refusal's traceback would hold on to a buffer that its owner wants to change.
        held = bytes(content)
        return met(file, len(held), lambda size: write(file, held[:size]))

    def traced_sendfile(out: int, source: int, offset: int | None, count: int, **more: Any) -> int:
        left = min(count, os.fstat(source).st_size - (offset or 0))
        return met(out, left, lambda size: sendfile(out, source, offset, size, **more))

    def traced_copy(source: int, out: int, count: int, **more: Any) -> int:
        left = min(count, os.fstat(source).st_size - os.lseek(source, 0, os.SEEK_CUR))
        return met(out, left, lambda size: copy_range(source, out, size, **more))

    os.write, os.sendfile, os.copy_file_range = traced_write, traced_sendfile, traced_copy  # type: ignore[assignment]  # of the same use


def path_of(file: int) -> str:
    """Where an open file lies, "" for none."""
    try:
        return os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115 - a Path made at every write
    except OSError:
        return ""
