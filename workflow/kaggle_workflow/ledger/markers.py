"""What a submission is recognised by: the mark at the end of its description, which names the notebook's version and source."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from kaggle_shim.manifest import short
from kaggle_workflow.stage import compose

_MARK = re.compile(
    r"\s*\[(?P<slug>[A-Za-z0-9_.-]+) v(?P<version>[1-9][0-9]*) (?P<fingerprint>[0-9a-f]{12})\]\s*\Z"
)
# How long a description may be is not known; what matters stands at its end.
_LONGEST_MESSAGE = 200


@dataclass(frozen=True)
class Mark:
    """Which version of which notebook was submitted.

    Attributes:
        slug: slug of the notebook.
        version: its version.
        fingerprint: first 12 hex digits of `source_fingerprint`.
    """

    slug: str
    version: int
    fingerprint: str

    @classmethod
    def of(cls, slug: str, version: int, text: str) -> Mark:
        """The mark of a version whose source is `text`."""
        return cls(slug, version, short(source_fingerprint(text)))

    def __str__(self) -> str:
        return f"[{self.slug} v{self.version} {self.fingerprint}]"


def source_fingerprint(text: str) -> str:
    """SHA-256 (hex) over the plan and the cells of a notebook's source, the same before it is sent and when Kaggle gives it back."""
    plan = compose.plan_of(text)
    cells = compose.cells_fingerprint(json.loads(text)["cells"][1:])
    return hashlib.sha256(f"{plan.dumps() if plan else ''}\n{cells}".encode()).hexdigest()


def describe(message: str, mark: Mark) -> str:
    """The description of a submission: the message in one line, and the mark."""
    return f"{' '.join(message.split())[:_LONGEST_MESSAGE]} {mark}".strip()


def read(description: str) -> tuple[str, Mark | None]:
    """The message and the mark of a description; no mark in one that was not written by this workflow."""
    match = _MARK.search(description)
    if match is None:
        return description.strip(), None
    mark = Mark(match["slug"], int(match["version"]), match["fingerprint"])
    return description[: match.start()].strip(), mark
