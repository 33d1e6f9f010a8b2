"""Check that Kaggle's image has what the code imports, and that `deps/requirements.txt` asks only for what is needed."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
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

# Modules that Kaggle provides, outside any distribution or in the competition's data.
_KAGGLES = frozenset(
    ("kaggle_shim", "kaggle_evaluation", "kaggle_secrets", "kaggle_gcp", "kaggle_web_client")
)
# Removed from the standard library, by the first Python without them (its "What's New" pages).
_REMOVED = {
    (3, 12): ["asynchat", "asyncore", "distutils", "imp", "smtpd"],
    (3, 13): [
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
    ],
}
# Added to the standard library.
_ADDED = {(3, 14): ("annotationlib", "compression")}
_SHOWN = 5


def findings_of(workspace: Workspace, notebook: Notebook) -> Iterator[Finding]:
    """Warn about modules that a notebook's entry point imports and Kaggle won't find, and about needless requirements."""
    try:
        image = from_kaggle.image_of(workspace, notebook.name)
    except WorkflowError as error:
        sentence = str(error).removeprefix(f"{DEPS}/image.txt: ")
        yield Finding(ERROR, "image-list", f"{DEPS}/image.txt", sentence)
        return
    words = workspace.settings.of(notebook.name)
    code = reached((*words.entry, *words.args), workspace.root / CODES, workspace.build)
    modules = _Modules(image, {*image.imports, *_collected(workspace)})
    reported: set[str] = set()
    for file, one in code.imports:
        if one.optional or (one.unless and all(modules.missing(module) is None for module in one.unless)):
            continue
        missing = modules.missing(one.module, one.names)
        if missing is not None and missing not in reported:
            reported.add(missing)
            yield Finding(WARNING, "import", f"{CODES}/{file}", modules.sentence(missing), one.line)
    if code.not_followed:
        places = ", ".join(code.not_followed[:_SHOWN]) + (" …" if len(code.not_followed) > _SHOWN else "")
        sentence = (
            f"imports can't be followed through {places}: run `invoke rehearse` to see whether they work."
        )
        yield Finding(WARNING, "imports-not-followed", CODES, sentence)
    yield from _needless(workspace, image)


class _Modules:
    """The modules that code finds in an image, with what the wheel notebook collects."""

    def __init__(self, image: Image, provided: Iterable[str]) -> None:
        """Take the image and the import names that are not in the standard library, dotted for parts of namespace packages."""
        python = tuple(int(part) for part in image.python.split(".")[:2])
        self._image = image
        self._removed = {
            name: since for since, names in _REMOVED.items() if python >= since for name in names
        }
        ever = sys.stdlib_module_names.union(*_REMOVED.values())
        later = (name for since, names in _ADDED.items() if python < since for name in names)
        self._whole = {*provided, *_KAGGLES, *ever.difference(self._removed, later)}
        self._parts: dict[str, list[str]] = {}
        for name in provided:
            if "." in name:
                self._parts.setdefault(name.partition(".")[0], []).append(name)

    def missing(self, module: str, names: tuple[str, ...] = ()) -> str | None:
        """The module of `from MODULE import NAMES` that isn't found, None if all are."""
        top = module.partition(".")[0]
        if top in self._whole:
            return None
        parts = self._parts.get(top)
        if parts is None:
            return top
        if any(_is_in(module, part) for part in parts):
            return None
        # `from google.cloud import storage`: the distribution's part of the namespace is in the second half.
        wanted = [f"{module}.{name}" for name in names] or [module]
        return next(
            (one for one in wanted if not any(_is_in(one, part) or _is_in(part, one) for part in parts)), None
        )

    def sentence(self, module: str) -> str:
        """Say that a module isn't found, and what to do."""
        project = catalogue.distribution_of(module)
        if module in self._removed:
            major, minor = self._removed[module]
            instead = f" or add {project} to {DEPS}/requirements.txt" if project else ""
            return (
                f"{module} was removed in Python {major}.{minor}, and image {self._image} has Python {self._image.python}: "
                f"use another module{instead}."
            )
        return (
            f"{module} not found in image {self._image}, {DEPS}/, {CODES}/ or the standard library: "
            f"add {project or 'the package that provides it'} to {DEPS}/requirements.txt."
        )


def _is_in(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def _collected(workspace: Workspace) -> set[str]:
    """Import names of what the wheel notebook collects: the requirements and the user's own wheels."""
    packages = requirements.own_packages(workspace)
    projects = {
        *(normalise(wanted.name) for _, _, wanted in _requirements(workspace)),
        *(normalise(path.name.split("-")[0]) for path in packages),
    }
    found = set(catalogue.imports_of(dict.fromkeys(projects, "")))
    for path in packages:
        if path.suffix == ".whl":
            with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as wheel:
                found.update(name.partition("/")[0].partition(".")[0] for name in wheel.namelist())
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
    """Warn about requirements that the image has, at the version asked for or at another."""
    for file, number, wanted in _requirements(workspace):
        name = normalise(wanted.name)
        version = image.versions.get(name)
        if not version or wanted.extras or wanted.url or wanted.marker:
            continue
        if wanted.specifier.contains(version.partition("+")[0], prereleases=True):
            sentence = f"image {image} already has {name} {version}: remove this line."
            yield Finding(WARNING, "not-needed", f"{DEPS}/{file}", sentence, number)
            continue
        if is_protected(name) and name not in map(normalise, workspace.settings.allow):
            effect = f"{name} is protected, so the wheel notebook won't replace it: ask for {version}, or add {name} to workspace.allow"
        else:
            effect = "the run uses the other version, which can break packages of the image (`invoke check --deps` lists them)"
        sentence = f"image {image} has {name} {version}, and {wanted} asks for another version: {effect}."
        yield Finding(WARNING, "changes-image", f"{DEPS}/{file}", sentence, number)
