"""Measure how hard our texts are to read, by kind, here and at an earlier commit: `python benchmarks/words.py --against COMMIT`.

Flesch reading ease: 206.835 - 1.015 x (words in a sentence) - 84.6 x (syllables in a word); higher is easier, 60 is plain English.
Syllables are counted as pyphen's hyphenation points, which finds a few less than a speaker. Command names count as one syllable.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import mean, quantiles

import pyphen

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.words import texts
from tests.words.lint import sentences

_HYPHENS = pyphen.Pyphen(lang="en_US", left=1, right=1)
_WORD = re.compile(r"[A-Za-z][A-Za-z']*")


@dataclass(frozen=True)
class Ease:
    """How hard one kind of text is: its size in words, the length of sentences in words (mean, 95th percentile), Flesch's number."""

    words: int
    sentence: float
    long: float
    flesch: float


def measure(found: Iterable[texts.Text]) -> dict[str, Ease]:
    """The ease of each kind of text."""
    by_kind: dict[str, list[list[str]]] = defaultdict(list)
    for one in found:
        for sentence in sentences(texts.prose(one.text)):
            words = _WORD.findall(sentence)
            if words:
                by_kind[one.kind].append(words)
    return {kind: _ease(split) for kind, split in sorted(by_kind.items())}


def _ease(split: list[list[str]]) -> Ease:
    words = [word for sentence in split for word in sentence]
    lengths = [len(sentence) for sentence in split]
    syllables = mean(len(_HYPHENS.positions(word)) + 1 for word in words)
    flesch = 206.835 - 1.015 * mean(lengths) - 84.6 * syllables
    long = quantiles(lengths, n=20)[-1] if len(lengths) > 1 else float(lengths[0])
    return Ease(len(words), mean(lengths), long, flesch)


def at(commit: str) -> dict[str, Ease]:
    """The same at a commit."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=texts.ROOT, check=True, capture_output=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as file:
            file.extractall(folder, filter="data")
        return measure(texts.all_texts(Path(folder)))


def main() -> None:
    """Print one line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="COMMIT", help="an earlier commit to compare with")
    chosen = parser.parse_args()
    now = measure(texts.all_texts())
    before = at(chosen.against) if chosen.against else {}
    print(f"{'kind':10} {'words':>7} {'words/sentence':>15} {'95 % below':>11} {'Flesch':>7}")
    for kind, ease in now.items():
        for when, one in (("before", before.get(kind)), ("now", ease)):
            if one is not None:
                label = kind if when == "now" else f"  {when}"
                print(f"{label:10} {one.words:7} {one.sentence:15.1f} {one.long:11.0f} {one.flesch:7.1f}")


if __name__ == "__main__":
    main()
