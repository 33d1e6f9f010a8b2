"""What people paste where a reference is wanted: addresses of pages, and what older versions of `kaggle kernels pull -m` wrote."""

from __future__ import annotations

import re

from kaggle_shim import refs
from kaggle_shim.errors import RefError

_SITE = re.compile(r"^(?:https?://)?(?:www\.)?kaggle\.com/", re.IGNORECASE)
# What the site puts in front of each kind's own name.
_PREFIXES = {
    "dataset": ("datasets", "d"),
    "competition": ("competitions", "c"),
    "notebook": ("code", "kernels", "notebooks"),
    "model": ("models", "m"),
}
# Words between the parts of a model's address, and those in front of a version.
_WORDS = frozenset(("frameworks", "variations", "versions", "version"))
_PARTS = {"dataset": 2, "competition": 1, "notebook": 2, "model": 4}


def as_reference(kind: str, text: str) -> str | None:
    """The reference that a pasted text means, None when it is a reference already, or not one of that kind.

    Args:
        kind: `dataset`, `competition`, `notebook` or `model`.
        text: such as `https://www.kaggle.com/datasets/me/data?select=a.csv` or `code/me/notebook`.
    """
    bare = _SITE.sub("", text.strip().strip("\"'"))
    parts = [part for part in re.split(r"[?#]", bare)[0].strip("/").split("/") if part]
    if parts and parts[0].lower() in _PREFIXES[kind] and len(parts) > _PARTS[kind]:
        parts = parts[1:]
    parts = [part for number, part in enumerate(parts) if number == 0 or part.lower() not in _WORDS]
    own = parts[: _PARTS[kind]]
    # What follows is a version, or a tab of the page such as `data` or `overview`.
    version = next((part.lstrip("v") for part in parts[_PARTS[kind] :] if part.lstrip("v").isdigit()), None)
    found = "/".join([*own, version] if version and kind != "competition" else own)
    try:
        refs.parse(kind, found)
    except RefError:
        return None
    return found if found != text else None
