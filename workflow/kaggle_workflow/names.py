"""Kaggle's rules for names: slugs, titles, and what an upload does to file names."""

from __future__ import annotations

import re
import unicodedata

NOTEBOOK_TITLE = range(5, 51)
DATASET_TITLE = range(6, 51)
PLACEHOLDERS = frozenset(("your-username", "your-competition"))

NOT_ON_WINDOWS = frozenset('<>:"|?*\\')

# What `kaggle kernels init` and `kaggle datasets init` of the official client write (2.2.5).
TEMPLATE_WORDS = re.compile(r"INSERT_[A-Z_]+_HERE")
_SLUG = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*\Z")

_SAFE_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\Z")
_RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10)))
)


def slugify(title: str) -> str:
    """The slug that Kaggle makes of a title: lower case, hyphens for all but letters and digits."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")


def slug_problem(slug: str) -> str | None:
    """What Kaggle's server says against a slug of a dataset or a model, None when it takes it (seen by users)."""
    if _SLUG.match(slug):
        return None
    return f"can only hold letters, digits and single hyphens after its owner: write {slugify(slug)}."


def damage(path: str) -> str | None:
    """What Kaggle does to a file of that name in a dataset, None when it leaves it alone (seen by competitors)."""
    if "+" in path:
        return "Kaggle drops the + from its name"
    if not path.isascii():
        return "Kaggle damages names that are not ASCII"
    for part in path.split("/"):
        if part.startswith("."):
            return "a name with a leading dot may not arrive"
        if not _SAFE_PART.match(part):
            return "only letters, digits, dot, hyphen and underscore arrive unchanged"
    return None


def portable(path: str) -> bool:
    """Whether Windows takes the name as well."""
    return not any(
        part.split(".")[0].lower() in _RESERVED or part.endswith((".", " ")) for part in path.split("/")
    )


def is_text(path: str) -> bool:
    """Whether a path is UTF-8 on the disk, as everything that travels is."""
    return not any("\ud800" <= letter <= "\udfff" for letter in path)
