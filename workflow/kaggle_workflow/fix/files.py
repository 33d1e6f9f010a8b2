"""Repairs by whole files or lines: what later versions bring, and what git must not take in."""

from __future__ import annotations

from pathlib import Path

from kaggle_workflow import git
from kaggle_workflow.edit import yaml_edit
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.settings import FILE as SETTINGS
from kaggle_workflow.workspace import CODES, DEPS

_IGNORE = ".gitignore"
_IMAGE = f"{DEPS}/image.txt"
_PYPROJECT = "pyproject.toml"
_MADE = {"build": "what is sent is made anew each time", "data": "a competition's data can't be given away"}


def apply(draft: Draft) -> None:
    """Offer what is missing."""
    _image(draft)
    _ignored(draft)
    _pyproject(draft)
    _entry(draft)


def _image(draft: Draft) -> None:
    default = Path(__file__).parents[1] / "default-image.txt"
    if (draft.root / DEPS).is_dir() and not (draft.root / _IMAGE).exists():
        draft.edit(
            "image-list",
            _IMAGE,
            default.read_text(encoding="utf-8"),
            "the list of what Kaggle's image has is missing.",
            told=True,
        )


def _ignored(draft: Draft) -> None:
    missing = [name for name in _MADE if git.tracks(draft.root, f"{name}/x")]
    text = draft.text(_IGNORE) or ""
    if not missing or ((draft.root / _IGNORE).exists() and draft.text(_IGNORE) is None):
        return
    end = "\r\n" if "\r\n" in text else "\n"
    lead = text if not text or text.endswith("\n") else text + end
    why = "; ".join(f"git does not ignore {name}/, and {_MADE[name]}" for name in missing)
    draft.edit("not-ignored", _IGNORE, lead + "".join(f"/{name}{end}" for name in missing), f"{why}.")


def _pyproject(draft: Draft) -> None:
    text = draft.text(_PYPROJECT)
    if text is not None and "workflow/requirements.txt" not in text:
        draft.note(
            "own-pyproject",
            _PYPROJECT,
            "it does not name workflow/requirements.txt, so `uv run invoke` alone lacks packages: start commands with `uv run --with-requirements workflow/requirements.txt invoke …`.",
        )


def _entry(draft: Draft) -> None:
    """A script that is alone in codes/ is the entry point of settings that name none."""
    text = draft.text(SETTINGS) or ""
    scripts = [path.name for path in sorted((draft.root / CODES).glob("*.py")) if path.stem != "__init__"]
    if len(scripts) == 1 and not yaml_edit.has_value(text, "entry", SETTINGS):
        changed = yaml_edit.set_words(text, "entry", scripts, SETTINGS)
        sentence = f"no entry point is set, and {CODES}/ has one script."
        draft.edit("entry-point", SETTINGS, changed, sentence, told=True)
