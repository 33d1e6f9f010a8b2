"""References to what a notebook attaches, parsed once into frozen values.

A reference knows its own text form and the places where Kaggle may mount it. Two layouts are alive in 2026, and
a third form appears when two attached sources share a slug (seen by competitors; nothing in the metadata selects one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing import Self

from kaggle_shim.errors import RefError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")

LAYOUTS = ("namespaced", "classic")


class _Mounted:
    """What every reference knows of its mounts."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The reference without its version."""
        raise NotImplementedError

    def candidates(self) -> tuple[str, ...]:
        """Every place below the input root where Kaggle may have mounted it, from the most specific to the classic one."""
        raise NotImplementedError

    def mount(self, layout: str) -> str:
        """Where `layout` mounts it below the input root; for a model without version, the folder of its versions."""
        return self.candidates()[0 if layout == "namespaced" else -1]

    def __str__(self) -> str:
        version = getattr(self, "version", None)
        return self.name if version is None else f"{self.name}/{version}"


@dataclass(frozen=True)
class CompetitionRef(_Mounted):
    """A competition, written as its bare slug."""

    slug: str

    kind = "competition"

    @classmethod
    def parse(cls, text: str) -> CompetitionRef:
        """Turn `slug` into a reference; raises RefError."""
        (slug,) = _parts(text, (1,), "a competition is written as its slug")
        return cls(slug)

    @property
    def name(self) -> str:
        """The slug."""
        return self.slug

    def candidates(self) -> tuple[str, ...]:
        """See `_Mounted`."""
        return (f"competitions/{self.slug}", self.slug)


@dataclass(frozen=True)
class _Owned(_Mounted):
    """What datasets and notebooks have in common: `owner/slug`, perhaps with a version."""

    owner: str
    slug: str
    version: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Turn `owner/slug[/version]` into a reference; raises RefError."""
        form = f"a {cls.kind} is written owner/slug or owner/slug/version"
        owner, slug, *version = _parts(text, (2, 3), form)
        return cls(owner, slug, _version(text, version))

    @property
    def name(self) -> str:
        """The reference without its version."""
        return f"{self.owner}/{self.slug}"


@dataclass(frozen=True)
class DatasetRef(_Owned):
    """A dataset: `owner/slug` or `owner/slug/version`."""

    kind = "dataset"

    def candidates(self) -> tuple[str, ...]:
        """See `_Mounted`."""
        return (f"datasets/{self.name}", f"d/{self.name}", self.slug)


@dataclass(frozen=True)
class NotebookRef(_Owned):
    """A notebook's output: `owner/slug` or `owner/slug/version`."""

    kind = "notebook"

    def candidates(self) -> tuple[str, ...]:
        """See `_Mounted`."""
        return (f"notebooks/{self.name}", self.slug)

    @property
    def module(self) -> str:
        """The name under which a utility script is imported."""
        return self.slug.replace("-", "_")

    def script_candidates(self) -> tuple[str, ...]:
        """Every place below `/kaggle/usr/lib` where Kaggle may have mounted a utility script (seen in public notebooks)."""
        return (f"notebooks/{self.name}", f"notebooks/{self.owner}/{self.module}", self.module)

    def script_mount(self, layout: str) -> str:
        """Where `layout` mounts it below `/kaggle/usr/lib` when it is a utility script."""
        return self.script_candidates()[0 if layout == "namespaced" else -1]


@dataclass(frozen=True)
class ModelRef(_Mounted):
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

    @property
    def name(self) -> str:
        """The handle without its version."""
        return f"{self.owner}/{self.model}/{self.framework}/{self.variation}"

    def candidates(self) -> tuple[str, ...]:
        """See `_Mounted`; the framework is lower case in a mount path."""
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
    """Turn a text of a known kind (`competition`, `dataset`, `notebook` or `model`) into a reference; raises RefError."""
    if kind not in _KINDS:
        raise RefError(f"{kind!r} is not a kind of input: write one of {', '.join(_KINDS)}.")
    return _KINDS[kind].parse(text)


def guess(text: str) -> tuple[Ref, ...]:
    """Every reference that `text` can mean, two parts being a dataset or a notebook; raises RefError for none."""
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
