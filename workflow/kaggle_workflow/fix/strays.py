"""Find metadata files, notebooks and code outside the known folders, until the first push."""

from __future__ import annotations

from pathlib import Path

from kaggle_workflow.fix import environment
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.metadata import DATASET_FILE
from kaggle_workflow.workspace import CODES, DEPS

_METADATA = "kernel-metadata.json"
_LEDGER = "ledger.jsonl"
_NEITHER = (CODES, "data", "build", "tests", "docs")
_SHOWN = 3
# The first line of the entry point that a new workspace starts with.
_STARTER = "Submit the competition's own sample submission"
_TOOLS = ("tasks.py", "setup.py", "conftest.py")


def apply(draft: Draft, notebooks: tuple[str, ...]) -> None:
    """Note metadata, notebooks and code outside the folders that are looked at."""
    about = draft.json(_METADATA)
    if about is not None:
        file = about.get("code_file") or "its notebook"
        draft.note(
            "stray-metadata",
            _METADATA,
            f"a notebook is a folder: move this file and {file} into one, such as sub/ (in place of what lies there).",
        )
    if (draft.root / _LEDGER).exists():
        return
    for path in _deeper(draft.root):
        sentence = "only folders right in the workspace are read: move this one up, beside sub/."
        draft.note("stray-metadata", path, sentence)
    environment.apply(draft)
    _starter(draft)
    outside = [] if about is not None else _notebooks(draft.root)
    if outside:
        draft.note(
            "stray-notebook",
            _few(outside),
            "it writes a submission and lies in no notebook's folder: put it in the place of sub/sub.ipynb, or what it does into codes/.",
        )
    for folder in _code(draft.root, notebooks):
        draft.note(
            "stray-code",
            folder,
            f"what lies here is no part of what is sent: move what the notebook runs into {CODES}/, such as by `git mv {folder} {CODES}/`.",
        )


def _deeper(root: Path) -> list[str]:
    """Metadata of notebooks and datasets that lie too deep to be read."""
    found = [path for name in (_METADATA, DATASET_FILE) for path in root.glob(f"*/*/{name}")]
    return sorted(
        path.relative_to(root).as_posix()
        for path in found
        if path.relative_to(root).parts[0] not in _NEITHER
        and not path.relative_to(root).parts[0].startswith(".")
    )


def _starter(draft: Draft) -> None:
    """The starter is still the entry point, though the folder has scripts or notebooks of its own."""
    if _STARTER not in (draft.text(f"{CODES}/exp001.py") or ""):
        return
    own = [
        path.relative_to(draft.root).as_posix()
        for pattern in ("*.py", f"{CODES}/*.py", "*.ipynb", "*/*.ipynb")
        for path in sorted(draft.root.glob(pattern))
        if path.name not in _TOOLS
        and path.relative_to(draft.root).parts[0] not in (DEPS, "build", "data")
        and path.is_file()
        and b"submission" in path.read_bytes()
        and not draft.holds(path.relative_to(draft.root).as_posix(), "kaggle_shim.run")
    ]
    own = [path for path in own if path != f"{CODES}/exp001.py"]
    if own:
        draft.note(
            "starter-entry",
            "invoke.yaml",
            f"the entry point is still the starter, which submits the sample submission; yours seems to be {_few(own)}: move it into {CODES}/ and name it in workspace.entry.",
        )


def _notebooks(root: Path) -> list[str]:
    """Notebooks that write a submission, beside tasks.py or in a folder without metadata."""
    return [
        path.relative_to(root).as_posix()
        for path in sorted([*root.glob("*.ipynb"), *root.glob("*/*.ipynb")])
        if path.is_file()
        and not (path.parent != root and (path.parent / _METADATA).exists())
        and path.relative_to(root).parts[0] not in (*_NEITHER, DEPS)
        and b"submission." in path.read_bytes()
    ]


def _code(root: Path, notebooks: tuple[str, ...]) -> list[str]:
    """Folders with Python files, where codes/ still holds one script."""
    if sum(1 for _ in (root / CODES).rglob("*.py")) > 1:
        return []
    return [
        path.name
        for path in sorted(root.iterdir())
        if path.is_dir()
        and path.name not in (*_NEITHER, *notebooks)
        and not path.name.startswith(".")
        and not (path / "pyvenv.cfg").exists()
        and any(next(path.glob(pattern), None) for pattern in ("*.py", "*/*.py"))
    ]


def _few(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
