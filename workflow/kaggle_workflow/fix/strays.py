"""Find metadata files, notebooks and code outside the known folders, until the first push."""

from __future__ import annotations

from pathlib import Path

from kaggle_workflow.fix import environment
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.workspace import CODES, DEPS

_LEDGER = "ledger.jsonl"
_SKIPPED = (CODES, "data", "build", "tests", "docs")
_SHOWN = 3
# The first line of the entry point that a new workspace starts with.
_STARTER = "Submit the competition's own sample submission"
_TOOLS = ("tasks.py", "setup.py", "conftest.py")


def note_strays(draft: Draft, notebooks: tuple[str, ...]) -> None:
    """Note metadata, notebooks and code outside the known folders."""
    about = draft.json(KERNEL_FILE)
    if about:
        file = about.get("code_file") or "its notebook"
        sentence = f"a notebook needs a folder of its own. Move this file and {file} into one, for example sub/, replacing what is there."
        draft.note("stray-metadata", KERNEL_FILE, sentence)
    if (draft.root / _LEDGER).exists():
        return
    for path in _too_deep(draft.root):
        sentence = "only folders at the top of the workspace are read. Move this folder up, beside sub/."
        draft.note("stray-metadata", path, sentence)
    environment.add_packages(draft)
    _starter(draft)
    outside = [] if about else _notebooks(draft.root)
    if outside:
        sentence = "it writes a submission and is in no notebook's folder. Replace sub/sub.ipynb with it, or move its code into codes/."
        draft.note("stray-notebook", _few(outside), sentence)
    for folder in _code(draft.root, notebooks):
        sentence = f"this folder is not uploaded. Move what the notebook runs into {CODES}/, for example with `git mv {folder} {CODES}/`."
        draft.note("stray-code", folder, sentence)


def _too_deep(root: Path) -> list[str]:
    """Metadata of notebooks and datasets that is too deep to be read."""
    found = [
        path.relative_to(root) for name in (KERNEL_FILE, DATASET_FILE) for path in root.glob(f"*/*/{name}")
    ]
    return sorted(
        path.as_posix()
        for path in found
        if path.parts[0] not in _SKIPPED and not path.parts[0].startswith(".")
    )


def _starter(draft: Draft) -> None:
    """The starter is still the entry point, though the folder has scripts or notebooks of its own."""
    starter = f"{CODES}/exp001.py"
    if _STARTER not in (draft.text(starter) or ""):
        return
    patterns = ("*.py", f"{CODES}/*.py", "*.ipynb", "*/*.ipynb")
    found = [path.relative_to(draft.root) for one in patterns for path in sorted(draft.root.glob(one))]
    own = [
        path.as_posix()
        for path in found
        if path.name not in _TOOLS
        and path.parts[0] not in (DEPS, "build", "data")
        and path.as_posix() != starter
        and (draft.root / path).is_file()
        and b"submission" in (draft.root / path).read_bytes()
        and not draft.contains(path.as_posix(), "kaggle_shim.run")
    ]
    if own:
        sentence = f"the entry point is still the starter, which submits the sample submission. Yours seems to be {_few(own)}: move it into {CODES}/ and name it in workspace.entry."
        draft.note("starter-entry", "invoke.yaml", sentence)


def _notebooks(root: Path) -> list[str]:
    """Notebooks that write a submission, beside tasks.py or in a folder without metadata."""
    return [
        path.relative_to(root).as_posix()
        for path in sorted([*root.glob("*.ipynb"), *root.glob("*/*.ipynb")])
        if path.is_file()
        and not (path.parent != root and (path.parent / KERNEL_FILE).exists())
        and path.relative_to(root).parts[0] not in (*_SKIPPED, DEPS)
        and b"submission." in path.read_bytes()
    ]


def _code(root: Path, notebooks: tuple[str, ...]) -> list[str]:
    """Folders with Python files, where codes/ still has one script."""
    if sum(1 for _ in (root / CODES).rglob("*.py")) > 1:
        return []
    return [
        path.name
        for path in sorted(root.iterdir())
        if path.is_dir()
        and path.name not in (*_SKIPPED, *notebooks)
        and not path.name.startswith(".")
        and not (path / "pyvenv.cfg").exists()
        and any(next(path.glob(pattern), None) for pattern in ("*.py", "*/*.py"))
    ]


def _few(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
