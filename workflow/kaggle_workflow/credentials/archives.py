"""What lies in archives that are about to be sent: Kaggle unpacks them, so what is in them is sent too.

They are known by how they begin, whatever they are called, and looked into however deep they lie in each other.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

_PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"))
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# There is nothing in the standard library that reads these: 7z, rar, zst, lz4, snappy, lzip and compress, and the tables whose
# columns are packed (parquet, feather and arrow, ORC).
_CLOSED = (
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\xff\x06\x00\x00sNaPpY",
    b"LZIP",
    b"\x1f\x9d",
    b"PAR1",
    b"ARROW1\0\0",
    b"FEA1",
    b"ORC\n",
)
_HEAD = 600
_TAR_AT = slice(257, 262)
# A bomb must not cost more than this, all of a file taken together.
_MOST_BYTES = 200 << 20
_MOST_MEMBERS = 20_000
_DEEPEST = 5
_LARGEST_INNER_ZIP = 64 << 20
# A member that is stored as it is was read with the archive's own bytes; a small one is looked at as what it is.
_LARGEST_STORED = 5 << 20
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    RuntimeError,
    MemoryError,
)


@dataclass
class Budget:
    """What looking into one file may still cost, and whether all of it was seen so far."""

    left: int = _MOST_BYTES
    members: int = _MOST_MEMBERS
    whole: bool = True


def members(file: IO[bytes], budget: Budget) -> Iterator[tuple[str, IO[bytes]]]:
    """Every file in an archive and in the archives in it: its path inside ("" for what is packed alone), and what it holds.

    Nothing comes for any other file. What can't be seen (damaged, encrypted, too deep, too large) is noted in the budget. Each
    has to be read before the next is asked for.
    """
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    yield from _within("", head, file, budget, 0)


def _within(
    path: str, head: bytes, file: IO[bytes], budget: Budget, depth: int
) -> Iterator[tuple[str, IO[bytes]]]:
    if head.startswith(_CLOSED) or (depth > _DEEPEST and _is_archive(head)):
        budget.whole = False
        return
    try:
        if head.startswith(_ZIP):
            yield from _of_zip(path, file, budget, depth)
        elif head[_TAR_AT] == b"ustar":
            yield from _of_tar(path, file, budget, depth)
        else:
            for magic, kind in _PACKED:
                if head.startswith(magic):
                    yield from _entry(path, _opened(kind, file), budget, depth)
    except _DAMAGED:
        budget.whole = False


def _is_archive(head: bytes) -> bool:
    return head.startswith((*_ZIP, *_CLOSED, *(magic for magic, _ in _PACKED))) or head[_TAR_AT] == b"ustar"


def _opened(kind: str, file: IO[bytes]) -> IO[bytes]:
    if kind == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    return bz2.BZ2File(file) if kind == "bzip2" else lzma.LZMAFile(file)


def _of_zip(path: str, file: IO[bytes], budget: Budget, depth: int) -> Iterator[tuple[str, IO[bytes]]]:
    if depth:
        content = file.read(_LARGEST_INNER_ZIP + 1)
        if len(content) > _LARGEST_INNER_ZIP:
            budget.whole = False
            return
        file = io.BytesIO(content)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            name = _joined(path, info.filename)
            if info.flag_bits & 1:
                budget.whole = False
                yield name, io.BytesIO()
                continue
            with archive.open(info) as member:
                stored = info.compress_type == zipfile.ZIP_STORED and info.file_size > _LARGEST_STORED
                yield from _entry(name, member, budget, depth, only_archives=stored and not depth)


def _of_tar(path: str, file: IO[bytes], budget: Budget, depth: int) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=file, mode="r|") as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isfile() else None
            if member is not None:
                yield from _entry(_joined(path, info.name), member, budget, depth)
            elif not info.isdir():
                yield _joined(path, info.name), io.BytesIO(info.linkname.encode("utf-8", "surrogateescape"))


def _entry(
    name: str, source: IO[bytes], budget: Budget, depth: int, *, only_archives: bool = False
) -> Iterator[tuple[str, IO[bytes]]]:
    """One member: itself, or, when it is an archive, its name and then what is in it."""
    budget.members -= 1
    if budget.members < 0:
        budget.whole = False
        return
    member = io.BufferedReader(_Counted(source, budget), 1 << 16)
    head = member.peek(_HEAD)[:_HEAD]
    if head.startswith(_CLOSED):
        # As with a file of this kind: what can be read without unpacking it is.
        budget.whole = False
        yield name, io.BytesIO() if only_archives else member
    elif _is_archive(head):
        yield name, io.BytesIO()
        yield from _within(name, head, member, budget, depth + 1)
    else:
        yield name, io.BytesIO() if only_archives else member


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


class _Counted(io.RawIOBase):
    """A stream that ends where the budget does, or where it is damaged."""

    def __init__(self, source: IO[bytes], budget: Budget) -> None:
        self._source, self._budget = source, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        try:
            content = self._source.read(min(len(view), self._budget.left) or 1)
        except _DAMAGED:
            self._budget.whole, content = False, b""
        if self._budget.left <= 0:
            self._budget.whole = self._budget.whole and not content
            return 0
        self._budget.left -= len(content)
        view[: len(content)] = content
        return len(content)
