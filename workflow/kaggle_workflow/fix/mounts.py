"""Repairs of code that names one of Kaggle's mount layouts: paths below /kaggle/input become `kaggle_shim.find`."""

from __future__ import annotations

import ast
import io
import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.metadata import KERNEL_FILE
from kaggle_workflow.workspace import CODES, SUB

_INPUT = "/kaggle/input/"
_KINDS = {
    "competition_sources": "competition",
    "dataset_sources": "dataset",
    "kernel_sources": "notebook",
    "model_sources": "model",
}
_PASSED_BY = frozenset((".git", ".venv", "venv", "__pycache__", ".ipynb_checkpoints", "node_modules"))


@dataclass(frozen=True)
class Literal:
    """A plain string in a line of code: where it stands (columns in characters) and its value."""

    line: int
    start: int
    end: int
    value: str


def apply(draft: Draft) -> None:
    """Repair the Python files of the code tree that name a mount of something attached; others are noted."""
    attached = tuple(_attached(draft))
    for path in _python_files(draft):
        text = draft.text(path) if draft.holds(path, _INPUT) else None
        if text is None:
            continue
        try:
            literals = tuple(_literals(text))
        except (SyntaxError, ValueError, tokenize.TokenError):
            # Its own Python says what is wrong with it, better than we could.
            continue
        known = [
            (literal, call) for literal in literals if (call := _call(literal.value, attached)) is not None
        ]
        if known:
            lines = ", ".join(str(literal.line) for literal, _ in known)
            sentence = f"line {lines} names one of Kaggle's two mount layouts: kaggle_shim.find finds either, and the local data too."
            draft.edit("fixed-mount", path, _replaced(text, known), sentence)
        for literal in literals:
            if _call(literal.value, attached) is None:
                draft.note(
                    "fixed-mount",
                    path,
                    f"line {literal.line} names {literal.value}, which nothing attached to {SUB} is: attach it in {SUB}/{KERNEL_FILE}, or take the line out.",
                )


def _attached(draft: Draft) -> Iterator[refs.Ref]:
    about = draft.json(f"{SUB}/{KERNEL_FILE}") or {}
    for key, kind in _KINDS.items():
        values = about.get(key)
        for value in values if isinstance(values, list) else []:
            try:
                yield refs.parse(kind, str(value))
            except RefError:
                continue


def _python_files(draft: Draft) -> Iterator[str]:
    for parent, folders, names in os.walk(draft.root / CODES):
        folders[:] = sorted(name for name in folders if name not in _PASSED_BY)
        for name in sorted(names):
            if name.endswith(".py"):
                yield os.path.relpath(os.path.join(parent, name), draft.root).replace(os.sep, "/")  # noqa: PTH118 - names come from os.walk


def _literals(text: str) -> Iterator[Literal]:
    """Plain strings below the input root that are values: no docstrings, no f-strings, none joined to its neighbour."""
    tree = ast.parse(text)
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    lines = text.split("\n")
    for node in ast.walk(tree):
        if (
            not isinstance(node, ast.Constant)
            or not isinstance(node.value, str)
            or not node.value.startswith(_INPUT)
        ):
            continue
        if (
            id(node) in bare | parts
            or node.lineno != node.end_lineno
            or len(node.value.rstrip("/")) < len(_INPUT)
        ):
            continue
        encoded = lines[node.lineno - 1].encode("utf-8")
        start, end = (
            len(encoded[:column].decode("utf-8")) for column in (node.col_offset, node.end_col_offset or 0)
        )
        if _is_one(lines[node.lineno - 1][start:end]):
            yield Literal(node.lineno, start, end, node.value)


def _is_one(segment: str) -> bool:
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(segment).readline)]
    return kinds.count(tokenize.STRING) == 1


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


def _replaced(text: str, known: list[tuple[Literal, str]]) -> str:
    lines = text.split("\n")
    for literal, call in sorted(known, key=lambda one: (one[0].line, one[0].start), reverse=True):
        line = lines[literal.line - 1]
        lines[literal.line - 1] = line[: literal.start] + call + line[literal.end :]
    tree = ast.parse(text)
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
    raise AssertionError("a module without statements holds no literal")
