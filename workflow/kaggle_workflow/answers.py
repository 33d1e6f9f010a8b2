"""What copier wrote down: which template this workspace was made from, and with which answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kaggle_workflow.names import PLACEHOLDERS

_PATTERN = ".copier-answers*.yml"


@dataclass(frozen=True)
class Answers:
    """Copier's answers file.

    Attributes:
        file: its name.
        commit: tag or commit of the template, None where copier wrote none.
        source: address of the template, None where copier wrote none.
        values: the answers, by question.
    """

    file: str
    commit: str | None
    source: str | None
    values: Mapping[str, str]

    def given(self, question: str) -> str | None:
        """The user's answer; None when it is missing or still a placeholder."""
        value = self.values.get(question, "")
        return value if value and value not in PLACEHOLDERS else None


def read(root: Path) -> Answers | None:
    """The answers of our template; None when the workspace has none that read (another template's are passed by)."""
    from invoke.vendor import yaml

    for path in sorted(root.glob(_PATTERN)):
        try:
            value = yaml.safe_load(path.read_text(encoding="utf-8"))  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        if isinstance(value, dict) and {"competition", "prefix", "username"} <= set(value):
            texts = {str(key): str(text) for key, text in value.items() if not str(key).startswith("_")}
            return Answers(path.name, _text(value.get("_commit")), _text(value.get("_src_path")), texts)
    return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
