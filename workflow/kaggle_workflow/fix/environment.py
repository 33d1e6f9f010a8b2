"""Offer the packages of a conda `environment.yml` for `deps/requirements.txt`, without those that Kaggle's image has."""

from __future__ import annotations

import re
from pathlib import Path

from kaggle_shim.wheels import normalise
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.fix.drafts import Draft, texts_in
from kaggle_workflow.images import catalogue
from kaggle_workflow.stage.requirement_lines import Line, lines_of
from kaggle_workflow.workspace import DEPS

_FILES = ("environment.yml", "environment.yaml")
_TARGET = f"{DEPS}/requirements.txt"
# Parts of conda itself, and the interpreter.
_NO_PACKAGES = frozenset(("python", "pip", "conda", "mamba", "cudatoolkit", "pytorch-cuda"))
# What conda calls differently from PyPI.
_PYPI = {"pytorch": "torch", "tensorflow-gpu": "tensorflow", "opencv": "opencv-python"}


def add_packages(draft: Draft) -> None:
    """Add the `pip:` lines that the image lacks to an empty requirements file, and name the conda packages that it lacks."""
    asked = draft.text(_TARGET) or ""
    name = next((name for name in _FILES if draft.text(name) is not None), None)
    if name is None or lines_of(Path(_TARGET), asked):
        return
    conda, pip = read_environment(draft.text(name) or "")
    try:
        has = catalogue.choose(draft.text(f"{DEPS}/image.txt") or "", "cpu").versions
    except WorkflowError:
        # An unusable image list: the check of imports names it.
        return
    wanted = [line for line in pip if Line(Path(), 0, line).name not in has]
    lacking = [one for one in conda if _PYPI.get(one, one) not in has]
    if wanted:
        end = "" if not asked or asked.endswith("\n") else "\n"
        text = asked + end + "".join(f"{line}\n" for line in wanted)
        draft.edit("environment-file", _TARGET, text, f"{name} lists packages that Kaggle's image lacks.")
    if lacking:
        sentence = (
            f"Kaggle's image lacks these conda packages, whose names may differ on PyPI: {', '.join(lacking)}. Add those that "
            f"the notebook needs to {_TARGET}."
        )
        draft.note("environment-file", name, sentence)


def read_environment(text: str) -> tuple[list[str], list[str]]:
    """The names of the conda packages and the lines for pip in an environment file, none when it can't be read."""
    from invoke.vendor import yaml

    try:
        value = yaml.safe_load(text)  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types
    except yaml.YAMLError:
        return [], []
    listed = value.get("dependencies") if isinstance(value, dict) else None
    entries = listed if isinstance(listed, list) else []
    names = (normalise(re.split(r"[=<>! ]", one.rpartition("::")[2])[0]) for one in texts_in(entries))
    pip = [line for one in entries if isinstance(one, dict) for line in texts_in(one.get("pip"))]
    return [n for n in names if n and n not in _NO_PACKAGES and not n.startswith(("_", "lib"))], pip
