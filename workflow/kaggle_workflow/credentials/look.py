"""What one piece of a file, or one text, holds of credentials."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kaggle_workflow.credentials import formats, own, pieces, tokens
from kaggle_workflow.credentials.pieces import Piece

_WRAPS = b"\0\r\n"


@dataclass(frozen=True)
class Hit:
    """One find.

    Attributes:
        line: from 1; in what has no lines, 1.
        name: what it is.
        shown: itself as it may be shown, and where inside the file it lies.
        digest: SHA-1 of the value, as baselines of detect-secrets have it.
        random: whether it only looks like a credential.
    """

    line: int
    name: str
    shown: str
    digest: str = ""
    random: bool = False


class Own:
    """This machine's credentials, ready to be looked for."""

    def __init__(self, values: dict[str, str]) -> None:
        """`values`: secrets by where they come from, as `own.values` gives them."""
        self._plain: dict[bytes, tuple[str, str]] = {}
        self._wrapped: dict[bytes, tuple[str, str]] = {}
        self._first: list[bytes] = []
        for name, value in values.items():
            for number, (form, how) in enumerate(own.forms(value)):
                self._plain.setdefault(form, (f"value of {name} on this machine{how and ', ' + how}", value))
                if not number:
                    self._first.append(form)
            for form in own.encoded(value):
                self._wrapped.setdefault(form, (f"value of {name} on this machine, in base64", value))

    @property
    def values(self) -> list[bytes]:
        """The credentials themselves."""
        return self._first

    def find(self, piece: Piece, *, every_form: bool = True) -> Iterator[Hit]:
        """Where they stand in a piece: as they are, or in `every_form` that they may be written down in."""
        wanted = self._plain if every_form else {form: self._plain[form] for form in self._first}
        for form, (name, value) in wanted.items():
            place = piece.content.find(form)
            while 0 <= place < piece.own:
                yield Hit(_line(piece, place), name, formats.masked(value), digest(value))
                place = piece.content.find(form, place + len(form))
        if every_form and self._wrapped:
            yield from self._unwrapped(piece)

    def _unwrapped(self, piece: Piece) -> Iterator[Hit]:
        """In base64, which is wrapped to lines wherever it is long."""
        flat = piece.content.translate(None, _WRAPS)
        for form, (name, value) in self._wrapped.items():
            place = flat.find(form)
            if place >= 0:
                yield Hit(_line_in_flat(piece, place), name, formats.masked(value), digest(value))


def of_text(piece: Piece, own_values: Own, *, random: bool = False) -> list[Hit]:
    """What a piece of text holds; `random` says whether a random string deserves a warning."""
    written = tokens.without_blobs(piece.content)
    text = written.decode("latin-1")
    hits = list(own_values.find(piece))
    for place, name, secret in formats.find(text):
        if place < piece.own:
            hits.append(Hit(_line(piece, place), name, formats.masked(secret), digest(secret)))
    known = {hit.digest for hit in hits}
    encoded = tokens.find_encoded(piece.content)
    for place, name, secret in (*tokens.find(written, whole=True), *encoded):
        if place < piece.own and digest(secret) not in known:
            hits.append(Hit(_line(piece, place), name, formats.masked(secret), digest(secret)))
    if random:
        for place, secret in formats.random_looking(text):
            hits.append(Hit(_line(piece, place), "random string", "", digest(secret), random=True))
    return list(dict.fromkeys(hits))


def of_binary(piece: Piece, own_values: Own) -> list[Hit]:
    """What a piece of anything else holds, in letters of one, two and four bytes."""
    narrow, wide = tokens.may_hold(piece.content)
    parts = [piece] if narrow else []
    parts += [pieces.narrowed(piece)] if wide else []
    hits = list(own_values.find(piece, every_form=narrow))
    hits += own_values.find(parts[-1]) if wide else ()
    for one in parts:
        hits += [
            Hit(1, name, formats.masked(secret), digest(secret))
            for place, name, secret in tokens.find(one.content)
            if place < one.own
        ]
    return list(dict.fromkeys(replace(hit, line=1) for hit in hits))


def of_name(path: str, own_values: Own) -> tuple[str, list[Hit]]:
    """What a file's name holds, and the name without it."""
    content = path.encode("utf-8", "surrogateescape")
    piece = Piece(1, content, len(content))
    found = [(name, secret) for _, name, secret in tokens.find(content)]
    hits = list(own_values.find(piece))
    hits += [Hit(1, name, formats.masked(secret), digest(secret)) for name, secret in found]
    shown = path
    secrets = sorted({secret for _, secret in found}, key=len, reverse=True)
    for secret in (*secrets, *(value.decode("utf-8", "surrogateescape") for value in own_values.values)):
        shown = shown.replace(secret, formats.masked(secret).partition(",")[0])
    return shown, [replace(hit, shown=f"{hit.shown}, in its name") for hit in dict.fromkeys(hits)]


def digest(secret: str) -> str:
    """SHA-1 of a value, as baselines of detect-secrets have it."""
    return hashlib.sha1(secret.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def first_random(hits: Iterable[Hit]) -> list[Hit]:
    """The hits, with no more than one of what only looks random: one is enough to make somebody look."""
    hits = list(hits)
    return [*(hit for hit in hits if not hit.random), *[hit for hit in hits if hit.random][:1]]


def _line(piece: Piece, place: int) -> int:
    return piece.line + piece.content.count(b"\n", 0, place)


def _line_in_flat(piece: Piece, place: int) -> int:
    """The line of a place in the content without its line ends."""
    passed = 0
    for number, line in enumerate(piece.content.split(b"\n")):
        passed += len(line.translate(None, _WRAPS))
        if passed > place:
            return piece.line + number
    return piece.line
