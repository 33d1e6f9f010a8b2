"""The site: it builds without a warning and without network, and its search answers readers' questions."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sphinx.search.en import SearchEnglish

ROOT = Path(__file__).resolve().parents[2]
# A reader clicks a result, then at most a heading of the page.
_FIRST_RESULTS = 3
QUESTIONS = {
    "torch version conflict": ("how-to/add-a-package", "resolve-a-torch-version-conflict"),
    "submission.csv not found": ("reference/errors", "submission-csv-not-found"),
    "run only inference in the rerun": ("how-to/run-only-inference", "run-only-inference-in-the-rerun"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `python3 dev.py docs` does."""
    target = tmp_path_factory.mktemp("site")
    words = ["-q", "-W", "--keep-going", "-d", str(target / "doctrees"), "docs", str(target / "html")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return target / "html"


@pytest.fixture(scope="module")
def index(site: Path) -> dict[str, Any]:
    """What the search in the browser reads."""
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    value: dict[str, Any] = json.loads(text.removeprefix("Search.setIndex(").rstrip().removesuffix(")"))
    return value


def results(index: dict[str, Any], query: str) -> list[str]:
    """The pages that hold every word of a query, as the search in the browser orders them: words of a title count threefold."""
    language = SearchEnglish({})
    words = [word for word in re.findall(r"\w+", query.lower()) if word not in language.stopwords]
    scores: dict[int, int] = dict.fromkeys(range(len(index["docnames"])), 0)
    for word in words:
        stem = language.stem(word)
        found: dict[int, int] = {}
        for table, points in (("terms", 5), ("titleterms", 15)):
            pages = index[table].get(stem, [])
            for page in [pages] if isinstance(pages, int) else pages:
                found[page] = max(points, found.get(page, 0))
        scores = {page: score + found[page] for page, score in scores.items() if page in found}
    ordered = sorted(scores, key=lambda page: (-scores[page], index["titles"][page]))
    return [index["docnames"][page] for page in ordered]


@pytest.mark.parametrize("query", QUESTIONS)
def test_a_readers_question_is_answered_within_two_clicks(
    site: Path, index: dict[str, Any], query: str
) -> None:
    page, anchor = QUESTIONS[query]
    assert page in results(index, query)[:_FIRST_RESULTS]
    text = (site / f"{page}.html").read_text(encoding="utf-8")
    assert f'<section id="{anchor}">' in text
    assert f'href="#{anchor}"' in text


def test_a_question_that_no_page_answers_has_no_result(index: dict[str, Any]) -> None:
    assert results(index, "torch zeppelin") == []


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    loads = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=\"(?:https?:)?//|<link[^>]*href=\"(?:https?:)?//"
    )
    for page in site.rglob("*.html"):
        assert not loads.search(page.read_text(encoding="utf-8")), page


def test_every_refusal_has_an_address(site: Path) -> None:
    from kaggle_workflow.refusals import REFUSALS

    text = (site / "reference" / "refusals.html").read_text(encoding="utf-8")
    for refusal in REFUSALS:
        assert f'<section id="{refusal.name}">' in text


def test_the_page_of_settings_has_every_setting_and_no_other() -> None:
    from dataclasses import fields

    from kaggle_workflow.settings import Settings

    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert sorted(shown) == sorted(one.name.replace("_", "-") for one in fields(Settings))
