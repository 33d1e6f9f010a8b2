"""Repairs of a notebook's metadata that its own folder decides: switches, the code file, what is attached."""

from __future__ import annotations

import json

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow import accelerators, pasted
from kaggle_workflow.fix.drafts import Draft, texts_in
from kaggle_workflow.metadata import DATASET_FILE, KERNEL_FILE
from kaggle_workflow.metadata_reading import SOURCES
from kaggle_workflow.stage import requirements
from kaggle_workflow.workspace import CODES, DEPS, SUB

_INIT = "Pick one of"


def fix_switches(draft: Draft, notebooks: tuple[str, ...]) -> None:
    """Repair what each notebook's metadata says about the notebook itself."""
    for name in notebooks:
        path = f"{name}/{KERNEL_FILE}"
        if draft.json(path):
            _pasted(draft, path)
            _code_file(draft, name, path)
            _kind(draft, path)
            _internet(draft, name, path)
            _accelerator(draft, path)


def attach_sources(draft: Draft, notebooks: tuple[str, ...], *, codes: bool) -> None:
    """Attach what a notebook needs and does not have; `codes`: whether the codes are uploaded as a dataset."""
    dataset = draft.json(f"{CODES}/{DATASET_FILE}").get("id") if codes else None
    for name in notebooks:
        if name != DEPS and code_file(draft, name):
            sentence = "the code dataset is not attached."
            _attach(
                draft, "codes-not-attached", f"{name}/{KERNEL_FILE}", "dataset_sources", dataset, sentence
            )
    if SUB not in notebooks or not code_file(draft, SUB):
        return
    path = f"{SUB}/{KERNEL_FILE}"
    asked = (draft.text(f"{DEPS}/{requirements.MAIN}") or "").splitlines()
    if DEPS in notebooks and any(line.strip() and not line.strip().startswith("#") for line in asked):
        deps = draft.json(f"{DEPS}/{KERNEL_FILE}").get("id")
        sentence = f"{DEPS}/{requirements.MAIN} asks for packages, and the deps notebook is not attached."
        _attach(draft, "deps-not-attached", path, "kernel_sources", deps, sentence)
    others = {
        slug
        for other in notebooks
        for slug in texts_in(draft.json(f"{other}/{KERNEL_FILE}").get("competition_sources"))
    }
    if not draft.json(path).get("competition_sources") and len(others) == 1:
        sentence = "no competition is attached, but another notebook here attaches one."
        _attach(draft, "no-competition", path, "competition_sources", others.pop(), sentence)


def code_file(draft: Draft, name: str) -> str:
    """The code file, "" where it is not a Python notebook."""
    about = draft.json(f"{name}/{KERNEL_FILE}")
    file = str(about.get("code_file") or "")
    is_notebook = (about.get("language"), about.get("kernel_type")) == ("python", "notebook")
    return file if is_notebook and file.endswith(".ipynb") else ""


def convert_pulled_form(draft: Draft) -> None:
    """Convert a dataset's metadata from the form in which `kaggle datasets metadata` downloads it."""
    path = f"{CODES}/{DATASET_FILE}"
    info = draft.json(path).get("info")
    if isinstance(info, dict):
        owner, slug = info.get("ownerUser"), info.get("datasetSlug")
        names = ("title", "subtitle", "description", "keywords", "licenses")
        value = {"title": slug, "id": f"{owner}/{slug}", **{key: info[key] for key in names if info.get(key)}}
        sentence = "this is the form in which `kaggle datasets metadata` downloads it."
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        draft.edit("pulled-form", path, text, sentence, reported=True)


def _code_file(draft: Draft, name: str, path: str) -> None:
    file = str(draft.json(path).get("code_file") or "")
    there = sorted(one.name for one in (draft.root / name).glob("*.ipynb"))
    if len(there) == 1 and not (file and (draft.root / name / file).is_file()):
        sentence = f"code_file {file!r} does not exist; {there[0]} is the only notebook here."
        draft.set_value("code-file", path, "code_file", there[0], sentence)


def _pasted(draft: Draft, path: str) -> None:
    """Replace a pasted address by the reference it means; one that is listed already is removed."""
    for key, kind in SOURCES.items():
        for value in texts_in(draft.json(path).get(key)):
            wanted = pasted.as_reference(kind, value)
            if wanted is None or _is_reference(kind, value):
                continue
            sentence = f"{key} has {value}, which means {wanted}."
            there = texts_in(draft.json(path)[key])
            if wanted in there:
                rest = [one for one in there if one != value]
                draft.set_value("source-name", path, key, rest, sentence)
            else:
                draft.set_item("source-name", path, key, value, wanted, sentence)


def _is_reference(kind: str, text: str) -> bool:
    try:
        refs.parse(kind, text)
    except RefError:
        return False
    return True


def _kind(draft: Draft, path: str) -> None:
    """What `kaggle kernels init` leaves to be chosen, chosen by the code file."""
    about = draft.json(path)
    if str(about.get("code_file") or "").endswith(".ipynb"):
        for key, value in (("language", "python"), ("kernel_type", "notebook")):
            if str(about.get(key) or _INIT).startswith(_INIT):
                sentence = f"{key} is not set; the code file is a notebook."
                draft.set_value("metadata-value", path, key, value, sentence)


def _internet(draft: Draft, name: str, path: str) -> None:
    about = draft.json(path)
    missing = "enable_internet" not in about
    on = str(about.get("enable_internet", True)).lower() == "true"
    if name == DEPS and (missing or not on):
        sentence = "the deps notebook downloads wheels, so it needs the internet."
        draft.set_value("deps-offline", path, "enable_internet", True, sentence)
    elif name == SUB and about.get("competition_sources") and (missing or on):
        why = "missing, which the official client takes as true" if missing else "true"
        sentence = f"enable_internet is {why}. Code competitions don't accept such a notebook."
        draft.set_value("internet-on", path, "enable_internet", False, sentence)


def _accelerator(draft: Draft, path: str) -> None:
    shape = draft.json(path).get("machine_shape")
    if isinstance(shape, str) and shape in accelerators.SUCCESSORS:
        sentence = f"Kaggle retired the accelerator {shape}."
        draft.set_value("machine-shape", path, "machine_shape", accelerators.SUCCESSORS[shape], sentence)


def _attach(draft: Draft, name: str, path: str, key: str, ref: object, sentence: str) -> None:
    values = draft.json(path).get(key, [])
    if not isinstance(ref, str) or not isinstance(values, list):
        return
    if not any(str(value) == ref or str(value).startswith(f"{ref}/") for value in values):
        draft.set_item(name, path, key, None, ref, sentence)
