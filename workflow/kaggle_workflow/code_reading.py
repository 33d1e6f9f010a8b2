"""Find what fails on Kaggle in the uploaded Python files: files that aren't uploaded, and downloads without internet access."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kaggle_workflow.findings import WARNING, Finding
from kaggle_workflow.import_statements import parse
from kaggle_workflow.stage.tree import Tree

# Larger files are generated data.
_LARGEST = 1 << 20
# kagglehub's functions that download, from its documentation and source (1.0.3).
_DOWNLOADS = {
    "competition_download": "kaggle_shim.find()",
    "dataset_download": 'kaggle_shim.find("owner/slug")',
    "dataset_load": 'a reader such as pandas.read_csv on a file below kaggle_shim.find("owner/slug")',
    "load_dataset": 'a reader such as pandas.read_csv on a file below kaggle_shim.find("owner/slug")',
    "model_download": 'kaggle_shim.find("owner/model/framework/variation")',
    "notebook_output_download": 'kaggle_shim.find("owner/slug")',
}


class _Module(ast.NodeVisitor):
    """The imports and string constants of a module with their lines, and its calls of kagglehub's downloads."""

    def __init__(self) -> None:
        self.imports: dict[str, int] = {}
        self.texts: dict[str, int] = {}
        self.downloads: list[tuple[str, int]] = []
        self._hub = {"kagglehub"}
        self._functions: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self.imports.setdefault(one.name, node.lineno)
            if one.name == "kagglehub" and one.asname:
                self._hub.add(one.asname)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for one in node.names if node.module else ():
            self.imports.setdefault(str(node.module), node.lineno)
            self.imports.setdefault(f"{node.module}.{one.name}", node.lineno)
            if node.module == "kagglehub":
                self._functions[one.asname or one.name] = one.name

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.texts.setdefault(node.value, node.lineno)

    def visit_Call(self, node: ast.Call) -> None:
        function, name = node.func, ""
        if isinstance(function, ast.Name):
            name = self._functions.get(function.id, "")
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.attr if function.value.id in self._hub else ""
        if name in _DOWNLOADS:
            self.downloads.append((name, node.lineno))
        self.generic_visit(node)


def findings_of(tree: Tree, prefix: str) -> Iterator[Finding]:
    """Warn about the uploaded Python files.

    Args:
        tree: what is uploaded, and what ignore files keep out of the upload.
        prefix: in front of the paths of the findings, such as `codes/`.
    """
    for file in tree.files:
        if not file.path.endswith(".py") or file.size > _LARGEST:
            continue
        try:
            content = file.source.read_bytes()
        except OSError:
            continue
        left_out = [kept for kept in tree.left_out if _is_named(kept, content)]
        if not left_out and b"kagglehub" not in content:
            continue
        module = _read(content)
        for name, line in module.downloads:
            sentence = (
                f"kagglehub.{name} needs internet access, and a submission run has none: it hangs or fails there. Attach the source "
                f"to the notebook and use {_DOWNLOADS[name]}, which works here and on Kaggle."
            )
            yield Finding(WARNING, "online-call", prefix + file.path, sentence, line)
        for kept in left_out:
            where = _needs(module, kept)
            if where is not None:
                sentence = (
                    f"it uses {prefix}{kept}, which an ignore file keeps out of the upload: add `!{prefix}{kept}` to "
                    ".gitignore (or .kaggleignore), or push it as a dataset."
                )
                yield Finding(WARNING, "left-out", prefix + file.path, sentence, where)


def _is_named(kept: str, content: bytes) -> bool:
    """Whether a module can name a file or folder that isn't uploaded: parsing every module takes a second for 1,000."""
    name = kept.rstrip("/").rpartition("/")[2].removesuffix(".py")
    # A source file in another encoding spells other characters differently.
    return not name.isascii() or name.encode() in content


def _read(content: bytes) -> _Module:
    """Read a module; an empty one if this Python can't parse it."""
    found, tree = _Module(), parse(content)
    try:
        if tree is not None:
            found.visit(tree)
    except RecursionError:
        return _Module()
    return found


def _needs(module: _Module, kept: str) -> int | None:
    """The line in which a module imports or names a file or folder that isn't uploaded, None if it doesn't."""
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
