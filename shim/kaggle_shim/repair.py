"""Restore names that Kaggle damaged inside an unpacked wheel, from the names and hashes in its RECORD."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kaggle_shim import unpack
from kaggle_shim.errors import WheelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kaggle_shim.archives import Member

_NOT_LISTED = {"RECORD", "RECORD.jws", "RECORD.p7s"}


def restore_names(
    path: Path, members: tuple[Member, ...], record: Mapping[str, tuple[str, int]]
) -> tuple[Member, ...]:
    """Rename the members that RECORD does not list to its name for the same contents.

    Raises WheelError for a file that RECORD lists and that is missing under any name.
    """
    present = {member.name for member in members}
    missing = {name: entry for name, entry in record.items() if name not in present}
    repaired = []
    for member in members:
        original = None
        if missing and member.name not in record and member.name.rpartition("/")[2] not in _NOT_LISTED:
            content = _hash(Path(member.file)), member.size
            original = _closest([name for name, entry in missing.items() if entry == content], member.name)
        if original is not None:
            del missing[original]
        repaired.append(member if original is None else member._replace(name=original))
    if missing:
        raise WheelError(
            f"{path.name} lost {min(missing)} in the upload: upload the wheel again, in a notebook's output."
        )
    return tuple(repaired)


def _hash(path: Path) -> str:
    import hashlib

    return unpack.hash_text("sha256", hashlib.sha256(path.read_bytes()).digest())


def _closest(names: list[str], damaged: str) -> str | None:
    """Of names with the same contents (such as empty files), the one that lost the fewest characters."""
    kept = [name for name in names if _is_subsequence(damaged, name)]
    return min(kept, key=len) if kept else (names[0] if len(names) == 1 else None)


def _is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(letter in rest for letter in short)
