"""Repairs of code that names one of Kaggle's mount layouts: paths below /kaggle/input become `kaggle_shim.find`."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow.fix.drafts import Draft, texts_in
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.metadata_reading import SOURCES
from kaggle_workflow.workspace import CODES, SUB

_INPUT = "/kaggle/input/"
_SKIPPED = frozenset((".git", ".venv", "venv", "__pycache__", ".ipynb_checkpoints", "node_modules"))


@dataclass(frozen=True)
class Literal:
    """A plain string in a line of code: where it is (columns in characters) and its value."""

    line: int
    start: int
    end: int
    value: str


def fix_mounts(draft: Draft) -> None:
    """Repair the Python files of the code tree that name a mount of something attached; others are noted."""
    attached = tuple(_attached(draft))
    for path in _python_files(draft):
        text = draft.text(path) if draft.contains(path, _INPUT) else None
        if text is None:
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            # Python itself reports what is wrong with it.
            continue
        known: list[tuple[Literal, str]] = []
        for literal in _literals(tree, text.split("\n")):
            call = _call(literal.value, attached)
            if call is not None:
                known.append((literal, call))
            else:
                sentence = f"line {literal.line} names {literal.value}, and nothing attached to {SUB} is mounted there. Attach it in {SUB}/{KERNEL_FILE}, or remove the line."
                draft.note("fixed-mount", path, sentence)
        if known:
            lines = ", ".join(str(literal.line) for literal, _ in known)
            sentence = f"line {lines} names one of Kaggle's two mount layouts. kaggle_shim.find works with both, and with the local data."
            draft.edit("fixed-mount", path, _replaced(text, tree, known), sentence)


def _attached(draft: Draft) -> Iterator[refs.Ref]:
    about = draft.json(f"{SUB}/{KERNEL_FILE}")
    for key, kind in SOURCES.items():
        for value in texts_in(about.get(key)):
            try:
                yield refs.parse(kind, value)
            except RefError:
                continue


def _python_files(draft: Draft) -> Iterator[str]:
    for parent, folders, names in os.walk(draft.root / CODES):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            if name.endswith(".py"):
                yield Path(parent, name).relative_to(draft.root).as_posix()


def _literals(tree: ast.Module, lines: list[str]) -> Iterator[Literal]:
    """Plain strings below the input root that are values: no docstrings, no f-strings, none joined to its neighbour."""
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)} | {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith(_INPUT)
            and len(node.value.rstrip("/")) >= len(_INPUT)
            and id(node) not in skipped
            and node.lineno == node.end_lineno
        ):
            encoded = lines[node.lineno - 1].encode()
            start, end = (
                len(encoded[:column].decode()) for column in (node.col_offset, node.end_col_offset or 0)
            )
            # A single literal has its value between its quotes, and nothing else.
            if lines[node.lineno - 1][start:end].strip("rRuU").strip("'\"") == node.value:
                yield Literal(node.lineno, start, end, node.value)


def _call(value: str, attached: tuple[refs.Ref, ...]) -> str | None:
    """The expression that finds the same file in either layout, None when nothing attached is mounted there."""
    below = value.removeprefix(_INPUT)
    found = [
        (place, ref)
        for ref in attached
        for place in ref.candidates()
        if below.rstrip("/") == place or below.startswith(f"{place}/")
    ]
    if not found:
        return None
    place, ref = max(found, key=lambda one: len(one[0]))
    rest = below.removeprefix(place).strip("/")
    folder = f'kaggle_shim.find("{ref if ref.kind != "dataset" else getattr(ref, "name", ref)}")'
    text = f'str({folder} / "{rest}")' if rest else f"str({folder})"
    return text + ' + "/"' if value.endswith("/") else text


def _replaced(text: str, tree: ast.Module, known: list[tuple[Literal, str]]) -> str:
    lines = text.split("\n")
    for literal, call in sorted(known, key=lambda one: (one[0].line, one[0].start), reverse=True):
        line = lines[literal.line - 1]
        lines[literal.line - 1] = line[: literal.start] + call + line[literal.end :]
    imported = any(
        isinstance(node, ast.Import) and any(name.name == "kaggle_shim" for name in node.names)
        for node in tree.body
    )
    if not imported:
        end = "\r" if text.partition("\n")[0].endswith("\r") else ""
        lines.insert(_first_statement(tree) - 1, "import kaggle_shim" + end)
    return "\n".join(lines)


def _first_statement(tree: ast.Module) -> int:
    """Line of the first statement behind the docstring and the imports from __future__."""
    for number, node in enumerate(tree.body):
        docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not docstring and not future:
            decorators: list[ast.expr] = getattr(node, "decorator_list", [])
            return min([node.lineno, *(one.lineno for one in decorators)])
    raise AssertionError("a module without statements has no literals")
