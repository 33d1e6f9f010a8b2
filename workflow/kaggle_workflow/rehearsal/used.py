"""Packages of Kaggle's image that a rehearsal needs: what the code imports, what its wheels demand, what imports itself when used."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from kaggle_shim import blend_file, local
from kaggle_shim.plan import Plan
from kaggle_shim.running import EVALUATION_PACKAGE
from kaggle_workflow import import_statements, reach
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object, write_text
from kaggle_workflow.images import catalogue, resolving
from kaggle_workflow.rehearsal import image
from kaggle_workflow.stage import requirement_lines, requirements
from kaggle_workflow.workspace import CODES, Notebook, Workspace

# Optional dependencies that a package imports when it is used, so that no import statement of the user's names them.
_ALONG = {
    "pandas": ("pyarrow",),
    "polars": ("numpy", "pyarrow"),
    "torch": ("numpy",),
    "lightgbm": ("pandas", "scikit-learn"),
    "xgboost": ("pandas", "scikit-learn"),
    "keras": ("tensorflow",),
}


def packages(
    workspace: Workspace,
    notebook: Notebook,
    entry: tuple[str, ...],
    kaggles: catalogue.Image,
    on_line: Callable[[str], None],
) -> frozenset[str]:
    """Find the packages of an image (normalised names) that a rehearsal of a notebook needs.

    Args:
        workspace: the workspace.
        notebook: the notebook to rehearse.
        entry: the entry point with its arguments.
        kaggles: Kaggle's image.
        on_line: takes a line of progress when the requirements have to be resolved.
    """
    found = {
        project
        for module, names in _imports(workspace, notebook, entry)
        if (project := kaggles.distribution_of(module, names)) is not None
    }
    found.update(_demanded(workspace, kaggles, on_line))
    settings = workspace.settings.of(notebook.name)
    if settings.submission_name.endswith(".parquet"):
        found.add("pyarrow")
    if workspace.settings.metric is not None:
        found.add("pandas")
    waiting = list(found)
    while waiting:
        more = [one for one in _ALONG.get(waiting.pop(), ()) if one not in found]
        found.update(more)
        waiting += more
    return frozenset(name for name in found if name in kaggles.versions)


def _imports(
    workspace: Workspace, notebook: Notebook, entry: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Module and names of each import that the rehearsal may run."""
    tree = workspace.root / CODES
    starts = [(entry, tree), *_members(tree / entry[0])]
    if workspace.settings.metric is not None:
        starts.append((("-m", workspace.settings.metric.partition(":")[0]), tree))
    for start, codes in starts:
        code = reach.reached(start, codes, workspace.build)
        yield from ((one.module, one.names) for _, one in code.imports)
        if code.not_followed:
            # Any module may be imported by name, or run by a command.
            for path in sorted(codes.rglob("*.py")):
                yield from ((one.module, one.names) for one in import_statements.read(path)[0])
    yield from _in_cells(notebook.source)
    slug = local.competition(workspace.root)
    if slug is not None:
        # The competition's own server and gateway run in the image too.
        package = local.data_folder(workspace.root) / "competitions" / slug / EVALUATION_PACKAGE
        for path in sorted(package.rglob("*.py")):
            yield from ((one.module, one.names) for one in import_statements.read(path)[0])


def _members(script: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Entry point and code tree of each member, where the entry point is that of a blend."""
    if blend_file.is_ours(script.with_name(blend_file.FILE)):
        for path in sorted(script.parent.glob(f"*/{blend_file.PLAN}")):
            yield Plan.loads(path.read_text(encoding="utf-8")).entry, path.parent / blend_file.CODES


def _in_cells(notebook: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The imports in a notebook's own cells; a cell that is no Python is skipped."""
    cells = read_object(notebook).get("cells")
    for cell in cells if isinstance(cells, list) else ():
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source")
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        # A command in a block, such as `if fresh:` before `!pip …`, leaves a statement in its place.
        plain = re.sub(r"(?m)^([ \t]*)[%!].*$", r"\1pass", text)
        tree = import_statements.parse(plain.encode("utf-8", "replace"))
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Import):
                yield from ((one.name, ()) for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module, tuple(one.name for one in node.names)


def _demanded(
    workspace: Workspace, kaggles: catalogue.Image, on_line: Callable[[str], None]
) -> Iterator[str]:
    """The image's packages that `deps/requirements.txt` names, and those that its wheels demand.

    The index is asked only when the requirements or the image changed.
    """
    held_in = workspace.build / "rehearsal-image" / "demanded.json"
    try:
        lines = (
            requirement_lines.read_lines(workspace.requirements) if workspace.requirements.is_file() else []
        )
        named = {line.name for line in lines if line.name is not None}
        yield from named
        if named <= kaggles.versions.keys() and not requirements.own_packages(workspace):
            return
        asked = requirements.read_asked(workspace, str(kaggles)).fingerprint
        key = image.digest([asked, dict(kaggles.versions)])
        held = read_object(held_in)
        if held.get("key") != key:
            resolved = resolving.resolve(workspace, on_line)
            held = {"key": key, "names": [name for name, _ in (resolved.satisfied if resolved else ())]}
            write_text(held_in, json.dumps(held) + "\n")
    except WorkflowError as error:
        # Resolved by this Python and this pip: the wheel notebook may still succeed with the image's.
        on_line(f"warning: it is unknown which packages of the image the requirements need: {error}")
        return
    yield from held["names"]
