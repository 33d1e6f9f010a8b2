"""What the workspace expects of Kaggle's image, compared with what the last runs there reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kaggle_shim.manifest import DEPS_MANIFEST
from kaggle_shim.report import REPORT_NAME
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object
from kaggle_workflow.images import catalogue, from_kaggle
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.push.answers import report_of
from kaggle_workflow.rehearsal import pythons
from kaggle_workflow.stage import requirement_lines
from kaggle_workflow.workspace import DEPS, SUB, Workspace

_PIN = "pin one docker_image in both metadata files"


def lines(workspace: Workspace, kaggle: Kaggle | None) -> Iterator[Line]:
    """Check the image; without Kaggle (None), by the output that was downloaded before."""
    for name in (SUB, DEPS):
        if seen := from_kaggle.known(workspace, name):
            source = f"{seen.notebook} version {seen.version}, {seen.days_old} days old"
            says = f"{len(seen.versions)} packages, Python {seen.python}, from {source}"
            yield Line(f"image of {name}", OK, says)
    sub, deps = (_report(workspace, name, kaggle) for name in (SUB, DEPS))
    python = str((sub or deps).get("python") or "")
    if not python:
        remedy = "run `invoke output` after a push (and `invoke output --notebook deps`)"
        yield Line("image", UNKNOWN, "no run on Kaggle is known here", remedy)
        return
    yield _image_list(workspace, python)
    if sub and deps:
        yield _drift(workspace, sub, deps)


def _report(workspace: Workspace, name: str, kaggle: Kaggle | None) -> dict[str, Any]:
    """The report of a notebook's last run: from its log on Kaggle, else from the newest downloaded output."""
    if kaggle is not None and name in workspace.notebook_names():
        try:
            report = report_of(kaggle.output(workspace.notebook(name).metadata.id, None)[1])
        except WorkflowError:
            report = {}
        if report:
            return report
    return _downloaded(workspace, name, REPORT_NAME)


def _image_list(workspace: Workspace, python: str) -> Line:
    differ = _pins_that_differ(workspace)
    if differ:
        says = f"{workspace.image_list.name} says {', '.join(differ)}"
        return Line("image", NOTE, says, "write the image's versions into deps/image.txt")
    minor, named = _minor(python), catalogue.names_image(from_kaggle.image_text(workspace))
    here = ((pythons.find(minor) if named else None) or pythons.own()).version
    if _minor(here) != minor:
        says = f"the last run on Kaggle had Python {python}, rehearsal has {here}"
        remedy = f"install Python {minor}, for example with `uv python install {minor}`"
        line = f"write `image: {catalogue.DEFAULT}` into deps/image.txt: rehearsal then takes Python {minor}"
        return Line("image", NOTE, says, remedy if named else line)
    return Line("image", OK, f"Python {python} in the last run on Kaggle, {here} in rehearsal")


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _pins_that_differ(workspace: Workspace) -> list[str]:
    """Lines of `deps/image.txt` that the packages of the last run contradict."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    satisfied = _downloaded(workspace, DEPS, DEPS_MANIFEST).get("satisfied")
    packages = [one for one in satisfied if isinstance(one, dict)] if isinstance(satisfied, list) else []
    has = {canonicalize_name(str(one.get("name"))): str(one.get("version")) for one in packages}
    found = []
    for line in requirement_lines.read_lines(workspace.image_list) if has else ():
        try:
            wanted = Requirement(line.text)
        except InvalidRequirement:
            continue
        version = has.get(canonicalize_name(wanted.name))
        if version is not None and not wanted.specifier.contains(version, prereleases=True):
            found.append(f"{line.text} and the image has {version}")
    return found


def _drift(workspace: Workspace, sub: Mapping[str, Any], deps: Mapping[str, Any]) -> Line:
    """Whether the wheels were made in the image that they are installed in."""
    old, new = (str(one.get("python") or "") for one in (deps, sub))
    if _minor(old) != _minor(new):
        says = f"deps ran on Python {old}, sub on {new}: wheels may not fit"
        return Line("image drift", WRONG, says, f"run `invoke push-deps --force`; if it stays so, {_PIN}")
    old, new = _build(deps), _build(sub)
    if old != new:
        says = f"deps ran in the image {old}, sub in {new}{_packages_that_differ(workspace)}"
        return Line("image drift", NOTE, says, f"{_PIN} if a wheel does not fit")
    return Line("image drift", OK, f"deps and sub ran in the same image ({old})")


def _packages_that_differ(workspace: Workspace) -> str:
    """Versions of what the code uses that differ between the images of deps and sub, "" for none."""
    deps, sub = (from_kaggle.known(workspace, name) for name in (DEPS, SUB))
    if deps is None or sub is None:
        return ""
    found = from_kaggle.changes(deps, sub, from_kaggle.used_by(workspace.build / "codes"))
    return f": {', '.join(found)}" if found else ""


def _build(report: Mapping[str, Any]) -> str:
    image = report.get("image")
    values = image if isinstance(image, dict) else {}
    names = ("docker_image", "git_commit", "build_date")
    return next((str(values[name]) for name in names if values.get(name)), "unknown")


def _downloaded(workspace: Workspace, notebook: str, name: str) -> dict[str, Any]:
    """A JSON file of the newest output that `invoke output` downloaded, {} for none."""
    folders = [path for path in (workspace.build / "output" / notebook).glob("v*") if path.name[1:].isdigit()]
    newest = max(folders, key=lambda path: int(path.name[1:]), default=None)
    return read_object(newest / name) if newest is not None else {}
