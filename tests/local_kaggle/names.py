"""Slugs, references, and what happens to file names on the way through Kaggle."""

from __future__ import annotations

import re
from dataclasses import dataclass

from slugify import slugify as _slugify

from tests.local_kaggle.errors import ApiError

_DAMAGED = re.compile(r"[^\x20-\x7e]|[~=]")


def slugify(title: str) -> str:
    """The slug of a title, by the library that kaggle 2.2.4 warns with."""
    return _slugify(title)


def is_slug(text: str) -> bool:
    """Whether a text can stand in an address: up to 100 letters, digits, hyphens, underscores and inner dots."""
    return bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", text))


def is_new_slug(text: str) -> bool:
    """Whether a dataset or a model may be given that slug: letters, digits and hyphens [reports]."""
    return bool(re.fullmatch(r"[A-Za-z0-9-]{1,100}", text))


def damage(path: str) -> str:
    """What becomes of an uploaded file's relative path.

    `+` disappears [reports]. `~`, `=` and non-ASCII characters are damaged; into what is not known, here each
    becomes `_`, and so does a name of nothing but `+`. Everything else stays.
    """
    return "/".join(_DAMAGED.sub("_", part.replace("+", "")) or "_" for part in path.split("/"))


def framework_slug(framework: str) -> str:
    """The lower-case form of a framework in handles and mounts: `pytorch` for PyTorch or MODEL_FRAMEWORK_PY_TORCH."""
    return re.sub(r"[^a-z0-9]", "", framework.removeprefix("MODEL_FRAMEWORK_").lower())


@dataclass(frozen=True)
class Source:
    """`owner/slug` or `owner/slug/N`, as in dataset_sources and kernel_sources."""

    owner: str
    slug: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> Source | None:
        """None when the text has another form."""
        match = re.fullmatch(r"([^/]+)/([^/]+)(?:/(?:versions/)?(\d+))?", text)
        if not match:
            return None
        return cls(match[1], match[2], int(match[3]) if match[3] else None)

    @property
    def ref(self) -> str:
        return f"{self.owner}/{self.slug}"


@dataclass(frozen=True)
class ModelSource:
    """`owner/model/framework/variation/N`, as in model_sources."""

    owner: str
    model: str
    framework: str
    variation: str
    version: int

    @classmethod
    def parse(cls, text: str) -> ModelSource | None:
        """None when the text has another form."""
        match = re.fullmatch(r"([^/]+)/([^/]+)/([^/]+)/([^/]+)/(\d+)", text)
        if not match:
            return None
        return cls(match[1], match[2], framework_slug(match[3]), match[4], int(match[5]))


def version_number(label: str | None) -> int | None:
    """Reads a version label such as `v3`; None when there is none.

    Raises:
        ApiError: 400 for another form.
    """
    if not label:
        return None
    match = re.fullmatch(r"[vV]?(\d+)", label)
    if not match:
        raise ApiError(400, f"Invalid version label '{label}'")
    return int(match[1])
