"""References to what a notebook attaches, parsed once into frozen values.

A reference knows its text form and the places where Kaggle may mount it. Kaggle uses two layouts in 2026, and a third
form when two attached sources share a slug (reported by competitors; nothing in the metadata selects one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing import Self

from kaggle_shim.errors import RefError

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")

LAYOUTS = ("namespaced", "classic")


class _Reference:
    """What every reference knows: its text and its mounts."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The reference without its version."""
        return "/".join(getattr(self, part) for part in self._parts())

    def candidates(self) -> tuple[str, ...]:
        """Every place below the input root where Kaggle may have mounted it, from the most specific to the classic one."""
        raise NotImplementedError

    def mount(self, layout: str) -> str:
        """Where `layout` mounts it below the input root; for a model without version, the folder of its versions."""
        return self.candidates()[0 if layout == "namespaced" else -1]

    def __str__(self) -> str:
        version = getattr(self, "version", None)
        return self.name if version is None else f"{self.name}/{version}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the text form; raises RefError."""
        names = cls._parts()
        parts = text.split("/")
        versioned = len(parts) == len(names) + 1 and cls.kind != "competition"
        if not (versioned or len(parts) == len(names)) or not all(_PART.match(part) for part in parts):
            raise RefError(
                f"{text!r} is not a {cls.kind}: write {'/'.join(names)}{'' if cls.kind == 'competition' else '[/version]'}."
            )
        if not versioned:
            return cls(*parts)
        if not _VERSION.match(parts[-1]):
            raise RefError(
                f"{text!r} ends in {parts[-1]!r}, which is not a version: write a number from 1 up, or omit it."
            )
        return cls(*parts[:-1], version=int(parts[-1]))  # type: ignore[call-arg]  # competitions have none

    @classmethod
    def _parts(cls) -> list[str]:
        return [field.name for field in fields(cls) if field.name != "version"]  # type: ignore[arg-type]  # of a dataclass


@dataclass(frozen=True)
class CompetitionRef(_Reference):
    """A competition: its bare slug."""

    slug: str

    kind = "competition"

    def candidates(self) -> tuple[str, ...]:
        """See `_Reference`."""
        return (f"competitions/{self.slug}", self.slug)


@dataclass(frozen=True)
class _Owned(_Reference):
    owner: str
    slug: str
    version: int | None = None


@dataclass(frozen=True)
class DatasetRef(_Owned):
    """A dataset: `owner/slug` or `owner/slug/version`."""

    kind = "dataset"

    def candidates(self) -> tuple[str, ...]:
        """See `_Reference`."""
        return (f"datasets/{self.name}", f"d/{self.name}", self.slug)


@dataclass(frozen=True)
class NotebookRef(_Owned):
    """A notebook's output: `owner/slug` or `owner/slug/version`."""

    kind = "notebook"

    def candidates(self) -> tuple[str, ...]:
        """See `_Reference`."""
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
class ModelRef(_Reference):
    """A model variation: `owner/model/framework/variation`, with or without a version."""

    owner: str
    model: str
    framework: str
    variation: str
    version: int | None = None

    kind = "model"

    def candidates(self) -> tuple[str, ...]:
        """See `_Reference`; the framework is lower case in a mount path."""
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
    """Parse the text of a known kind (`competition`, `dataset`, `notebook` or `model`); raises RefError."""
    if kind not in _KINDS:
        raise RefError(f"{kind!r} is not a kind of input: use one of {', '.join(_KINDS)}.")
    return _KINDS[kind].parse(text)


def guess(text: str) -> tuple[Ref, ...]:
    """Every reference that `text` can mean (two parts: a dataset or a notebook); raises RefError for none."""
    parts = text.count("/") + 1
    if parts == 1:
        return (CompetitionRef.parse(text),)
    if parts in (2, 3):
        return (DatasetRef.parse(text), NotebookRef.parse(text))
    return (ModelRef.parse(text),)
