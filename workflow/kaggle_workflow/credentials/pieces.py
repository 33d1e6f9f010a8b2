"""A file in pieces that can be searched one by one: text, text of two or four bytes a letter, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

TEXT = "text"
WIDE = "wide text"
BINARY = "binary"
BLOCK = 1 << 20
# No credential is longer, and no line that tells of one; what begins in here is left to the next piece.
OVERLAP = 1 << 13
_HEAD = 1 << 16
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b\0"))


@dataclass(frozen=True)
class Piece:
    """Some bytes of a file: the line they begin in, and how many of them are theirs alone (the rest comes again)."""

    line: int
    content: bytes
    own: int


def of(file: IO[bytes]) -> Iterator[Piece]:
    """Read a file to its end, in pieces that overlap."""
    line, content = 1, file.read(BLOCK)
    while content:
        block = file.read(BLOCK)
        cut = _cut(content) if block else len(content)
        yield Piece(line, content, cut)
        line += content.count(b"\n", 0, cut)
        content = content[cut:] + block


def kind(content: bytes) -> str:
    """What a file is, told by its first piece."""
    head = content[:_HEAD]
    if b"\0" not in head:
        return TEXT
    zeros = head.count(b"\0")
    plain = len(head) == zeros or not any(control in head for control in _controls())
    if head.startswith(_MARKS) or (zeros >= len(head) * 0.4 and plain and zeros < len(head)):
        return WIDE
    return BINARY


def narrowed(piece: Piece) -> Piece:
    """A piece of wide text as if its letters, those of ASCII, had one byte each."""
    content = piece.content.replace(b"\0", b"")
    return Piece(piece.line, content, len(content) - len(piece.content[piece.own :].replace(b"\0", b"")))


def _cut(content: bytes) -> int:
    """Where the next piece begins: at a line, so that what tells of it comes along, unless there is none."""
    latest = len(content) - OVERLAP
    if latest <= 0:
        return 0
    return content.rfind(b"\n", max(0, latest - OVERLAP), latest) + 1 or latest


def _controls() -> Iterator[bytes]:
    return (bytes([code]) for code in _CONTROLS)
