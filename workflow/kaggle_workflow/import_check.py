"""Whether the code finds its imports in Kaggle's image, and what `deps/requirements.txt` asks for without need."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement

from kaggle_shim.image import is_protected
from kaggle_shim.wheels import normalise
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import ERROR, WARNING, Finding
from kaggle_workflow.images import Image, catalogue, from_kaggle
from kaggle_workflow.reach import reached
from kaggle_workflow.stage import requirements
from kaggle_workflow.stage.requirement_lines import Line
from kaggle_workflow.workspace import CODES, DEPS, Notebook, Workspace

# Modules of Kaggle's own, in the image or in the competition's data.
_KAGGLES = frozenset(
    ("kaggle_shim", "kaggle_evaluation", "kaggle_secrets", "kaggle_gcp", "kaggle_web_client")
)
# Removed from the standard library, by the Python that lacks them first (its "What's New" pages).
_REMOVED = {
    (3, 12): ("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    (3, 13): (
        "aifc",
        "audioop",
        "cgi",
        "cgitb",
        "chunk",
        "crypt",
        "imghdr",
        "lib2to3",
        "mailcap",
        "msilib",
        "nis",
        "nntplib",
        "ossaudiodev",
        "pipes",
        "sndhdr",
        "spwd",
        "sunau",
        "telnetlib",
        "uu",
        "xdrlib",
    ),
}


def findings_of(workspace: Workspace, notebook: Notebook) -> Iterator[Finding]:
    """Warnings about the imports of a notebook's entry point and about needless requirements."""
    try:
        image = from_kaggle.image_of(workspace, notebook.name)
    except WorkflowError as error:
        yield Finding(
            ERROR, "image-list", f"{DEPS}/image.txt", str(error).removeprefix(f"{DEPS}/image.txt: ")
        )
        return
    words = workspace.settings.of(notebook.name)
    code = reached((*words.entry, *words.args), workspace.root / CODES, workspace.build)
    has = {**image.imports, **_collected(workspace)}
    told: set[str] = set()
    for file, one in code.imports:
        tried_first = one.unless and all(_missing(module, (), has, image) is None for module in one.unless)
        top = None if one.optional or tried_first else _missing(one.module, one.names, has, image)
        if top is None or top in told:
            continue
        told.add(top)
        yield Finding(WARNING, "import", f"{CODES}/{file}", _sentence(top, image), one.line)
    if code.not_followed:
        places = ", ".join(code.not_followed[:5]) + (" …" if len(code.not_followed) > 5 else "")  # noqa: PLR2004 - a line's worth
        sentence = (
            f"imports are not followed through {places}: only a rehearsal shows whether they are found."
        )
        yield Finding(WARNING, "imports-not-followed", CODES, sentence)
    yield from _needless(workspace, image)


def _missing(module: str, names: tuple[str, ...], has: Mapping[str, str], image: Image) -> str | None:
    """What to call an import that is found nowhere, None where it is found."""
    top = module.partition(".")[0]
    if top in has or top in _KAGGLES:
        return None
    parts = [name for name in has if name.startswith(f"{top}.")]
    if not parts:
        standard = top in sys.stdlib_module_names and top not in _removed(image)
        return None if standard else top
    if any(f"{module}.".startswith(f"{part}.") for part in parts):
        return None
    # A namespace package: `from google.cloud import storage` names the distribution's part in its second half.
    wanted = [f"{module}.{name}" for name in names] or [module]
    return next((one for one in wanted if not _is_part(one, parts)), None)


def _is_part(module: str, parts: list[str]) -> bool:
    return any(f"{module}.".startswith(f"{part}.") or part.startswith(f"{module}.") for part in parts)


def _removed(image: Image) -> frozenset[str]:
    major, minor = (int(part) for part in image.python.split(".")[:2])
    return frozenset(name for since, names in _REMOVED.items() if (major, minor) >= since for name in names)


def _sentence(module: str, image: Image) -> str:
    if module in _removed(image):
        return f"{module} is not in the standard library of Python {image.python}, which image {image} has: replace it."
    project = catalogue.distribution_of(module)
    named = (
        f"add {project} to {DEPS}/requirements.txt"
        if project
        else f"add what provides it to {DEPS}/requirements.txt"
    )
    return f"import {module} is found nowhere: not in image {image}, {DEPS}/, {CODES}/ or the standard library; {named}."


def _collected(workspace: Workspace) -> dict[str, str]:
    """Import names of what the deps notebook collects: the requirements, and the user's own wheels."""
    asked = {wanted.name: "" for _, _, wanted in _requirements(workspace)}
    found: dict[str, str] = catalogue.imports_of({normalise(name): "" for name in asked})
    for path in requirements.own_packages(workspace):
        project = normalise(path.name.split("-")[0])
        found.update(catalogue.imports_of({project: ""}))
        if path.suffix == ".whl":
            try:
                with zipfile.ZipFile(path) as wheel:
                    tops = {name.partition("/")[0].partition(".")[0] for name in wheel.namelist()}
            except (OSError, zipfile.BadZipFile):
                continue
            found.update(dict.fromkeys((top for top in tops if top.isidentifier()), project))
    return found


def _requirements(workspace: Workspace) -> Iterator[tuple[str, int, Requirement]]:
    try:
        files = requirements.files_of(workspace)
    except WorkflowError:
        return
    for name, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            wanted = Line(Path(name), number, line.partition(" #")[0]).requirement
            if wanted is not None:
                yield name, number, wanted


def _needless(workspace: Workspace, image: Image) -> Iterator[Finding]:
    """What the requirements ask for though the image has it, at that version or at another."""
    for file, number, wanted in _requirements(workspace):
        name = normalise(wanted.name)
        version = image.versions.get(name)
        if not version or wanted.extras or wanted.url or wanted.marker:
            continue
        if wanted.specifier.contains(version.partition("+")[0], prereleases=True):
            sentence = f"image {image} has {name} {version}: nothing needed, remove the line."
            yield Finding(WARNING, "not-needed", f"{DEPS}/{file}", sentence, number)
        else:
            what = (
                f"{name} is protected, so collecting it is refused without --allow {name}: ask for {version}"
                if is_protected(name)
                else "the install replaces it for your code, and other packages of the image may need it as it was"
            )
            sentence = f"image {image} has {name} {version}, and {wanted} asks for another: {what}."
            yield Finding(WARNING, "changes-image", f"{DEPS}/{file}", sentence, number)
