"""Where the marks of an axis stand: at round numbers, times and dates that hold every point between them."""

from __future__ import annotations

import math

_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY = 86400
_SHORTEST = 300.0
_TICKS = 7


def nice_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers from at or below low to at or above high, about six of them; a single value gets room around it."""
    if low == high:
        room = abs(low) / 10 or 1.0
        low, high = low - room, high + room
    rough = (high - low) / (_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    digits = max(0, 2 - math.floor(math.log10(step)))
    return tuple(round(index * step, digits) for index in range(first, last + 1))


def duration_ticks(longest: float) -> tuple[float, ...]:
    """Round times from zero to at or above longest seconds."""
    step = next((one for one in _STEPS if longest / one <= _TICKS + 2), longest / _TICKS)
    return tuple(float(index * step) for index in range(math.ceil(longest / step * 1.02) + 1))


def time_ticks(first: float, last: float) -> tuple[float, ...]:
    """Midnights (UTC) around the times; hours or minutes when all lie within a few days. They span five minutes at least."""
    lacking = max(0.0, _SHORTEST - (last - first)) / 2
    first, last = first - lacking, last + lacking
    span = last - first
    step = next((one for one in _STEPS if span / one <= _TICKS - 1), 0) or _DAY * math.ceil(
        span / _DAY / (_TICKS - 1)
    )
    start = math.floor(first / step) * step
    return tuple(float(start + index * step) for index in range(math.ceil((last - start) / step) + 1))
