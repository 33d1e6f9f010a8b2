"""The template's changelog, read for the person who updates."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADING = re.compile(r"^## +v?(?P<name>[^\s]+)", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """What one version brings."""

    version: str
    text: str


def sections(text: str) -> tuple[Section, ...]:
    """The versions of a changelog in its order, newest first."""
    found = list(_HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return tuple(
        Section(match["name"], text[match.end() : end].strip())
        for match, end in zip(found, ends, strict=True)
    )


def since(text: str, version: str) -> tuple[Section, ...]:
    """The versions above `version`; headings that are no version number, such as Unreleased, are passed by."""
    from packaging.version import InvalidVersion, Version

    def number(name: str) -> Version | None:
        try:
            return Version(name)
        except InvalidVersion:
            return None

    have = number(version)
    return tuple(
        section
        for section in sections(text)
        if have is not None and (there := number(section.version)) is not None and there > have
    )
