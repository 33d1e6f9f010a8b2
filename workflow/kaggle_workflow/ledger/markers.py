"""The marker at the end of a submission's description, which identifies the notebook's version and source."""

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
# Kaggle's limit for descriptions is not known, and the marker is at the end.
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
        """The marker of a version with the source `text`."""
        return cls(slug, version, short(source_fingerprint(text)))

    def __str__(self) -> str:
        return f"[{self.slug} v{self.version} {self.fingerprint}]"


def source_fingerprint(text: str) -> str:
    """SHA-256 (hex) over the plan and the cells of a notebook's source: the same before it is sent and as Kaggle returns it."""
    plan = compose.plan_of(text)
    cells = compose.cells_fingerprint(json.loads(text)["cells"][1:])
    return hashlib.sha256(f"{plan.dumps() if plan else ''}\n{cells}".encode()).hexdigest()


def describe(message: str, mark: Mark) -> str:
    """The description of a submission: the message in one line, and the marker."""
    return f"{' '.join(message.split())[:_LONGEST_MESSAGE]} {mark}".strip()


def split(description: str) -> tuple[str, Mark | None]:
    """The message and the marker of a description; the marker is None for a submission that was made elsewhere."""
    match = _MARK.search(description)
    if match is None:
        return description.strip(), None
    mark = Mark(match["slug"], int(match["version"]), match["fingerprint"])
    return description[: match.start()].strip(), mark
