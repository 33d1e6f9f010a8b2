"""Lint the prose of everything that is read: spelling (codespell), style (proselint with our words), length of sentences.

`python -m tests.words.lint` ends with 1 and one line for each finding. `dev.py check` runs it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from proselint.checks import __register__
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check, CheckFlags, types
from proselint.tools import LintFile

from tests.words import texts

# The longest sentence that a reader takes in at once, in words; a page may explain with a few more than a message.
LONGEST = {texts.MESSAGE: 40, texts.QUESTION: 40, texts.CELL: 40, texts.PAGE: 45}
# What we wrote before, and the word that this field uses.
WORDS = {
    "anew": "again",
    "beforehand": "before",
    "mend": "fix",
    "mends": "fixes",
    "mended": "fixed",
    "overrule": "override",
    "overrules": "overrides",
    "overruled": "overridden",
    "somebody": "a user",
    "someone": "a user",
    "whoever": "the person who",
    "there where": "where",
    "send up": "upload",
    "sends up": "uploads",
    "sent up": "uploaded",
    "ask for one": "ask",
    "lest": "so that … not",
    "hence": "so",
    "thereby": "so",
    "henceforth": "from now on",
    "whence": "from where",
    "upon": "on",
    "whilst": "while",
    "amongst": "among",
    "is to be": "must be",
    "are to be": "must be",
    "nothing of": "none of",
    "of one's own": "of your own",
    "one's own": "your own",
    "is believed": "counts",
    "has to be": "must be",
    "DESIGN.md": "a page of docs/",
    "KAGGLE.md": "docs/explanation/kaggle.md",
}
# proselint's own checks that do not fit prose about software.
_OFF = (
    "typography.symbols",  # asks for typographic quotes and ellipses, which a terminal copies badly
    "typography.diacritical_marks",  # takes "resume" for a paper about a person
    "typography.punctuation.exclamation",  # counts the `!` of notebook commands
)
_OURS = "kaggle_workflow.words"


def findings(found: Iterable[texts.Text]) -> Iterator[str]:
    """One line for each finding in these texts, as `path:line: what`."""
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(__register__)
        registry.register_many(
            (
                Check(
                    check_type=types.PreferredFormsSimple(items=WORDS),
                    path=_OURS,
                    message="write '{}'.",
                    flags=CheckFlags(allow_quotes=True),
                ),
            )
        )
    config = {**DEFAULT, "checks": {_OURS: True, **dict.fromkeys(_OFF, False), **DEFAULT["checks"]}}
    for one in found:
        text = texts.prose(one.text)
        if not text.strip():
            continue
        for result in LintFile(one.path, text).lint(config):
            said = result.check_result
            word = f"\n{text}\n"[slice(*said.span)].strip()
            yield f"{one.path}:{one.line + max(0, result.pos[0] - 2)}: {said.check_path}: '{word}': {said.message}"
        limit = LONGEST.get(one.kind)
        if limit is not None:
            for sentence in sentences(text):
                count = len(sentence.split())
                if count > limit:
                    yield f"{one.path}:{one.line}: {count} words in one sentence: '{sentence[:60]}…'"


def sentences(text: str) -> list[str]:
    """The sentences of a text; an item of a list is one at least."""
    return [part for part in re.split(rf"(?<=[.!?])\s+|{texts.ITEM}|\n\s*\n", text) if part.strip()]


def spelling(found: Iterable[texts.Text]) -> Iterator[str]:
    """One line for each word that codespell knows to be misspelled."""
    listed = list(found)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts")
        file.write_text("\n".join(" ".join(one.text.split()) for one in listed), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "codespell_lib", str(file)], capture_output=True, text=True, check=False
        )
    if done.stderr:
        raise RuntimeError(done.stderr)
    for line in done.stdout.splitlines():
        _, number, said = line.removeprefix(str(file)).split(":", 2)
        one = listed[int(number) - 1]
        yield f"{one.path}:{one.line}: spelling: {said.strip()}"


def main() -> int:
    """Print the findings; returns 1 when there are any."""
    everything = texts.all_texts()
    lines = [*findings(everything), *spelling(everything)]
    said = lines or [f"Words: {len(everything)} texts, nothing found."]
    sys.stdout.write("\n".join(said) + "\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
