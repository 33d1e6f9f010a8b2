"""Repairs by whole files or lines: what later versions bring, and what git must ignore."""

from __future__ import annotations

import re
from pathlib import Path

from kaggle_workflow import git
from kaggle_workflow.edit import yaml_edit
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.settings import FILE as SETTINGS
from kaggle_workflow.workspace import CODES, DEPS

_IGNORE = ".gitignore"
_IMAGE = f"{DEPS}/image.txt"
_PYPROJECT = "pyproject.toml"
_TASKS = "tasks.py"
_SHIPPED = Path(__file__).parents[1]
# The tasks.py of a new workspace (template/tasks.py; a test compares).
_NEW_TASKS = _SHIPPED / "new-tasks.txt"
_CALL = "namespace = collection(__file__)"
_BESIDE = """


# The commands of the template, beside your own.
import sys

from kaggle_workflow.tasks import collection

namespace = collection(__file__, sys.modules[__name__])
"""
# Before the commands were a package, tasks.py belonged to the template, and the workspace's project named its folders.
_OLD_TASKS = "This file belongs to the template and is replaced by `copier update`"
_MOVED = (
    (r"workflow/requirements\.txt", "requirements.txt"),
    (r'(?m)^packages = \["kaggle_shim"\]$', "packages = []"),
    (r'(?m)^package-dir = \{ kaggle_shim = "shim/kaggle_shim" \}\n', ""),
    (r'extraPaths = \["shim", "codes"\]', 'extraPaths = ["codes"]'),
    (r", and `import kaggle_shim` in the editor\.", "."),
)
_MADE = {"build": "it is rebuilt on each push", "data": "a competition's data must not be published"}


def fix_files(draft: Draft) -> None:
    """Offer what is missing."""
    if (draft.root / DEPS).is_dir() and not (draft.root / _IMAGE).exists():
        image = (_SHIPPED / "default-image.txt").read_text(encoding="utf-8")
        sentence = "missing: it names the image of Kaggle that rehearsal follows."
        draft.edit("image-list", _IMAGE, image, sentence, reported=True)
    _ignored(draft)
    _pyproject(draft)
    _tasks(draft)
    _entry(draft)


def _ignored(draft: Draft) -> None:
    missing = [
        path.removesuffix("/x") for path in git.not_ignored(draft.root, [f"{name}/x" for name in _MADE])
    ]
    text = draft.text(_IGNORE) or ""
    if not missing or ((draft.root / _IGNORE).exists() and draft.text(_IGNORE) is None):
        return
    end = "\r\n" if "\r\n" in text else "\n"
    lead = text if not text or text.endswith("\n") else text + end
    why = "; ".join(f"git does not ignore {name}/, and {_MADE[name]}" for name in missing)
    draft.edit("not-ignored", _IGNORE, lead + "".join(f"/{name}{end}" for name in missing), f"{why}.")


def _pyproject(draft: Draft) -> None:
    text = draft.text(_PYPROJECT)
    if text is None:
        return
    if '"workflow/requirements.txt"' in text:
        for old, new in _MOVED:
            text = re.sub(old, new, text)
        sentence = (
            "it names workflow/requirements.txt, where an earlier version of the template had its commands."
        )
        draft.edit("old-layout", _PYPROJECT, text, sentence)
    elif '"requirements.txt"' not in text:
        sentence = "its dependencies don't include requirements.txt, so `uv run invoke` lacks packages. Start commands with `uv run --with-requirements requirements.txt invoke …`."
        draft.note("own-pyproject", _PYPROJECT, sentence)


def _tasks(draft: Draft) -> None:
    """Give a workspace without our commands a new file, or lines below the user's own tasks."""
    text = draft.text(_TASKS)
    if (draft.root / "tasks" / "__init__.py").is_file() or (text is not None and "kaggle_workflow" in text):
        return
    if text is None or _OLD_TASKS in text:
        made = _NEW_TASKS.read_text(encoding="utf-8")
        if (draft.root / "local_tasks.py").is_file() or (draft.root / "local_tasks").is_dir():
            made = made.replace(_CALL, f"import local_tasks  # noqa: E402\n\n{_CALL[:-1]}, local_tasks)")
        if text is None:
            draft.edit("no-tasks", _TASKS, made, "it is missing.")
        else:
            draft.edit("old-layout", _TASKS, made, "the commands are a package now, and tasks.py is yours.")
    elif re.search(r"(?m)^(ns|namespace)\s*=", text):
        sentence = "it lacks this template's commands. Add those of `kaggle_workflow.tasks.collection(__file__)` to your collection."
        draft.note("own-tasks", _TASKS, sentence)
    else:
        draft.edit("own-tasks", _TASKS, text.rstrip() + _BESIDE, "it lacks this template's commands.")


def _entry(draft: Draft) -> None:
    """The only script in codes/ is the entry point of settings that name none."""
    text = draft.text(SETTINGS) or ""
    scripts = [path.name for path in sorted((draft.root / CODES).glob("*.py")) if path.stem != "__init__"]
    if len(scripts) == 1 and not yaml_edit.has_value(text, "entry", SETTINGS):
        changed = yaml_edit.set_words(text, "entry", scripts, SETTINGS)
        sentence = f"no entry point is set, and {CODES}/ has one script."
        draft.edit("entry-point", SETTINGS, changed, sentence, reported=True)
