"""The pictures of the README: small, legible, made of commands that exist, and nothing is loaded from outside."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import browser, commands
from tests.docs import pictures

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("terminal-light", "terminal-dark", "report-light", "report-dark")
LARGEST = 60_000
# The width that a forge gives a README on a laptop.
README_WIDTH = 830


def text(name: str) -> str:
    return (pictures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def lines(name: str) -> list[str]:
    """What a picture of a terminal says, line by line."""
    rows: dict[str, str] = {}
    for element in ET.fromstring(text(name)).iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314 - our own file
        rows[element.attrib["y"]] = rows.get(element.attrib["y"], "") + "".join(element.itertext())
    return [row.replace("\xa0", " ").rstrip() for row in rows.values()]


def test_the_pictures_are_those_that_the_script_makes_and_the_readme_shows() -> None:
    assert sorted(path.stem for path in pictures.FOLDER.glob("*.svg")) == sorted(NAMES)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(
        r'<picture><source media="\(prefers-color-scheme: dark\)" srcset="docs/pictures/([\w-]+)\.svg">\s*'
        r'<img alt="[^"]+" src="docs/pictures/([\w-]+)\.svg"></picture>',
        readme,
    )
    assert shown == [("terminal-dark", "terminal-light"), ("report-dark", "report-light")]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_and_loads_nothing(name: str) -> None:
    content = text(name)
    assert len(content.encode()) < LARGEST
    ET.fromstring(content)  # noqa: S314 - our own file
    assert not re.search(r"<script|<image|<foreignObject|@font-face|@import|\shref|\son\w+=", content)
    assert set(re.findall(r"[a-z]+://[^\"' <)]+", content.replace("&#160;", " "))) <= {
        "http://www.w3.org/2000/svg",
        "http://localhost/competitions/child-mind-institute-detect-sleep-states/submissions",
    }
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", content))


def test_the_commands_in_the_terminal_exist() -> None:
    known = commands.options()
    typed = [line.removeprefix("$ ") for line in lines("terminal-light") if line.startswith("$ ")]
    assert [line.split()[:2] for line in typed] == [["copier", "copy"], ["cd", "sleep"], ["uv", "run"]]
    _, _, program, name, *words = shlex.split(typed[-1])
    assert (program, name) == ("invoke", "ship")
    assert {word for word in words if word.startswith("--")} <= known[name]
    assert lines("terminal-dark") == lines("terminal-light")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Page]:
    with browser.page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_legible_in_a_readme(page: browser.Page, tmp_path: Path, name: str) -> None:
    content = text(name)
    ground = pictures.DARK if name.endswith("dark") else pictures.LIGHT
    path = tmp_path / "readme.html"
    path.write_text(
        f'<meta charset="utf-8"><body style="margin: 0; background: {ground.background_color.hex}">{content}',
        encoding="utf-8",
    )
    page.open(path, width=README_WIDTH)
    assert [problem for problem in page.illegible() if "a rect (null)" not in problem] == []


def test_what_was_drawn_over_is_not_in_the_picture() -> None:
    output = (
        "one\r\n\x1b[32m⠋\x1b[0m waiting\r\x1b[2K\x1b[32m⠙\x1b[0m waiting\x1b[1A\r\x1b[2Ktwo\r\n\r\x1b[2K\x1b[?25hthree\r\n"
        "10 of 20 sent\r20 of 20 sent\r\n"
    )
    assert pictures.settled(output) == ["two", "three", "20 of 20 sent"]
    assert pictures.settled("\x1b[1mname\x1b[0m") == ["\x1b[1mname\x1b[0m"]


def test_the_worked_example_is_scored_by_how_close_its_events_are() -> None:
    at = pictures.steps("23:00:00", "06:30:00")
    assert at[:2] == [5400, 10800], "what the example writes for its first series"
    assert pictures._closeness(at, at) == 1
    assert pictures._closeness(at, [step + pictures.HOUR // 2 for step in at]) == pytest.approx(0.5)
