"""Each Japanese page says from which state of the English text it was translated, and shows the same commands."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.docs import pages

ROOT = Path(__file__).resolve().parents[2]
TRANSLATED = {
    "docs/README.ja.md": "README.md",
    "docs/ja/existing-folder.md": "docs/start/existing-folder.md",
    "docs/ja/first-submission.md": "docs/start/first-submission.md",
    "docs/ja/workspace.md": "template/README.md.jinja",
}
_STAMP = re.compile(r"\A<!-- Translated from (?P<source>\S+) at (?P<state>[0-9a-f]{12})\. -->\n")
_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def state(text: str) -> str:
    """What identifies a text, apart from its code and outputs."""
    return hashlib.sha256(_BLOCK.sub("", text).encode()).hexdigest()[:12]


def outdated(name: str, page: str, source_name: str, source: str) -> str | None:
    """What to do about a translation, None when it is of this source."""
    stamp = _STAMP.match(page)
    if stamp and stamp["source"] == source_name and stamp["state"] == state(source):
        return None
    return (
        f"{source_name} changed after {name} was translated. Translate the change, then let the first line of"
        f" {name} be: <!-- Translated from {source_name} at {state(source)}. -->"
    )


def console(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a page without comments, each with its steady output."""
    return [
        (re.sub(r"\s+# .*", "", one.line), [pages.steady(line) for line in one.output])
        for step in pages.steps(text)
        for one in step.commands
    ]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_japanese_page_is_known() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "ja").iterdir()}
    assert there | {"docs/README.ja.md"} == TRANSLATED.keys()


@pytest.mark.parametrize(("name", "source"), TRANSLATED.items())
def test_a_translation_is_of_the_english_text_as_it_is(name: str, source: str) -> None:
    problem = outdated(name, read(name), source, read(source))
    assert problem is None, problem


@pytest.mark.parametrize(("name", "source"), TRANSLATED.items())
def test_a_translation_shows_the_same_commands_and_sections(name: str, source: str) -> None:
    assert console(read(name)) == console(read(source))
    page, original = (_BLOCK.sub("", read(one)) for one in (name, source))
    headings = re.compile(r"^(#+) ", re.MULTILINE)
    assert headings.findall(page) == headings.findall(original)


def test_a_changed_source_is_found_and_named() -> None:
    source = "# Title\n\nRun it.\n\n```console\n$ invoke push\nin 5 s\n```\n"
    page = f"<!-- Translated from a.md at {state(source)}. -->\n# 題\n"
    assert outdated("a.ja.md", page, "a.md", source) is None
    assert outdated("a.ja.md", page, "a.md", source.replace("5 s", "6 s")) is None
    told = outdated("a.ja.md", page, "a.md", source.replace("Run", "Start"))
    assert told is not None
    assert told.startswith("a.md changed after a.ja.md was translated.")
    assert outdated("a.ja.md", "# 題\n", "a.md", source) is not None
