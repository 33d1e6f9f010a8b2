"""Durations as text: hours and minutes, or minutes and seconds, never all three."""

from __future__ import annotations

# A measurement that is off by less than this share of itself is shown without its error.
_NOTABLE = 0.05


def spell(seconds: float) -> str:
    """`9h`, `2h13m`, `13m27s`, `45s`; rounded to the smaller of the units shown."""
    whole = round(seconds)
    if whole >= 3600:  # noqa: PLR2004 - seconds in an hour
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours}h{minutes:02}m" if minutes else f"{hours}h"
    minutes, left = divmod(whole, 60)
    if not minutes:
        return f"{left}s"
    return f"{minutes}m{left:02}s" if left else f"{minutes}m"


def spell_measured(seconds: float, error: float | None) -> str:
    """A measured duration with its error, such as `13m27s ± 45s`; without one where that is unknown or at most 5 %."""
    if error is None or error <= _NOTABLE * seconds:
        return spell(seconds)
    return f"{spell(seconds)} ± {spell(max(error, 1))}"
