"""References to what a notebook attaches, parsed once into frozen values.

A reference knows its own text form and the places where Kaggle may mount it. Two layouts are alive in 2026, and
a third form appears when two attached sources share a slug (seen by competitors; nothing in the metadata selects one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from kaggle_shim.errors import RefError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")

LAYOUTS = ("namespaced", "classic")


@dataclass(frozen=True)
class CompetitionRef:
    """A competition, written as its bare slug."""

    slug: str

    kind = "competition"

    @classmethod
    def parse(cls, text: str) -> CompetitionRef:
        """Turn `slug` into a reference; raises RefError."""
        (slug,) = _parts(text, (1,), "a competition is written as its slug")
        return cls(slug)

    def __str__(self) -> str:
        return self.slug

    def mount(self, layout: str) -> str:
        """Where `layout` mounts it, relative to the input root."""
        return f"competitions/{self.slug}" if layout == "namespaced" else self.slug

    def candidates(self) -> tuple[str, ...]:
        """Every place where Kaggle may have mounted it, the most specific first."""
        return (f"competitions/{self.slug}", self.slug)


@dataclass(frozen=True)
class _Owned:
    """What datasets and notebooks have in common: `owner/slug`, perhaps with a version."""

    owner: str
    slug: str
    version: int | None = None

    kind: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Turn `owner/slug[/version]` into a reference; raises RefError."""
        form = f"a {cls.kind} is written owner/slug or owner/slug/version"
        owner, slug, *version = _parts(text, (2, 3), form)
        return cls(owner, slug, _version(text, version))

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}/{self.version}"

    @property
    def name(self) -> str:
        """The reference without its version."""
        return f"{self.owner}/{self.slug}"

    def mount(self, layout: str) -> str:
        """Where `layout` mounts it, relative to the input root (the version is not part of it)."""
        return f"{self.kind}s/{self.name}" if layout == "namespaced" else self.slug


@dataclass(frozen=True)
class DatasetRef(_Owned):
    """A dataset: `owner/slug` or `owner/slug/version`."""

    kind = "dataset"

    def candidates(self) -> tuple[str, ...]:
        """Every place where Kaggle may have mounted it, the owner's own first."""
        return (f"datasets/{self.owner}/{self.slug}", f"d/{self.owner}/{self.slug}", self.slug)


@dataclass(frozen=True)
class NotebookRef(_Owned):
    """A notebook's output: `owner/slug` or `owner/slug/version`."""

    kind = "notebook"

    def candidates(self) -> tuple[str, ...]:
        """Every place where Kaggle may have mounted its output, the owner's own first."""
        return (f"notebooks/{self.owner}/{self.slug}", self.slug)


@dataclass(frozen=True)
class ModelRef:
    """A model variation: `owner/model/framework/variation`, perhaps with a version."""

    owner: str
    model: str
    framework: str
    variation: str
    version: int | None = None

    kind = "model"

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Turn `owner/model/framework/variation[/version]` into a reference; raises RefError."""
        form = "a model is written owner/model/framework/variation or owner/model/framework/variation/version"
        owner, model, framework, variation, *version = _parts(text, (4, 5), form)
        return cls(owner, model, framework, variation, _version(text, version))

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}/{self.version}"

    @property
    def name(self) -> str:
        """The handle without its version."""
        return f"{self.owner}/{self.model}/{self.framework}/{self.variation}"

    def mount(self, layout: str) -> str:
        """Where `layout` mounts it; without a version, the folder that holds the versions."""
        return (self.candidates()[0] if layout == "namespaced" else self.candidates()[2]).rstrip("/")

    def candidates(self) -> tuple[str, ...]:
        """Every place where Kaggle may have mounted it; the framework is lower case in a mount path."""
        tail = f"{self.model}/{self.framework.lower()}/{self.variation}"
        if self.version is not None:
            tail += f"/{self.version}"
        return (f"models/{self.owner}/{tail}", f"m/{self.owner}/{tail}", tail)


Ref = CompetitionRef | DatasetRef | NotebookRef | ModelRef

_KINDS: dict[str, type[Ref]] = {
    "competition": CompetitionRef,
    "dataset": DatasetRef,
    "notebook": NotebookRef,
    "model": ModelRef,
}


def parse(kind: str, text: str) -> Ref:
    """Turn a text of a known kind into a reference.

    Args:
        kind: `competition`, `dataset`, `notebook` or `model`.
        text: the reference as Kaggle's metadata files write it.

    Raises:
        RefError: the kind is unknown, or the text does not read as one.
    """
    if kind not in _KINDS:
        raise RefError(f"{kind!r} is not a kind of input: write one of {', '.join(_KINDS)}.")
    return _KINDS[kind].parse(text)


def guess(text: str) -> tuple[Ref, ...]:
    """Every reference that `text` can mean: two parts are a dataset or a notebook.

    Raises:
        RefError: the text reads as no reference at all.
    """
    parts = text.count("/") + 1
    if parts == 1:
        return (CompetitionRef.parse(text),)
    if parts in (2, 3):
        return (DatasetRef.parse(text), NotebookRef.parse(text))
    return (ModelRef.parse(text),)


def _parts(text: str, counts: tuple[int, ...], form: str) -> list[str]:
    parts = text.split("/")
    if len(parts) not in counts or not all(_PART.match(part) for part in parts):
        raise RefError(f"{text!r} does not read as a reference: {form}.")
    return parts


def _version(text: str, rest: list[str]) -> int | None:
    if not rest:
        return None
    if not _VERSION.match(rest[0]):
        raise RefError(
            f"{text!r} ends in {rest[0]!r}, which is no version: write a number from 1 up, or leave it out."
        )
    return int(rest[0])
