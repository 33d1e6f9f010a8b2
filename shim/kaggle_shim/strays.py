"""Files that lie where no manifest expects them: what a damaged upload is repaired from."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class Stray:
    """A file that no manifest entry claims, or a member of an archive that was left packed."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unclaimed(source: Path, claimed: set[str]) -> Iterator[Stray]:
    """Every file below `source` that is not at one of the `claimed` paths (posix), and what lies in archives among them."""
    for parent, _, names in os.walk(source):
        for name in names:
            path = Path(parent, name)
            relative = path.relative_to(source).as_posix()
            if relative not in claimed:
                yield Stray(relative, path.stat().st_size, partial(_open, path))
                if relative.lower().endswith(_ARCHIVES):
                    yield from _members(path, relative)


def _members(path: Path, relative: str) -> Iterator[Stray]:
    """What lies inside an archive that Kaggle left packed."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    yield Stray(
                        f"{relative}:{info.filename}", info.file_size, partial(_zip_member, path, info)
                    )
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                for member in tar.getmembers():
                    if member.isfile():
                        yield Stray(
                            f"{relative}:{member.name}", member.size, partial(_tar_member, path, member.name)
                        )
    except (zipfile.BadZipFile, tarfile.TarError, OSError):
        # An archive that can't be read holds nothing to repair with; the missing file itself is reported.
        return


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _zip_member(path: Path, info: zipfile.ZipInfo) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(info))


def _tar_member(path: Path, name: str) -> IO[bytes]:
    with tarfile.open(path) as tar:
        file = tar.extractfile(name)
        return io.BytesIO(file.read() if file is not None else b"")
