"""Offer the packages of a conda `environment.yml` for `deps/requirements.txt`, without those that Kaggle's image has."""

from __future__ import annotations

from pathlib import Path

from kaggle_shim.wheels import normalise
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.images import catalogue
from kaggle_workflow.stage.requirement_lines import Line
from kaggle_workflow.workspace import DEPS

_FILES = ("environment.yml", "environment.yaml")
_TARGET = f"{DEPS}/requirements.txt"
# Parts of conda itself, and the interpreter.
_NO_PACKAGES = frozenset(("python", "pip", "conda", "mamba", "cudatoolkit", "pytorch-cuda"))
# What conda calls differently from PyPI.
_PYPI = {"pytorch": "torch", "tensorflow-gpu": "tensorflow", "opencv": "opencv-python"}


def apply(draft: Draft) -> None:
    """Add the `pip:` lines that the image lacks to an empty requirements file, and name the conda packages that it lacks."""
    asked = draft.text(_TARGET) or ""
    if any(line.strip() and not line.strip().startswith("#") for line in asked.splitlines()):
        return
    name = next((name for name in _FILES if draft.text(name) is not None), None)
    if name is None:
        return
    conda, pip = read(draft.text(name) or "")
    try:
        image = catalogue.choose(draft.text(f"{DEPS}/image.txt") or "", "cpu")
    except WorkflowError:
        # An unusable image list: the check of imports names it.
        return
    wanted = [line for line in pip if _name(line) not in image.versions]
    lacking = [one for one in conda if _PYPI.get(one, one) not in image.versions]
    if wanted:
        end = "" if not asked or asked.endswith("\n") else "\n"
        text = asked + end + "".join(f"{line}\n" for line in wanted)
        draft.edit("environment-file", _TARGET, text, f"{name} lists packages that Kaggle's image lacks.")
    if lacking:
        draft.note(
            "environment-file",
            name,
            f"Kaggle's image lacks these conda packages, whose names may differ on PyPI: {', '.join(lacking)}. Add those that the "
            f"notebook needs to {_TARGET}.",
        )


def read(text: str) -> tuple[list[str], list[str]]:
    """The names of the conda packages and the lines for pip in an environment file, nothing for one that does not read."""
    from invoke.vendor import yaml

    try:
        value = yaml.safe_load(text)  # type: ignore[no-untyped-call]  # invoke's vendored parser has no types
    except yaml.YAMLError:
        return [], []
    listed = value.get("dependencies") if isinstance(value, dict) else None
    conda: list[str] = []
    pip: list[str] = []
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, str):
            name = normalise(
                one.rpartition("::")[2].partition("=")[0].partition(">")[0].partition("<")[0].strip()
            )
            conda += [name] if name and name not in _NO_PACKAGES and not name.startswith(("_", "lib")) else []
        elif isinstance(one, dict) and isinstance(one.get("pip"), list):
            pip += [line for line in one["pip"] if isinstance(line, str)]
    return conda, pip


def _name(line: str) -> str | None:
    return Line(Path(), 0, line).name
