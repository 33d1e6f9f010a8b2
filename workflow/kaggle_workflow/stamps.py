"""How far the time of a file's last change tells two contents apart."""

from __future__ import annotations

_SECOND = 10**9
# Two seconds are the longest step (FAT); the clock of a file server may differ from ours.
_MARGIN = 60 * _SECOND


def settled(mtime_ns: int, now_ns: int) -> bool:
    """Whether an edit from `now_ns` on is sure to give the file another time than `mtime_ns` (both in nanoseconds since 1970).

    USB sticks, SD cards and some shared folders keep whole seconds or pairs of them: there, two edits of one second leave one time.
    """
    return mtime_ns % _SECOND != 0 or now_ns - mtime_ns > _MARGIN
