"""Keep files that Kaggle names inside the folder they are downloaded to."""

from __future__ import annotations

from pathlib import Path

from kaggle_workflow import names
from kaggle_workflow.errors import KaggleRefused


def inside(folder: Path, name: str) -> Path:
    """The place of `name` in `folder`.

    The official client joins the two unchecked (`kernels_output` of kaggle 2.2.4).

    Raises:
        KaggleRefused: it would lie outside, through `..`, a drive, a root or a link; or no system here can write that name.
    """
    parts = name.split("/")
    plain = bool(name) and not any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts)
    if not plain or not name.isprintable() or not names.portable(name):
        raise KaggleRefused(
            f"Kaggle lists a file {name!r}, which can't be written inside {folder}. Nothing was written: choose other files with --only."
        )
    target = folder / name
    if not target.parent.resolve().is_relative_to(folder.resolve()) or target.is_symlink():
        raise KaggleRefused(
            f"{target} leads out of {folder} through a link. Nothing was written: remove the link, or choose other files with --only."
        )
    return target
