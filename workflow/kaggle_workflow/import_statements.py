"""The import statements of a Python file: which modules must be found when it runs."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_CAUGHT = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))
_BY_NAME = frozenset(("import_module", "__import__"))
# `if sys.version_info >= (3, 11):`, `if sys.platform == "win32":`: the other branch may be the one that runs.
_CONDITIONS = frozenset(("version_info", "platform"))
# A top-level function or class. A line that starts this way can't be inside another statement, only inside a string.
_DEFINITION = re.compile(rb"^(?=(?:def|class|async def)\b)", re.MULTILINE)
_WORD = re.compile(rb"import(?:_module|__)?\b")


class Import(NamedTuple):
    """A module that must be found when the code runs.

    Attributes:
        module: dotted name, with leading dots if relative; `from a import b` gives `a`.
        names: what is imported from it.
        line: line of the statement.
        optional: the code also works without it: it is inside `try` with `except ImportError`, or depends on the Python version.
        unless: modules, tried first; it is imported only if one of them is missing.
    """

    module: str
    names: tuple[str, ...]
    line: int
    optional: bool = False
    unless: tuple[str, ...] = ()


def read(path: Path) -> tuple[tuple[Import, ...], tuple[int, ...]]:
    """Return the imports of a Python file, and the lines that import a module by name (`importlib.import_module`).

    Both are empty for a file that can't be read or parsed. Top-level functions and classes without imports aren't parsed.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return (), ()
    tree = parse(_shortened(content)) or parse(content) if _WORD.search(content) else None
    if tree is None:
        return (), ()
    found: list[Import] = []
    with suppress(RecursionError):
        _collect(tree.body, found)
    calls = ast.walk(tree) if any(name.encode() in content for name in _BY_NAME) else ()
    by_name = (
        node.lineno for node in calls if isinstance(node, ast.Call) and last_name(node.func) in _BY_NAME
    )
    return tuple(found), tuple(by_name)


def parse(content: bytes) -> ast.Module | None:
    """Parse a Python file; None if this Python can't."""
    try:
        with warnings.catch_warnings():
            # Invalid escapes in the user's code are not reported here.
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def last_name(node: ast.expr) -> str:
    """`c` for `a.b.c` and for `c`, "" for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _shortened(content: bytes) -> bytes:
    """Empty the top-level functions and classes without the word `import`, keeping the lines.

    Parsing takes most of the time, and few functions import anything. Returns `content` if a string may contain a line that
    looks like a definition.
    """
    parts = _DEFINITION.split(content)
    if any(part.count(quotes) % 2 for part in parts for quotes in (b'"""', b"'''")):
        return content
    kept = (part if _WORD.search(part) else b"class _: 0" + b"\n" * part.count(b"\n") for part in parts[1:])
    return b"".join((parts[0], *kept))


def _collect(
    statements: Iterable[ast.AST], found: list[Import], optional: bool = False, unless: tuple[str, ...] = ()
) -> None:
    """Append the imports of statements and of the blocks in them to `found`."""
    for node in statements:
        if isinstance(node, ast.Import):
            found += (Import(one.name, (), node.lineno, optional, unless) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names = tuple(one.name for one in node.names)
            found.append(Import(module, names, node.lineno, optional, unless))
        elif isinstance(node, ast.If):
            either = optional or any(
                last_name(part) in _CONDITIONS for part in ast.walk(node.test) if isinstance(part, ast.expr)
            )
            if last_name(node.test) != "TYPE_CHECKING":
                _collect(node.body, found, either, unless)
            _collect(node.orelse, found, either, unless)
        elif isinstance(node, ast.Try) and any(_catches_import_error(one.type) for one in node.handlers):
            start = len(found)
            _collect(node.body, found, True, unless)
            tried = tuple(one.module for one in found[start:])
            _collect(node.handlers, found, optional, tried)
            _collect((*node.orelse, *node.finalbody), found, optional, unless)
        elif isinstance(node, ast.With):
            _collect(
                node.body,
                found,
                optional or any(_suppresses(item.context_expr) for item in node.items),
                unless,
            )
        else:
            _collect(_blocks(node), found, optional, unless)


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    """The statements, handlers and cases directly below a statement."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        yield from getattr(node, field, ())


def _suppresses(node: ast.expr) -> bool:
    """Whether it is `contextlib.suppress(ImportError)`."""
    return (
        isinstance(node, ast.Call)
        and last_name(node.func) == "suppress"
        and any(map(_catches_import_error, node.args))
    )


def _catches_import_error(kind: ast.expr | None) -> bool:
    """Whether an `except` with this expression catches an import that fails."""
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or (isinstance(one, ast.Name) and one.id in _CAUGHT) for one in kinds)
