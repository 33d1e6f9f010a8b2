"""Repairs of a notebook's metadata that its own folder decides: switches, the code file, what is attached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow import accelerators, pasted
from kaggle_workflow.edit import json_edit
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.metadata_reading import SOURCES
from kaggle_workflow.stage import requirements
from kaggle_workflow.workspace import CODES, DEPS, SUB

_INIT = "Pick one of"


def switches(draft: Draft, notebooks: tuple[str, ...]) -> None:
    """Repair what each notebook's metadata says about the notebook itself."""
    for name in notebooks:
        path = f"{name}/{KERNEL_FILE}"
        if draft.json(path) is None:
            continue
        _pasted(draft, path)
        _code_file(draft, name, path)
        _kind(draft, path)
        _internet(draft, name, path)
        _accelerator(draft, path)


def sources(draft: Draft, notebooks: tuple[str, ...], *, codes: bool) -> None:
    """Attach what a notebook needs and does not have; `codes` says whether the codes travel as a dataset."""
    for name in notebooks:
        if name != DEPS and code_file(draft, name):
            _attach(draft, notebooks, name, f"{name}/{KERNEL_FILE}", codes=codes)


def _about(draft: Draft, path: str) -> Mapping[str, Any]:
    return draft.json(path) or {}


def code_file(draft: Draft, name: str) -> str:
    """The code file, "" where it is no Python notebook."""
    about = _about(draft, f"{name}/{KERNEL_FILE}")
    file = str(about.get("code_file") or "")
    return (
        file
        if file.endswith(".ipynb")
        and about.get("language") == "python"
        and about.get("kernel_type") == "notebook"
        else ""
    )


def _set(draft: Draft, name: str, path: str, key: str, value: object, sentence: str) -> None:
    draft.edit(name, path, json_edit.set_value(draft.text(path) or "", key, value), sentence, told=True)


def _code_file(draft: Draft, name: str, path: str) -> None:
    file = str(_about(draft, path).get("code_file") or "")
    if file and (draft.root / name / file).is_file():
        return
    there = sorted(one.name for one in (draft.root / name).glob("*.ipynb"))
    if len(there) == 1:
        _set(
            draft,
            "code-file",
            path,
            "code_file",
            there[0],
            f"code_file {file!r} does not exist; {there[0]} is the one notebook here.",
        )


def _pasted(draft: Draft, path: str) -> None:
    """Write what a pasted address means in its place; one that is listed already goes."""
    for key, kind in SOURCES.items():
        listed = _about(draft, path).get(key)
        for value in listed if isinstance(listed, list) else []:
            wanted = pasted.meant(kind, value) if isinstance(value, str) else None
            if wanted is None or _reads(kind, value):
                continue
            there = _about(draft, path)[key]
            if wanted in there:
                text = json_edit.set_value(
                    draft.text(path) or "", key, [one for one in there if one != value]
                )
            else:
                text = json_edit.set_item(draft.text(path) or "", key, value, wanted)
            draft.edit("source-name", path, text, f"{key} holds {value}, which means {wanted}.", told=True)


def _reads(kind: str, text: str) -> bool:
    try:
        refs.parse(kind, text)
    except RefError:
        return False
    return True


def pulled_form(draft: Draft) -> None:
    """Convert a dataset's metadata from the form in which `kaggle datasets metadata` downloads it."""
    path = f"{CODES}/{DATASET_FILE}"
    info = _about(draft, path).get("info")
    if not isinstance(info, dict):
        return
    owner, slug = info.get("ownerUser"), info.get("datasetSlug")
    kept = {
        key: info[key]
        for key in ("title", "subtitle", "description", "keywords", "licenses")
        if info.get(key)
    }
    value = {"title": slug, "id": f"{owner}/{slug}", **kept}
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    draft.edit(
        "pulled-form",
        path,
        text,
        "this is the form in which `kaggle datasets metadata` downloads it.",
        told=True,
    )


def _kind(draft: Draft, path: str) -> None:
    """What `kaggle kernels init` leaves to be chosen, chosen by the code file."""
    about = _about(draft, path)
    if not str(about.get("code_file") or "").endswith(".ipynb"):
        return
    for key, value in (("language", "python"), ("kernel_type", "notebook")):
        if str(about.get(key) or _INIT).startswith(_INIT):
            _set(
                draft,
                "metadata-value",
                path,
                key,
                value,
                f"{key} was never chosen; the code file is a notebook.",
            )


def _internet(draft: Draft, name: str, path: str) -> None:
    about = _about(draft, path)
    missing = "enable_internet" not in about
    on = str(about.get("enable_internet", True)).lower() == "true"
    if name == DEPS:
        if missing or not on:
            _set(
                draft,
                "deps-offline",
                path,
                "enable_internet",
                True,
                "the deps notebook downloads wheels: it needs the internet.",
            )
    elif name == SUB and about.get("competition_sources") and (missing or on):
        why = (
            "enable_internet is missing, which the official client takes as true"
            if missing
            else "enable_internet is true"
        )
        _set(
            draft, "internet-on", path, "enable_internet", False, f"{why}, and code competitions refuse that."
        )


def _accelerator(draft: Draft, path: str) -> None:
    shape = _about(draft, path).get("machine_shape")
    if isinstance(shape, str) and shape in accelerators.SUCCESSORS:
        _set(
            draft,
            "machine-shape",
            path,
            "machine_shape",
            accelerators.SUCCESSORS[shape],
            f"the accelerator {shape} is retired.",
        )


def _attach(draft: Draft, notebooks: tuple[str, ...], name: str, path: str, *, codes: bool) -> None:
    about = _about(draft, path)
    dataset = _about(draft, f"{CODES}/{DATASET_FILE}").get("id")
    if codes and isinstance(dataset, str) and not _holds(about, "dataset_sources", dataset):
        _add(
            draft, "codes-not-attached", path, "dataset_sources", dataset, "the code dataset is not attached."
        )
    deps = _about(draft, f"{DEPS}/{KERNEL_FILE}").get("id") if DEPS in notebooks else None
    if name == SUB and isinstance(deps, str) and _asks(draft) and not _holds(about, "kernel_sources", deps):
        _add(
            draft,
            "deps-not-attached",
            path,
            "kernel_sources",
            deps,
            f"{DEPS}/{requirements.MAIN} asks for packages, and the deps notebook is not attached.",
        )
    others = {
        str(slug)
        for other in notebooks
        for slugs in [_about(draft, f"{other}/{KERNEL_FILE}").get("competition_sources")]
        for slug in (slugs if isinstance(slugs, list) else ())
    }
    if name == SUB and not about.get("competition_sources") and len(others) == 1:
        _add(
            draft,
            "no-competition",
            path,
            "competition_sources",
            others.pop(),
            "no competition is attached; another notebook here names it.",
        )


def _holds(about: Mapping[str, Any], key: str, name: str) -> bool:
    values = about.get(key, [])
    return not isinstance(values, list) or any(
        str(value) == name or str(value).startswith(f"{name}/") for value in values
    )


def _add(draft: Draft, name: str, path: str, key: str, value: str, sentence: str) -> None:
    if not isinstance(_about(draft, path).get(key, []), list):
        return
    draft.edit(name, path, json_edit.set_item(draft.text(path) or "", key, None, value), sentence, told=True)


def _asks(draft: Draft) -> bool:
    text = draft.text(f"{DEPS}/{requirements.MAIN}") or ""
    return any(line.strip() and not line.strip().startswith("#") for line in text.splitlines())
