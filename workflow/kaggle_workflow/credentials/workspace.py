"""Credentials in the parts of a workspace: its folders, its notebooks, its settings, the messages it sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaggle_shim.plan import Plan
from kaggle_workflow.credentials import baseline
from kaggle_workflow.credentials.scan import Scanner, refuse
from kaggle_workflow.credentials.search import Hit
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object
from kaggle_workflow.findings import ERROR, WARNING, Finding, relative
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.settings import FILE as SETTINGS
from kaggle_workflow.workspace import Notebook, Workspace


def search_files(
    workspace: Workspace, folder: Path, files: Iterable[tuple[str, Path]], scope: str
) -> tuple[Finding, ...]:
    """Search the files of an upload, each given as its path below `folder` and where it is, and the metadata of a dataset."""
    shown = relative(folder, workspace.root)
    pairs = [(f"{shown}/{path}", source) for path, source in files]
    if (folder / DATASET_FILE).is_file():
        pairs.append((f"{shown}/{DATASET_FILE}", folder / DATASET_FILE))
    return _scanner(workspace).files(scope, pairs)


def search_sent_notebook(
    workspace: Workspace, notebook: Notebook, node: Any, plan: Plan | None
) -> tuple[Finding, ...]:
    """Search a notebook as it is sent: its metadata, its cells, the settings, and the plan in it."""
    scanner = _scanner(workspace)
    settings = workspace.root / SETTINGS
    found = [*scanner.files("settings", [(SETTINGS, settings)])] if settings.is_file() else []
    found += scanner.files(
        f"notebook-{notebook.name}", [(f"{notebook.name}/{KERNEL_FILE}", notebook.folder / KERNEL_FILE)]
    )
    found += scanner.texts(f"cells-{notebook.name}", _parts(_shown(notebook), node))
    if plan is not None:
        told = [" ".join(plan.entry), *(f"{name}={value}" for name, value in plan.environment)]
        found += scanner.texts(f"plan-{notebook.name}", [(SETTINGS, "the plan", "\n".join(told))])
    return tuple(found)


def search_notebook(workspace: Workspace, notebook: Notebook, node: Any) -> tuple[Finding, ...]:
    """Search a notebook: an error in what is sent, a warning in the outputs, which stay here and in git."""
    sent = search_sent_notebook(workspace, notebook, node, None)
    shown = _shown(notebook)
    if any(one.name == "secret" and one.path == shown for one in sent):
        return sent
    kept = (
        "is in an output. Outputs are not uploaded, but git keeps them: clear the outputs before you commit."
    )
    return (
        *sent,
        *(
            replace(
                one,
                level=WARNING,
                name="secret-in-output",
                sentence=f"{one.sentence.partition(' would be uploaded')[0]} {kept}",
            )
            for one in _scanner(workspace).files(f"file-{notebook.name}", [(shown, notebook.source)])
            if one.level == ERROR
        ),
    )


def refuse_in_message(workspace: Workspace, message: str, *, given: bool) -> None:
    """Raise WorkflowError for a credential in the message of a version or a submission; `given` on the command line, or a commit's subject."""
    what = "--message" if given else "--message, which is the subject of the commit when none is given"
    refuse(
        replace(one, line=1, sentence=one.sentence.partition("line 1: ")[2])
        for one in Scanner(workspace.root).texts("", [(what, "message", message)])
    )


def allow(workspace: Workspace, place: str) -> tuple[Hit, ...]:
    """List in the baseline what was found at a place: it is not a credential.

    Args:
        workspace: the workspace.
        place: as in a finding: `codes/net.py:3` or `sub/sub.ipynb:cell 2:1`; of any file, not only of those that
            `invoke check` searches.

    Raises:
        WorkflowError: nothing is found there, or the baseline is damaged.
    """
    scanner = Scanner(workspace.root)
    shown = place.rpartition(":")[0]
    notebook = shown.rpartition(":")[0]
    if (workspace.root / shown).is_file():
        scanner.files("", [(shown, workspace.root / shown)])
    elif notebook:
        scanner.texts("", _parts(notebook, read_object(workspace.root / notebook)))
    found = scanner.places.get(place, [])
    if not found:
        raise WorkflowError(
            f"No credential is found at {place!r}. Copy the place from the output of `invoke check`."
        )
    for named in dict.fromkeys(name for name, _ in found):
        baseline.add(workspace.root, named, (hit for name, hit in found if name == named))
    return tuple(dict.fromkeys(hit for _, hit in found))


def _scanner(workspace: Workspace) -> Scanner:
    return Scanner(workspace.root, workspace.build / "known")


def _shown(notebook: Notebook) -> str:
    return f"{notebook.name}/{notebook.metadata.code_file}"


def _parts(shown: str, node: Any) -> Iterator[tuple[str, str, str]]:
    """The texts of a notebook: its file, the place in there, the text."""
    yield shown, "metadata of the notebook", _as_text(node.get("metadata"))
    for number, cell in enumerate(node.get("cells", ()), 1):
        yield shown, f"cell {number}", "".join(cell["source"])
        for key in ("metadata", "attachments"):
            if cell.get(key):
                yield shown, f"{key} of cell {number}", _as_text(cell[key])


def _as_text(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
