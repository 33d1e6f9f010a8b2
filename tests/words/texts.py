"""Collect every text that a user or the next developer reads.

`python -m tests.words.texts` lists them as `path:line: kind: text`; words as arguments list those kinds only.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MESSAGE, DOCSTRING, COMMENT, PAGE, CELL, QUESTION = (
    "message",
    "docstring",
    "comment",
    "page",
    "cell",
    "question",
)
# What a user reads without opening our code.
SHOWN = (MESSAGE, PAGE, CELL, QUESTION)
_CODE = ("shim/kaggle_shim", "workflow/kaggle_workflow")
_PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**/*.md",
    "template/**/*.md",
    "template/**/*.md.jinja",
)
_JAPANESE = ".ja.md"
# What stands for the mark of a list's item.
ITEM = "•"
# A message is a sentence: at least three words. Patterns, paths, keys and command lines are not.
_SENTENCE = re.compile(r"[A-Za-z{][\w'}-]*[,:;.]? (?:[^\s\\]+ )+[^\s\\]+")
_NOT_PROSE = re.compile(r"\(\?|\[\^|^\s*(?:import|from|def|class|return) |^\$ |<svg|</|\{\{|;\s*\}")
# What a page holds beside prose: code, generated parts, links' targets, markup, tables' rules.
_FENCE = re.compile(
    r"^[ ]*(```|~~~).*?^[ ]*\1[^\n]*$|<!--.*?-->|\{%.*?%\}|\{#.*?#\}", re.DOTALL | re.MULTILINE
)
_MARKUP = re.compile(r"\]\([^)]*\)|<[^>\n]+>|\{\{[^}]*\}\}|^[ \t]*(?:#+|>)[ \t]", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*(?:[-*]|\d+\.)[ \t]", re.MULTILINE)
_INLINE = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True)
class Text:
    """One text, where it stands, and which kind it is."""

    path: str
    line: int
    kind: str
    text: str


def all_texts(root: Path = ROOT) -> tuple[Text, ...]:
    """Every text of the product, its pages and what the template writes, in the checkout at `root`."""
    found = (replace(one, path=Path(one.path).relative_to(root).as_posix()) for one in _found(root))
    return tuple(sorted(found, key=lambda one: (one.path, one.line)))


def prose(text: str) -> str:
    """A text without inline code: one word, another each time, stands for what a reader takes as one."""
    number = itertools.count(1)
    return _INLINE.sub(lambda _: f"x{next(number)}", text)


def _found(root: Path) -> Iterator[Text]:
    for folder in _CODE:
        for path in sorted((root / folder).rglob("*.py")):
            yield from _of_python(path)
    for path in sorted({path for pattern in _PAGES for path in root.glob(pattern)}):
        if not path.name.endswith(_JAPANESE):
            yield from _of_page(path)
    for path in sorted((root / "template").rglob("*.ipynb")):
        yield from _of_notebook(path)
    yield from _of_questions(root / "copier.yml")


def _of_python(path: Path) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    where = str(path)
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for one in docstrings:
        if isinstance(one.value, str):
            yield Text(where, one.lineno, DOCSTRING, one.value)
    for node, text in _strings(tree):
        if node not in docstrings and _SENTENCE.search(text) and not _NOT_PROSE.search(text):
            yield Text(where, node.lineno, MESSAGE, text)
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield Text(where, token.start[0], COMMENT, token.string.lstrip("# "))


def _strings(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The strings of a tree, an f-string as one with `{…}` for its values."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node, node.value
        return
    if isinstance(node, ast.JoinedStr):
        parts = (str(one.value) if isinstance(one, ast.Constant) else "{…}" for one in node.values)
        yield node, "".join(parts)
        for one in node.values:
            if isinstance(one, ast.FormattedValue):
                yield from _strings(one.value)
        return
    for child in ast.iter_child_nodes(node):
        yield from _strings(child)


def _of_page(path: Path) -> Iterator[Text]:
    text = _FENCE.sub(lambda one: "\n" * one[0].count("\n"), path.read_text(encoding="utf-8"))
    text = _ITEM.sub(f"{ITEM} ", _MARKUP.sub(" ", text))
    where = str(path)
    line = 1
    for block in re.split(r"(\n\s*\n)", text):
        if block.strip() and not block.lstrip().startswith("|"):
            yield Text(
                where, line + block[: len(block) - len(block.lstrip())].count("\n"), PAGE, block.strip()
            )
        else:
            for number, row in enumerate(block.splitlines()):
                cells = [cell.strip() for cell in row.split("|")]
                yield from (
                    Text(where, line + number, PAGE, cell) for cell in cells if _SENTENCE.search(cell)
                )
        line += block.count("\n")


def _of_notebook(path: Path) -> Iterator[Text]:
    where = str(path)
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield Text(where, 1, CELL, text)
        else:
            yield from (
                Text(where, 1, CELL, line.lstrip("# ")) for line in text.splitlines() if line.startswith("#")
            )


def _of_questions(path: Path) -> Iterator[Text]:
    """What copier asks and says: its `help` lines and messages."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", line.strip())
        if _SENTENCE.search(text) and not line.lstrip().startswith(("#", "- '")):
            yield Text(str(path), number, QUESTION, text.removeprefix("help: "))


def main(kinds: list[str]) -> None:
    """List the texts, those of some kinds if any are named."""
    for one in all_texts():
        if not kinds or one.kind in kinds:
            sys.stdout.write(f"{one.path}:{one.line}: {one.kind}: {' '.join(one.text.split())}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
