"""What the uploaded Python files say that Kaggle will not bear out: files that stay here, and downloads where there is no internet."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kaggle_workflow.findings import WARNING, Finding
from kaggle_workflow.stage.tree import Tree

# Larger than any module: generated data.
_LARGEST = 1 << 20
# kagglehub's calls that download; its own names, from its documentation and its source (1.0.3).
_DOWNLOADS = {
    "competition_download": "kaggle_shim.find()",
    "dataset_download": 'kaggle_shim.find("owner/slug")',
    "dataset_load": 'a reader such as pandas.read_csv on a file below kaggle_shim.find("owner/slug")',
    "load_dataset": 'a reader such as pandas.read_csv on a file below kaggle_shim.find("owner/slug")',
    "model_download": 'kaggle_shim.find("owner/model/framework/variation")',
    "notebook_output_download": 'kaggle_shim.find("owner/slug")',
}


_CAUGHT = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))


@dataclass(frozen=True)
class Import:
    """An import statement's module that has to be found when the code runs.

    Attributes:
        module: dotted name, with leading dots where it is relative; `from a import b` gives `a`.
        names: what is imported from it.
        line: of the statement.
        optional: an `except ImportError` stands around it.
        unless: it is imported only where one of these is missing.
    """

    module: str
    names: tuple[str, ...]
    line: int
    optional: bool = False
    unless: tuple[str, ...] = ()


class _Module(ast.NodeVisitor):
    """A module's imports and texts with their lines, its calls of kagglehub's downloads, and those that import by name."""

    def __init__(self) -> None:
        self.needed: list[Import] = []
        self.by_name: list[int] = []
        self._typing = self._optional = False
        self._unless: tuple[str, ...] = ()
        self.imports: dict[str, int] = {}
        self.texts: dict[str, int] = {}
        self.downloads: list[tuple[str, int]] = []
        self._hub = {"kagglehub"}
        self._functions: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self.imports.setdefault(one.name, node.lineno)
            self._need(one.name, (), node.lineno)
            if one.name == "kagglehub" and one.asname:
                self._hub.add(one.asname)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        dotted = "." * node.level + (node.module or "")
        self._need(dotted, tuple(one.name for one in node.names), node.lineno)
        for one in node.names if node.module else ():
            self.imports.setdefault(str(node.module), node.lineno)
            self.imports.setdefault(f"{node.module}.{one.name}", node.lineno)
            if node.module == "kagglehub":
                self._functions[one.asname or one.name] = one.name

    def _need(self, module: str, names: tuple[str, ...], line: int) -> None:
        if not self._typing:
            self.needed.append(Import(module, names, line, self._optional, self._unless))

    def visit_If(self, node: ast.If) -> None:
        before = self._typing
        self._typing = before or _last_name(node.test) == "TYPE_CHECKING"
        for part in node.body:
            self.visit(part)
        self._typing = before
        self.visit(node.test)
        for other in node.orelse:
            self.visit(other)

    def visit_Try(self, node: ast.Try) -> None:
        if not any(_catches_import(handler) for handler in node.handlers):
            self.generic_visit(node)
            return
        before, start = (self._optional, self._unless), len(self.needed)
        self._optional = True
        for part in node.body:
            self.visit(part)
        tried = tuple(one.module for one in self.needed[start:])
        self._optional, self._unless = before[0], tried
        for handler in node.handlers:
            self.visit(handler)
        self._optional, self._unless = before
        for part in (*node.orelse, *node.finalbody):
            self.visit(part)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.texts.setdefault(node.value, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        function, name = node.func, ""
        if _last_name(function) in ("import_module", "__import__"):
            self.by_name.append(node.lineno)
        if isinstance(function, ast.Name):
            name = self._functions.get(function.id, "")
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.attr if function.value.id in self._hub else ""
        if name in _DOWNLOADS:
            self.downloads.append((name, node.lineno))
        self.generic_visit(node)


def findings_of(tree: Tree, prefix: str) -> Iterator[Finding]:
    """Warnings about the uploaded Python files.

    Args:
        tree: what is uploaded, and what ignore files keep back.
        prefix: in front of the paths of the findings, such as `codes/`.
    """
    for file in tree.files:
        if not file.path.endswith(".py") or file.size > _LARGEST:
            continue
        wants_all = bool(tree.left_out)
        module = _read(str(file.source), file.mtime_ns, wants_all)
        for name, line in module.downloads:
            sentence = (
                f"kagglehub.{name} needs the internet, which a submission run has not: it hangs or fails there. Attach the source "
                f"to the notebook and write {_DOWNLOADS[name]}, which is safe here and on Kaggle."
            )
            yield Finding(WARNING, "online-call", prefix + file.path, sentence, line)
        for kept in tree.left_out:
            where = _needs(module, kept)
            if where is not None:
                sentence = (
                    f"it uses {prefix}{kept}, which the upload leaves out because an ignore file names it: add `!{prefix}{kept}` to "
                    ".gitignore (or .kaggleignore), or push it as a dataset."
                )
                yield Finding(WARNING, "left-out", prefix + file.path, sentence, where)


def _last_name(node: ast.expr) -> str:
    """`c` of `a.b.c` and of `c`; "" for what is no name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _catches_import(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _CAUGHT) for kind in kinds)


def imports_of(path: Path) -> tuple[tuple[Import, ...], tuple[int, ...]]:
    """The imports of a Python file, and the lines that import by name; none of what is no Python of this version."""
    module = _read(str(path), path.stat().st_mtime_ns, wants_all=True)
    return tuple(module.needed), tuple(module.by_name)


@lru_cache(maxsize=4096)
def _read(path: str, _changed: int, wants_all: bool) -> _Module:
    """Read a module; an empty one for what is no Python of this version."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return _Module()
    if not wants_all and b"kagglehub" not in content:
        return _Module()
    try:
        with warnings.catch_warnings():
            # An odd escape in the user's code is not this check's business.
            warnings.simplefilter("ignore")
            found = _Module()
            found.visit(ast.parse(content))
    except (SyntaxError, ValueError, RecursionError):
        return _Module()
    return found


def _needs(module: _Module, kept: str) -> int | None:
    """The line in which a module imports or names a file or folder that stays here, None where it does not."""
    path = kept.rstrip("/")
    name = path.rpartition("/")[2]
    if kept.endswith("/") or name.endswith(".py"):
        dotted = path.removesuffix(".py").replace("/", ".")
        for imported, line in module.imports.items():
            if imported == dotted or imported.startswith(f"{dotted}."):
                return line
    for text, line in module.texts.items():
        if text in (name, path) or text.endswith(f"/{name}") or text.startswith(f"{path}/"):
            return line
    return None
