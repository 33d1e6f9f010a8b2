"""A partial download, kept beside its target and resumed after a break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kaggle_workflow.kaggle.errors import AnswerLost

HEADERS = frozenset(("Range", "If-Range"))
PARTIAL = 206
NOT_SATISFIABLE = 416
# A block that is incomplete when the connection breaks is lost.
_BLOCK = 1 << 16


class Part:
    """The part of `target` that has arrived, with the entity tag of the content it belongs to."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.part")
        self._tag = target.with_name(f".{target.name}.part-tag")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self._part.stat().st_size if self._part.is_file() else 0

    def headers(self) -> dict[str, str]:
        """Request headers for the rest, {} for the whole file."""
        if not self._part.is_file() or not self._tag.is_file() or not self._part.stat().st_size:
            return {}
        return {
            "Range": f"bytes={self._part.stat().st_size}-",
            "If-Range": self._tag.read_text(encoding="utf-8"),
        }

    def receive(self, response: Any, what: str) -> None:
        """Append the body of an answer, or start over when the server sends the whole file; `what` names the download.

        Raises:
            AnswerLost: fewer bytes arrived than announced.
        """
        goes_on = response.status_code == PARTIAL
        had = self._part.stat().st_size if goes_on else 0
        if not goes_on:
            # Before the tag: a part must never be stored with the tag of another content.
            self._part.unlink(missing_ok=True)
        tag = response.headers.get("ETag")
        if tag and not tag.startswith("W/"):
            self._tag.write_text(tag, encoding="utf-8")
        else:
            self._tag.unlink(missing_ok=True)
        with self._part.open("ab") as file:
            for block in response.iter_content(_BLOCK):
                file.write(block)
        announced = response.headers.get("Content-Length")
        if (
            announced is not None
            and not response.headers.get("Content-Encoding")
            and had + int(announced) != self._part.stat().st_size
        ):
            raise AnswerLost(f"The connection broke while {what}: run this again to resume.")

    def finish(self) -> None:
        """Move the complete file to its target."""
        self._part.replace(self._target)
        self._tag.unlink(missing_ok=True)

    def forget(self) -> None:
        """Start over on the next run."""
        self._part.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)
