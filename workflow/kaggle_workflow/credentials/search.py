"""Search the bytes of a file, or a text, for credentials: known formats and those of this machine, plain and in base64."""

from __future__ import annotations

import binascii
import bisect
import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from kaggle_workflow.credentials import formats, own

_BLOCK = 1 << 20
# Blocks overlap by this much. No credential is longer, and no line that identifies one.
_OVERLAP = 1 << 13
_HEAD = 1 << 16
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f]")
# As in detect-secrets: the comments that allow what is on their line, and on the line below.
_ALLOWED = re.compile(rb"pragma: ?allowlist[ -]secret")
_ALLOWED_BELOW = re.compile(rb"pragma: ?allowlist[ -]nextline[ -]secret")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}(?:={0,2}\r?\n[A-Za-z0-9+/_-]{4,})*")
# The two letters that differ in the alphabet for addresses (RFC 4648, 5).
_ALPHABET = bytes.maketrans(b"-_", b"+/")
# Pictures and the like in base64: searched decoded, and blank for the patterns, which take 0.1 s for each megabyte of them.
_BLOBS = re.compile(r"[A-Za-z0-9+/=]{3000,}")
_TOKEN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-./=_"
_KINDS = bytes(ord("a") if code in _TOKEN else ord(".") for code in range(256))
# Every token has at least this many letters in a row. Most weights have fewer, and are skipped at 500 MB/s.
_IN_A_ROW = b"a" * 20


@dataclass(frozen=True)
class Hit:
    """One credential found.

    Attributes:
        line: from 1; 1 in a binary file.
        name: of the format.
        shown: the credential, masked, and where inside the file it is.
        digest: SHA-1 of the credential, as in a baseline of detect-secrets.
    """

    line: int
    name: str
    shown: str
    digest: str


class Searcher:
    """Finds known formats and the given credentials of this machine."""

    def __init__(self, values: dict[str, str]) -> None:
        """`values`: credentials by where they come from, as `own.values` returns them."""
        self.values = values
        self._forms = {
            form: (f"value of {name} on this machine", value, number == 0)
            for name, value in values.items()
            for number, form in enumerate(own.forms(value))
        }

    def stream(self, file: IO[bytes]) -> Iterator[Hit]:
        """Search a file, a megabyte at a time."""
        encoding = encoding_of(head := file.read(_HEAD))
        decode = codecs.getincrementaldecoder(encoding)("replace").decode if encoding else None
        line, content, more = 1, b"", head + file.read(_BLOCK - len(head))
        while content or more:
            content += decode(more, not more).encode("utf-8", "replace") if decode else more
            end = _cut(content) if more else len(content)
            yield from self._block(content, end, line, binary=encoding is None)
            line += content.count(b"\n", 0, end)
            content = content[end:]
            more = file.read(_BLOCK) if more else b""

    def text(self, text: str) -> list[Hit]:
        """Search a text."""
        content = text.encode("utf-8", "surrogatepass")
        return self._block(content, len(content), 1, binary=False)

    def name(self, path: str) -> tuple[str, list[Hit]]:
        """Search a file's name; returns the name without credentials, and the hits."""
        content, shown = path.encode("utf-8", "surrogateescape"), path
        found = {secret: name for _, name, secret in self._plain(content, binary=True)}
        for secret in sorted(found, key=len, reverse=True):
            shown = shown.replace(secret, formats.masked(secret).partition(",")[0])
        return shown, [
            Hit(1, name, f"{formats.masked(secret)}, in its name", digest(secret))
            for secret, name in found.items()
        ]

    def _block(self, content: bytes, end: int, first: int, *, binary: bool) -> list[Hit]:
        """Hits that begin before `end` and that no comment allows; `first` is the number of the first line."""
        found: dict[tuple[int, str], Hit] = {}
        for place, name, secret in self._find(content, binary=binary):
            if place < end and not _is_allowed(content, place):
                line = 1 if binary else first + content.count(b"\n", 0, place)
                hit = Hit(line, name, formats.masked(secret), digest(secret))
                found.setdefault((hit.line, hit.digest), hit)
        return list(found.values())

    def _find(self, content: bytes, *, binary: bool) -> Iterator[tuple[int, str, str]]:
        yield from self._plain(content, binary=binary)
        if binary and not _may_hold(content):
            return
        # All runs are searched at once: there are thousands.
        decoded, starts, places = bytearray(), [], []
        for run in _BASE64.finditer(content):
            starts.append(len(decoded))
            places.append(run.start())
            packed = run[0].translate(_ALPHABET, b"\r\n=")
            decoded += binascii.a2b_base64(packed[: len(packed) - (len(packed) % 4 == 1)] + b"==") + b"\n"
        for place, name, secret in self._plain(bytes(decoded), binary=True):
            yield places[bisect.bisect(starts, place) - 1], f"{name}, in base64", secret

    def _plain(self, content: bytes, *, binary: bool) -> Iterator[tuple[int, str, str]]:
        for form, (name, value, as_it_is) in self._forms.items():
            place = content.find(form) if as_it_is or not binary else -1
            while place >= 0:
                yield place, name, value
                place = content.find(form, place + len(form))
        if not binary or _may_hold(content):
            text = content.decode("latin-1")
            text = text if binary else _BLOBS.sub(lambda blob: " " * len(blob[0]), text)
            yield from formats.find(text, binary=binary)


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a text by its first bytes: "" for one that extends ASCII, None for a binary file."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:
        return ""
    first, second = head[::2].count(0), head[1::2].count(0)
    # In UTF-16 without a mark, every second byte of ASCII is zero.
    if (
        _CONTROLS.search(head)
        or max(first, second) < 0.4 * len(head)
        or min(first, second) > 0.01 * len(head)
    ):
        return None
    return "utf-16-be" if first > second else "utf-16-le"


def digest(secret: str) -> str:
    """Return the SHA-1 of a credential, as in a baseline of detect-secrets."""
    return hashlib.sha1(secret.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def _may_hold(content: bytes) -> bool:
    return _IN_A_ROW in content.translate(_KINDS)


def _is_allowed(content: bytes, place: int) -> bool:
    start = content.rfind(b"\n", 0, place) + 1
    end = content.find(b"\n", place)
    above = content.rfind(b"\n", 0, max(start - 1, 0)) + 1
    return bool(
        _ALLOWED.search(content, start, end if end >= 0 else len(content))
        or _ALLOWED_BELOW.search(content, above, start)
    )


def _cut(content: bytes) -> int:
    """Where the next block begins: at a line, so that the whole line is searched at once, if there is one."""
    latest = max(0, len(content) - _OVERLAP)
    return content.rfind(b"\n", max(0, latest - _OVERLAP), latest) + 1 or latest
