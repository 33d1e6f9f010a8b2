"""What lies in zips and tars that are about to be sent: Kaggle unpacks them, so what is in them is sent too."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

_ZIPS = (".zip", ".whl")
_TARS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
# A bomb of an archive must not cost more than this: what is larger is not read, what is more is not opened.
_LARGEST_MEMBER = 5 << 20
_MOST_BYTES = 200 << 20
_MOST_MEMBERS = 20_000


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The small members of an archive, name and contents; nothing for any other file, or for what is damaged."""
    name = path.name.lower()
    left = _MOST_BYTES
    try:
        if name.endswith(_ZIPS):
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist()[:_MOST_MEMBERS]:
                    left -= info.file_size if info.file_size <= _LARGEST_MEMBER else 0
                    if (
                        not info.is_dir()
                        and not info.flag_bits & 1
                        and info.file_size <= _LARGEST_MEMBER
                        and left > 0
                    ):
                        with archive.open(info) as file:
                            yield info.filename, file.read(_LARGEST_MEMBER)
        elif name.endswith(_TARS):
            with tarfile.open(path) as tar:
                for number, item in enumerate(tar):
                    left -= item.size
                    if number >= _MOST_MEMBERS or left <= 0:
                        return
                    opened = tar.extractfile(item) if item.isfile() and item.size <= _LARGEST_MEMBER else None
                    if opened is not None:
                        yield item.name, opened.read(_LARGEST_MEMBER)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        ValueError,
        RuntimeError,
    ):
        # Whoever unpacks it says what is wrong with it.
        return
