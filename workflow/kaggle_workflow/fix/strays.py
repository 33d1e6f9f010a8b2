"""What lies where nothing looks for it: notes for somebody who moves in, until the first push."""

from __future__ import annotations

from pathlib import Path

from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.workspace import CODES

_METADATA = "kernel-metadata.json"
_LEDGER = "ledger.jsonl"
_NEITHER = (CODES, "data", "build", "tests", "docs")
_SHOWN = 3


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


def _notebooks(root: Path) -> list[str]:
    """Notebooks beside tasks.py that write a submission."""
    return [
        path.name
        for path in sorted(root.glob("*.ipynb"))
        if path.is_file() and b"submission." in path.read_bytes()
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
