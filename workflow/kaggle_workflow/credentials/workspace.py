"""Credentials in the parts of a workspace: its codes, its notebooks, its requirements, its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaggle_shim.manifest import CODES_MANIFEST
from kaggle_shim.plan import Plan
from kaggle_workflow.credentials import baseline
from kaggle_workflow.credentials import scan as secrets_scan
from kaggle_workflow.credentials.scan import Scanner
from kaggle_workflow.credentials.search import Hit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import ERROR, WARNING, Finding, relative
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.settings import FILE as SETTINGS
from kaggle_workflow.stage import compose, requirements, tree
from kaggle_workflow.workspace import CODES, DEPS, Notebook, Workspace

_NAMED = 5


def scanner(workspace: Workspace) -> Scanner:
    """Return the scanner of a workspace."""
    return Scanner(workspace.root, workspace.build / "known")


def allow(workspace: Workspace, place: str) -> tuple[Hit, ...]:
    """List in the baseline what was found at a place: it is no credential.

    Args:
        workspace: the workspace.
        place: as in a finding: `codes/net.py:3` or `sub/sub.ipynb:cell 2:1`; of any file that was pushed, not only of those
            that `invoke check` searches.

    Raises:
        WorkflowError: nothing is found there, or the baseline is damaged.
    """
    look = Scanner(workspace.root)
    listed = tree.read(workspace.root / CODES, workspace.root, (DATASET_FILE, CODES_MANIFEST))
    of_codes(workspace, listed, look)
    for name in workspace.notebook_names():
        notebook = workspace.notebook(name)
        of_sent_notebook(workspace, notebook, compose.read_source(notebook.source).node, None, look)
    shown = place.rpartition(":")[0]
    path = workspace.root / shown
    if place not in look.places and path.is_file():
        look.files("", [(shown, path)])
    found = look.places.get(place, [])
    if not found:
        known = ", ".join(sorted(look.places)[:_NAMED]) or "none is found anywhere"
        raise WorkflowError(
            f"No credential is found at {place!r}: copy the place from the output of `invoke check` ({known})."
        )
    for named in dict.fromkeys(name for name, _ in found):
        baseline.add(workspace.root, named, (hit for name, hit in found if name == named))
    return tuple(dict.fromkeys(hit for _, hit in found))


def of_folder(
    workspace: Workspace,
    folder: Path,
    files: Iterable[tree.SourceFile],
    scope: str,
    look: Scanner | None = None,
) -> tuple[Finding, ...]:
    """What is found in the files of an upload, its metadata included; `look` in place of the workspace's own scanner."""
    shown = relative(folder, workspace.root)
    pairs = [(f"{shown}/{file.path}", file.source) for file in files]
    if (folder / DATASET_FILE).is_file():
        pairs.append((f"{shown}/{DATASET_FILE}", folder / DATASET_FILE))
    return (look or scanner(workspace)).files(scope, pairs)


def of_sent_notebook(
    workspace: Workspace, notebook: Notebook, node: Any, plan: Plan | None, look: Scanner | None = None
) -> tuple[Finding, ...]:
    """What is found in a notebook as it is sent: its cells, their metadata, its own, and the plan in it."""
    look = look or scanner(workspace)
    shown = f"{notebook.name}/{notebook.metadata.code_file}"
    found = list(_of_settings(workspace, look)) + list(
        _of_requirements(workspace, look) if notebook.collects else ()
    )
    found += look.files(
        f"notebook-{notebook.name}", [(f"{notebook.name}/{KERNEL_FILE}", notebook.folder / KERNEL_FILE)]
    )
    parts = [(shown, "metadata of the notebook", json.dumps(node["metadata"], indent=1, ensure_ascii=False))]
    for number, cell in enumerate(node["cells"], 1):
        parts.append((shown, f"cell {number}", cell["source"]))
        parts += (
            (shown, f"{key} of cell {number}", json.dumps(cell[key], indent=1, ensure_ascii=False))
            for key in ("metadata", "attachments")
            if cell.get(key)
        )
    found += look.texts(f"cells-{notebook.name}", parts)
    if plan is not None:
        told = [" ".join(plan.entry), *(f"{name}={value}" for name, value in plan.environment)]
        texts = look.texts(f"plan-{notebook.name}", [(SETTINGS, "the plan", "\n".join(told))])
        found += (one for one in texts if one.level == ERROR)
    return tuple(found)


def of_notebook(workspace: Workspace, notebook: Notebook, node: Any) -> tuple[Finding, ...]:
    """What is found in a notebook: an error in what is sent, a warning in the outputs, which stay here and in git."""
    sent = of_sent_notebook(workspace, notebook, node, None)
    shown = f"{notebook.name}/{notebook.metadata.code_file}"
    in_file = scanner(workspace).files(f"file-{notebook.name}", [(shown, notebook.source)])
    if any(one.name == "secret" and one.path == shown for one in sent):
        return sent
    kept = "it is in an output, which is not sent, but git keeps it: clear the outputs before you commit."
    return (
        *sent,
        *(
            replace(
                one,
                level=WARNING,
                name="secret-in-output",
                sentence=f"{one.sentence.partition(' would be sent')[0]}: {kept}",
            )
            for one in in_file
            if one.level == ERROR
        ),
    )


def of_message(workspace: Workspace, message: str, *, given: bool) -> None:
    """Raise WorkflowError for a credential in what a version or a submission is called; `given` on the command line, or a commit's subject."""
    what = "--message" if given else "--message, which is the subject of the commit when none is given"
    secrets_scan.refuse(one for one in scanner(workspace).text(what, message) if one.level == ERROR)


def of_model(workspace: Workspace, folder: Path, paths: Iterable[str], scope: str) -> tuple[Finding, ...]:
    """What is found in the files of a model."""
    shown = relative(folder, workspace.root)
    return scanner(workspace).files(scope, ((f"{shown}/{path}", folder / path) for path in paths))


def _of_settings(workspace: Workspace, look: Scanner) -> tuple[Finding, ...]:
    """Entry point and arguments travel in the plan."""
    path = workspace.root / SETTINGS
    return look.files("settings", [(SETTINGS, path)]) if path.is_file() else ()


def _of_requirements(workspace: Workspace, look: Scanner) -> Iterator[Finding]:
    try:
        names = [name for name, text in requirements.files_of(workspace) if text]
    except WorkflowError:
        return
    yield from look.files(
        "requirements", [(f"{DEPS}/{name}", workspace.root / DEPS / name) for name in names]
    )


def of_codes(workspace: Workspace, listed: tree.Tree, look: Scanner | None = None) -> tuple[Finding, ...]:
    """What is found in the code tree."""
    return of_folder(workspace, workspace.root / CODES, listed.files, CODES, look)
