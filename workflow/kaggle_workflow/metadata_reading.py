"""Read the values of one metadata file; each fault becomes a finding with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow import pasted
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_json
from kaggle_workflow.findings import ERROR, WARNING, Finding, relative

SOURCES = {
    "dataset_sources": "dataset",
    "competition_sources": "competition",
    "kernel_sources": "notebook",
    "model_sources": "model",
}


class Reader:
    """Collects findings about one file while its values are read."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.shown = relative(path, root)
        self.findings: list[Finding] = []
        self.raw: dict[str, Any] = {}
        try:
            self.raw = read_json(path)
            self.lines = path.read_text(encoding="utf-8-sig").splitlines()
        except WorkflowError as error:
            self.lines = []
            sentence = str(error).replace(str(path), path.name)
            self.findings.append(Finding(ERROR, "metadata-file", self.shown, sentence))

    def error(self, name: str, key: str, sentence: str) -> None:
        """Report what must be fixed."""
        self.findings.append(Finding(ERROR, name, self.shown, sentence, self.line(key)))

    def warn(self, name: str, key: str, sentence: str) -> None:
        """Report what is worth knowing."""
        self.findings.append(Finding(WARNING, name, self.shown, sentence, self.line(key)))

    def line(self, key: str) -> int | None:
        """The first line that names a key, None where none does."""
        return next((number for number, text in enumerate(self.lines, 1) if f'"{key}"' in text), None)

    def text(self, key: str) -> str:
        """The text under a key, "" (and an error) when it is missing or not one."""
        value = self.raw.get(key)
        if not isinstance(value, str) or not value.strip():
            self.error("metadata-value", key, f"{key} must be a string, not {value!r}.")
            return ""
        if not value.isprintable():
            self.error("metadata-value", key, f"{key} has a control character. Type {value!r} again.")
        return value

    def boolean(self, key: str, default: bool) -> bool:
        """A switch; the official client takes true and false, as strings too, and fails for anything else."""
        value = self.raw.get(key, default)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if isinstance(value, bool):
            return value
        self.error("metadata-value", key, f"{key} must be true or false, not {value!r}.")
        return default

    def sources(self) -> Iterator[refs.Ref]:
        """What is attached, in the file's order; an error for each entry that is not a reference."""
        for key, kind in SOURCES.items():
            values = self.raw.get(key, [])
            if not isinstance(values, list):
                self.error("metadata-value", key, f"{key} must be a list, not {values!r}.")
                continue
            for value in values:
                ref = self.reference(key, kind, value)
                if ref is not None:
                    yield ref

    def reference(self, key: str, kind: str, value: object) -> refs.Ref | None:
        """One entry of a list of sources, None (and an error) when it is not a reference, or a model without version."""
        text = value if isinstance(value, str) else repr(value)
        try:
            ref = refs.parse(kind, text)
        except RefError as error:
            wanted = pasted.as_reference(kind, text)
            sentence = f"{text!r} is the address of a page. Write {wanted}." if wanted else str(error)
            self.error("source-name", key, f"{key}: {sentence}")
            return None
        if kind == "model" and getattr(ref, "version", None) is None:
            sentence = (
                f"{key}: {ref} has no version, which Kaggle requires. Write {ref}/1, or the version you mean."
            )
            self.error("model-version", key, sentence)
            return None
        return ref
