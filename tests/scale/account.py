"""What else an account holds that has been used for years: near names, long lists, many versions."""

from __future__ import annotations

from tests.local_kaggle import LocalKaggle
from tests.push.conftest import COMPETITION

NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
# Names that a search, a prefix or a comparison without care would take for the workspace's own.
NEAR_DATASETS = ("cmi-codes-old", "cmi-codes2", "old-cmi-codes", "cmi-code", "cmi_codes", "cmi-models")
NEAR_NOTEBOOKS = ("cmi-sub-old", "cmi-sub2", "my-cmi-sub", "cmi-deps-old", "cmi-deps2", "cmi-codes")
MANY_FILES, MANY_VERSIONS = 450, 60


def fill(kaggle: LocalKaggle) -> None:
    """50 datasets, 200 notebooks, 20 models with three variations each, and 450 submissions of other notebooks."""
    add_datasets(kaggle)
    add_notebooks(kaggle)
    add_models(kaggle)
    add_submissions(kaggle)


def add_datasets(kaggle: LocalKaggle) -> None:
    """50: with near names, with codes of other workspaces, one of many files, one of many versions."""
    for slug in NEAR_DATASETS:
        kaggle.add_dataset(f"tester/{slug}", {"a.txt": slug}, title=f"{slug} of last year")
    for number in range(50 - len(NEAR_DATASETS)):
        kaggle.add_dataset(f"tester/set-{number:02}", {"a.txt": "1"}, notes="[codes:0123456789ab]")
    kaggle.add_dataset("tester/set-00", {f"f{number:03}.txt": "x" for number in range(MANY_FILES)})
    for number in range(MANY_VERSIONS):
        kaggle.add_dataset("tester/set-01", {"a.txt": str(number)})


def add_notebooks(kaggle: LocalKaggle) -> None:
    """200, a few with near names."""
    for slug in NEAR_NOTEBOOKS:
        kaggle.add_notebook(f"tester/{slug}", NOTEBOOK, title=f"{slug.title()} of last year")
    for number in range(200 - len(NEAR_NOTEBOOKS)):
        kaggle.add_notebook(f"tester/book-{number:03}", NOTEBOOK, output={"submission.csv": "no"})


def add_models(kaggle: LocalKaggle) -> None:
    """20 with three variations each, half of them with near names."""
    for number in range(20):
        model = f"tester/cmi-models{number}" if number % 2 else f"tester/model-{number}"
        kaggle.add_model(model, {f"{kind}/exp001": {"w.bin": "1"} for kind in ("PY_TORCH", "KERAS", "OTHER")})


def add_submissions(kaggle: LocalKaggle) -> None:
    """450 to the workspace's competition: of near notebooks, of a version that its own never had, by hand."""
    marks = (
        "[cmi-sub-old v1 0123456789ab]",
        "[cmi-sub2 v1 0123456789ab]",
        "[cmi-sub v7 0123456789ab]",
        "by hand",
    )
    kaggle.add_submissions(COMPETITION, [f"try {n} {marks[n % len(marks)]}" for n in range(450)])
