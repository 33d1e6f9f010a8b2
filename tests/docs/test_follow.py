"""Each start and how-to page, followed literally in an empty folder against the local Kaggle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.docs import follow, pages
from tests.docs.follow import FIRST, FOLLOWED, NOT_FOLLOWED, ROOT, TABLE, Differs, Place, Reader

# The five models of the page about sweeps against the truth: the error of their mean, then that of each.
_ERRORS = """
import sys
from pathlib import Path
import joblib, pandas as pd
kaggle, data = map(Path, sys.argv[1:])
test = pd.read_csv(kaggle / "public/test.csv").drop(columns="id")
truth = pd.read_csv(kaggle / "solution.csv").target
models = [joblib.load(path) for path in sorted(data.glob("notebooks/you/*-s1-fold?/model.joblib"))]
every = [model.predict(test) for model in models]
print(*(((one - truth) ** 2).mean() ** 0.5 for one in (sum(every) / len(every), *every)))
"""
_NEEDS = {"docs/how-to/compile-cpp.md": "g++"}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def first(shared_folder: Path, cache_home: Path) -> Place:
    """Where the first page was followed; not to be changed. The first worker that needs it follows the page."""
    root = shared_folder / "pages"
    root.mkdir(exist_ok=True)
    with FileLock(root / "lock"):
        place = follow.new_place(root, cache_home)
        done = root / "done"
        if not done.exists():
            with place.reader() as reader:
                reader.follow(FIRST, text(FIRST))
            done.touch()
    return place


def test_every_start_and_how_to_page_is_followed_or_says_why_not() -> None:
    there = {
        path.relative_to(ROOT).as_posix()
        for kind in ("start", "how-to")
        for path in (ROOT / "docs" / kind).glob("*.md")
    }
    assert there == FOLLOWED.keys() | NOT_FOLLOWED.keys()


def test_the_first_page_followed_literally_does_what_it_shows(first: Place) -> None:
    assert (first.start / "my-competition" / "ledger.jsonl").is_file()


@pytest.mark.parametrize("name", [name for name in FOLLOWED if name != FIRST])
def test_a_page_followed_literally_does_what_it_shows(name: str, first: Place, tmp_path: Path) -> None:
    if name in _NEEDS and shutil.which(_NEEDS[name]) is None:
        pytest.skip(f"{_NEEDS[name]} is not installed")
    with first.copied(tmp_path, FOLLOWED[name]).reader() as reader:
        reader.follow(name, text(name))
        if name == "docs/how-to/sweep.md":
            the_score_is_that_of_the_average(reader)


def the_score_is_that_of_the_average(reader: Reader) -> None:
    """What the submission notebook made of five models scores as their mean does, and as none of them does."""
    competition = reader.place.root / "kaggle" / "competitions" / TABLE
    words = [str(reader.place.image), "-c", _ERRORS, str(competition), str(reader.folder / "data")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    mean, *every = map(float, done.stdout.split())
    (submission,) = reader.kaggle.submissions(TABLE)
    assert len(every) == 5
    assert float(submission.public_score) == pytest.approx(mean, abs=1e-4)
    assert mean not in [pytest.approx(one, abs=1e-2) for one in every]


def test_a_page_that_shows_or_does_something_else_is_found(first: Place, tmp_path: Path) -> None:
    page = "```console\n$ uv run invoke explain take-over\n{}\n```\n"
    with first.copied(tmp_path, "my-competition").reader() as reader:
        with pytest.raises(Differs, match="prints other lines"):
            reader.follow("a page", page.format("take-over: another sentence"))
        with pytest.raises(Differs, match="exits 2, not 0"):
            reader.follow("a page", page.format("").replace("take-over", "no-such"))
        written = reader.follow("a page", page.format("an old line"), writing=True)
        assert reader.follow("a page", written) == written


def test_marks_say_what_the_words_of_a_page_ask_for(first: Place, tmp_path: Path) -> None:
    page = (
        "1. Write:\n\n   <!-- file: a.yaml -->\n   ```yaml\n   one:\n     two: 2\n   ```\n"
        "<!-- merge: a.yaml -->\n```yaml\none:\n  three: 3\n```\n"
        "<!-- append: a.yaml -->\n```text\nfour: 4\n```\n```yaml\nonly: read\n```\n"
        "<!-- run: mkdir below && cd below -->\n<!-- exit: 1 -->\n```console\n$ false\n```\n"
        "```console\n$ cat ../a.yaml\none:\n  two: 2\n  three: 3\nfour: 4\n```\n"
    )
    with first.copied(tmp_path, "my-competition").reader() as reader:
        assert reader.follow("a page", page) == page


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("done in 1.5 s", "done in 12.25 s", True),
        ("18 rows", "17 rows", False),
        ("submission 1008: 12s", "submission 1016: 15s ± 1s", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("…\nc\n…", "a\nb\nc\nd", True),
        ("a\n…\nc", "a\nb\nc\nd", False),
        ("…\nx\n…", "a\nb", False),
        ("took 12s …", "took 3s in all", True),
        ("took 12s …", "needed 3s in all", False),
        ("wait\n  running after 1 s.\nend", "wait\n  queued after 1 s.\n  running after 2 s.\nend", True),
    ],
)
def test_measured_values_may_differ_and_words_may_not(shown: str, real: str, same: bool) -> None:
    assert pages.fits(tuple(shown.splitlines()), real) is same
