"""Kaggle's own metadata files, read the way the official client reads them, and every fault in them that can be found offline."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaggle_shim import refs
from kaggle_shim.errors import RefError
from kaggle_workflow import accelerators, names
from kaggle_workflow.findings import ERROR, Finding
from kaggle_workflow.metadata_reading import SOURCES, Reader

KERNEL_FILE = "kernel-metadata.json"
DATASET_FILE = "dataset-metadata.json"


_BOOLEANS = {"is_private": True, "enable_gpu": False, "enable_tpu": False, "enable_internet": True}
_TEXTS = (
    *("id", "title", "code_file", "language", "kernel_type"),
    *("machine_shape", "docker_image", "docker_image_pinning_type"),
)
_KNOWN = {*SOURCES, *_BOOLEANS, *_TEXTS, "id_no", "keywords"}
_UNKNOWN_NAMED = 20
_PINNING = ("original", "latest")


@dataclass(frozen=True)
class KernelMetadata:
    """What a `kernel-metadata.json` says.

    Attributes:
        id: the notebook itself.
        title: its title; Kaggle makes the slug of it.
        code_file: file name of the notebook in its folder.
        is_private, enable_gpu, enable_tpu, enable_internet: as the client reads them (a missing internet means True there).
        machine_shape: the accelerator, "" for none.
        sources: what is attached, in the file's order.
        raw: the whole object, for keys that only the official client needs.
    """

    id: refs.NotebookRef
    title: str
    code_file: str
    is_private: bool
    enable_gpu: bool
    enable_tpu: bool
    enable_internet: bool
    machine_shape: str
    sources: tuple[refs.Ref, ...]
    raw: Mapping[str, Any] = field(compare=False)

    @property
    def competition(self) -> str | None:
        """Slug of the first attached competition."""
        return next((ref.slug for ref in self.sources if isinstance(ref, refs.CompetitionRef)), None)

    @property
    def accelerator(self) -> str | None:
        """`gpu`, `tpu` or None."""
        if self.enable_tpu or self.machine_shape.startswith("Tpu"):
            return "tpu"
        return "gpu" if self.enable_gpu or self.machine_shape.startswith("Nvidia") else None


@dataclass(frozen=True)
class DatasetMetadata:
    """What a `dataset-metadata.json` says."""

    id: refs.DatasetRef
    title: str
    raw: Mapping[str, Any] = field(compare=False)


_PULLED_FORM = "this is the form in which `kaggle datasets metadata` downloads metadata. Run `invoke check --fix` to convert it for an upload."


def read_kernel(path: Path, root: Path) -> tuple[KernelMetadata | None, tuple[Finding, ...]]:
    """Read a notebook's metadata.

    Args:
        path: the `kernel-metadata.json`.
        root: the workspace, for the findings' paths.

    Returns:
        What it says (None when it can't be used) and everything to say about it.
    """
    read = Reader(path, root)
    if read.findings:
        return None, tuple(read.findings)
    other = _other_kind(read.raw)
    if other is not None:
        # One sentence is enough: the rest of such a file is of no concern here.
        report = read.error if path.parent.name in ("sub", "deps") else read.warn
        report("metadata-value", *other)
        return None, tuple(read.findings)
    _template_words(read)
    ident, title, code_file = read.text("id"), read.text("title"), read.text("code_file")
    _fixed_value(read, "language", ("python",), "only Python notebooks are run by this workflow")
    _fixed_value(read, "kernel_type", ("notebook",), "only notebooks are run by this workflow")
    flags = {key: read.boolean(key, default) for key, default in _BOOLEANS.items()}
    if "enable_internet" not in read.raw:
        read.warn(
            "internet-missing",
            "id",
            "enable_internet is missing, which the official client takes as true. Set it to true or false.",
        )
    sources = tuple(read.sources())
    shape = _machine_shape(read, gpu=flags["enable_gpu"], tpu=flags["enable_tpu"])
    _unknown_keys(read)
    notebook = _notebook_id(read, ident, title)
    _code_file(read, code_file)
    _docker(read)
    if any(finding.level == ERROR for finding in read.findings) or notebook is None:
        return None, tuple(read.findings)
    return KernelMetadata(
        notebook, title, code_file, machine_shape=shape, sources=sources, raw=read.raw, **flags
    ), tuple(read.findings)


def read_dataset(path: Path, root: Path) -> tuple[DatasetMetadata | None, tuple[Finding, ...]]:
    """Read a dataset's metadata; like `read_kernel`."""
    read = Reader(path, root)
    if read.findings:
        return None, tuple(read.findings)
    if isinstance(read.raw.get("info"), dict):
        read.error("pulled-form", "info", _PULLED_FORM)
        return None, tuple(read.findings)
    _template_words(read)
    ident, title = read.text("id"), read.text("title")
    ref: refs.DatasetRef | None = None
    try:
        ref = refs.DatasetRef.parse(ident)
    except RefError as error:
        read.error("id", "id", f"id: {error}")
    if ref is not None:
        _placeholder(read, ref.owner)
        problem = names.slug_problem(ref.slug)
        if problem is not None:
            read.error("slug", "id", f"the id {ident} {problem}")
        _length(read, "id", ref.slug, names.DATASET_TITLE)
    _length(read, "title", title, names.DATASET_TITLE)
    licences = read.raw.get("licenses")
    if (
        not isinstance(licences, list)
        or len(licences) != 1
        or not isinstance(licences[0], dict)
        or "name" not in licences[0]
    ):
        read.error("licence", "licenses", 'licenses must have one entry, for example [{"name": "CC0-1.0"}].')
    if ref is None or any(finding.level == ERROR for finding in read.findings):
        return None, tuple(read.findings)
    return DatasetMetadata(ref, title, read.raw), tuple(read.findings)


def _notebook_id(read: Reader, ident: str, title: str) -> refs.NotebookRef | None:
    if not ident or not title:
        return None
    try:
        ref = refs.NotebookRef.parse(ident)
    except RefError as error:
        read.error("id", "id", f"id: {error}")
        return None
    if ref.version is not None:
        read.error("id", "id", f"the id {ident} ends in a version. Remove it: a notebook's own id has none.")
    _placeholder(read, ref.owner)
    if _length(read, "title", title, names.NOTEBOOK_TITLE) and names.slugify(title) != ref.slug.lower():
        sentence = f"the title {title!r} makes the slug {names.slugify(title)!r}, but the id says {ref.slug!r}. Make them equal: Kaggle may use either."
        read.error("title-slug", "title", sentence)
    return ref


def _length(read: Reader, key: str, text: str, allowed: range) -> bool:
    if len(text) not in allowed:
        sentence = (
            f"the {key} {text!r} has {len(text)} characters. Kaggle takes {allowed[0]} to {allowed[-1]}."
        )
        read.error(f"{key}-length", key, sentence)
    return len(text) in allowed


def _template_words(read: Reader) -> None:
    """What `kaggle datasets init` and `kaggle kernels init` leave to be filled in."""
    for key, value in read.raw.items():
        if isinstance(value, str) and (left := names.TEMPLATE_WORDS.search(value)):
            read.error("template-words", key, f"{key} still has {left[0]}: replace it.")


def _placeholder(read: Reader, owner: str) -> None:
    if owner in names.PLACEHOLDERS:
        read.warn("username", "id", f"{owner} is a placeholder. Replace it with your Kaggle username.")


def _code_file(read: Reader, code_file: str) -> None:
    if not code_file:
        return
    if "/" in code_file or "\\" in code_file or code_file in (".", ".."):
        read.error("code-file", "code_file", f"code_file is {code_file!r}. It must be a file in this folder.")
    elif not code_file.endswith(".ipynb"):
        read.error("code-file", "code_file", f"code_file is {code_file!r}. It must be a notebook (.ipynb).")
    elif not (read.path.parent / code_file).is_file():
        there = ", ".join(sorted(p.name for p in read.path.parent.glob("*.ipynb"))) or "no notebook"
        read.error("code-file", "code_file", f"code_file {code_file} does not exist. The folder has {there}.")


def _other_kind(raw: Mapping[str, Any]) -> tuple[str, str] | None:
    """Key and sentence for what is not a Python notebook; None for a notebook, and for unknown values."""
    language, kind, file = str(raw.get("language")).lower(), raw.get("kernel_type"), raw.get("code_file")
    if language in ("r", "rmarkdown", "julia", "sqlite"):
        return (
            "language",
            f"language is {raw['language']!r}, and this workflow runs Python only. Push this folder with the official client, `kaggle kernels push`.",
        )
    if kind == "script":
        return (
            "kernel_type",
            f"kernel_type is script, and this workflow runs notebooks only. Move {file} into codes/, name it in workspace.entry, and use a notebook that calls kaggle_shim.run().",
        )
    return None


def _fixed_value(read: Reader, key: str, allowed: tuple[str, ...], why: str) -> None:
    value = read.raw.get(key)
    if value not in allowed:
        read.error("metadata-value", key, f"{key} is {value!r}, but {why}. Set it to {allowed[0]}.")


def _machine_shape(read: Reader, *, gpu: bool, tpu: bool) -> str:
    """The accelerator's name, "" for none; warns about one that is not known, or that the two switches contradict."""
    shape = read.raw.get("machine_shape")
    # `kaggle kernels pull -m` writes the text "None".
    if shape in (None, "") or str(shape).lower() == "none":
        shape = ""
    if not isinstance(shape, str):
        read.error("metadata-value", "machine_shape", f"machine_shape must be a string, not {shape!r}.")
        return ""
    advice = accelerators.shape_advice(shape) if shape else None
    if advice is not None:
        read.warn("machine-shape", "machine_shape", advice)
    contradiction = accelerators.contradiction(shape, gpu=gpu, tpu=tpu)
    if contradiction is not None:
        read.warn("accelerator", "machine_shape" if shape else "enable_gpu", contradiction)
    return shape


def _docker(read: Reader) -> None:
    pinning = read.raw.get("docker_image_pinning_type")
    if pinning is not None and pinning not in _PINNING:
        read.error(
            "metadata-value",
            "docker_image_pinning_type",
            f"docker_image_pinning_type is {pinning!r}. Set it to original or latest.",
        )


def _unknown_keys(read: Reader) -> None:
    unknown = [key for key in read.raw if key not in _KNOWN]
    for key in unknown[:_UNKNOWN_NAMED]:
        close = difflib.get_close_matches(key, _KNOWN, n=1)
        meant = f"Did you mean {close[0]}?" if close else "Kaggle's client ignores it."
        read.warn("metadata-key", key, f"{key} is not a key of a notebook's metadata. {meant}")
    if len(unknown) > _UNKNOWN_NAMED:
        more = f"{len(unknown) - _UNKNOWN_NAMED} more keys are not keys of a notebook's metadata."
        read.warn("metadata-key", unknown[_UNKNOWN_NAMED], more)
