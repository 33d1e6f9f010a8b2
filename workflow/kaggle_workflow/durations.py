"""Times as people compare them: hours and minutes, or minutes and seconds, never all three."""

from __future__ import annotations


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
