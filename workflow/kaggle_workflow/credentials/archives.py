"""Files in a zip or tar that is about to be uploaded: Kaggle unpacks it. Archives inside an archive are not opened."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
# Packed files that nothing here opens: 7z, rar, zst, lz4, snappy, lzip and compress, and the tables whose columns are packed
# (parquet, feather and arrow, ORC).
_CLOSED = (
    *(b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"),
    *(b"\xff\x06\x00\x00sNaPpY", b"LZIP", b"\x1f\x9d", b"PAR1", b"ARROW1\0\0", b"FEA1", b"ORC\n"),
)
_TAR_AT = slice(257, 262)
_HEAD = 600
# Larger members that are stored unpacked are found with the archive's own bytes.
_LARGEST_STORED = 5 << 20
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError),
    *(OSError, ValueError, RuntimeError, MemoryError),
)


@dataclass
class Budget:
    """What is left to spend on one archive (bytes, members), and whether all of it was searched so far."""

    left: int = 200 << 20
    members: int = 20_000
    whole: bool = True


def members(file: IO[bytes], budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the path and the content of each file in a zip or tar, nothing for other files.

    Records in the budget whether anything stays unread: encrypted, packed twice or beyond the budget.

    Raises:
        DAMAGED: one of these, also while a member is read.
    """
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith(_ZIP):
        yield from _of_zip(file, budget)
    elif head.startswith(_PACKED) or head[_TAR_AT] == b"ustar":
        yield from _of_tar(file, budget, stored=not head.startswith(_PACKED))
    elif head.startswith(_CLOSED):
        budget.whole = False


def _of_zip(file: IO[bytes], budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.flag_bits & 1:
                budget.whole = False
                yield info.filename, io.BytesIO()
            elif not info.is_dir():
                with archive.open(info) as member:
                    stored = info.compress_type == zipfile.ZIP_STORED
                    yield info.filename, _content(member, info.file_size, budget, stored=stored)


def _of_tar(file: IO[bytes], budget: Budget, *, stored: bool) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=file) as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                yield info.name, _content(member, info.size, budget, stored=stored)
            else:
                yield info.name, io.BytesIO(info.linkname.encode("utf-8", "surrogateescape"))
            if not budget.left:
                return


def _content(member: IO[bytes], size: int, budget: Budget, *, stored: bool) -> IO[bytes]:
    """What to search of a member: nothing where its bytes were searched already, or cost too much."""
    head = member.read(_HEAD)
    if head.startswith((*_ZIP, *_PACKED, *_CLOSED)) or head[_TAR_AT] == b"ustar":
        budget.whole = False
    if stored and size > _LARGEST_STORED:
        return io.BytesIO()
    if size > budget.left or not budget.members:
        budget.left, budget.whole = 0, False
        return io.BytesIO()
    budget.left, budget.members = budget.left - size, budget.members - 1
    return io.BytesIO(head + member.read())
