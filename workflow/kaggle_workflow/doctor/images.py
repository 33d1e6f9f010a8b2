"""The image: what the workspace takes Kaggle's to be, against what the last runs there reported."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from typing import Any

from kaggle_shim.manifest import DEPS_MANIFEST
from kaggle_shim.report import REPORT_NAME
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.files import read_object
from kaggle_workflow.images import from_kaggle
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.push.answers import report_of
from kaggle_workflow.stage import requirement_lines
from kaggle_workflow.workspace import DEPS, SUB, Workspace


def lines(workspace: Workspace, kaggle: Kaggle | None) -> Iterator[Line]:
    """The lines about the image; `kaggle` is None where it can't be asked, and then what was fetched before is looked at."""
    for name in (SUB, DEPS):
        if seen := from_kaggle.known(workspace, name):
            said = f"{len(seen.versions)} packages, Python {seen.python}"
            yield Line(
                f"image of {name}",
                OK,
                f"{said}, from {seen.notebook} version {seen.version}, {seen.days_old} days old",
            )
    sub, deps = (_report(workspace, name, kaggle) for name in (SUB, DEPS))
    python = str((sub or deps).get("python") or "")
    if not python:
        yield Line(
            "image",
            UNKNOWN,
            "no run on Kaggle is known here",
            "run `invoke output` after a push (and `invoke output --notebook deps`)",
        )
        return
    yield _image_list(workspace, python)
    if sub and deps:
        yield _drift(sub, deps, _packages_that_differ(workspace))


def _report(workspace: Workspace, name: str, kaggle: Kaggle | None) -> dict[str, Any]:
    """The report of a notebook's last run: from its log on Kaggle, else from the newest output that was fetched."""
    if kaggle is not None and name in workspace.notebook_names():
        try:
            asked = report_of(kaggle.output(workspace.notebook(name).metadata.id, None)[1])
        except WorkflowError:
            asked = {}
        if asked:
            return asked
    return _fetched(workspace, name, REPORT_NAME)


def _image_list(workspace: Workspace, python: str) -> Line:
    """What `deps/image.txt` says against what the last runs found."""
    differ = _pins_that_differ(workspace)
    if differ:
        return Line(
            "image",
            NOTE,
            f"{workspace.image_list.name} says {', '.join(differ)}",
            "write the image's versions into deps/image.txt",
        )
    here = platform.python_version()
    if here.split(".")[:2] != python.split(".")[:2]:
        return Line(
            "image",
            NOTE,
            f"the last run on Kaggle had Python {python}, rehearsal has {here}",
            f"give rehearsal such a Python: recreate the environment with Python {'.'.join(python.split('.')[:2])}",
        )
    return Line("image", OK, f"Python {python} in the last run on Kaggle, {here} in rehearsal")


def _pins_that_differ(workspace: Workspace) -> list[str]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    satisfied = _fetched(workspace, DEPS, DEPS_MANIFEST).get("satisfied")
    has = (
        {
            canonicalize_name(str(one.get("name"))): str(one.get("version"))
            for one in satisfied
            if isinstance(one, dict)
        }
        if isinstance(satisfied, list)
        else {}
    )
    found = []
    for line in requirement_lines.read(workspace.image_list):
        try:
            wanted = Requirement(line.text)
        except InvalidRequirement:
            continue
        version = has.get(canonicalize_name(wanted.name))
        if version is not None and not wanted.specifier.contains(version, prereleases=True):
            found.append(f"{line.text} and the image has {version}")
    return found


def _packages_that_differ(workspace: Workspace) -> str:
    """Versions of what the code uses that differ between the images of deps and sub, "" for none."""
    deps, sub = (from_kaggle.known(workspace, name) for name in (DEPS, SUB))
    if deps is None or sub is None:
        return ""
    found = from_kaggle.changes(deps, sub, from_kaggle.used_by(workspace.build / "codes"))
    return f": {', '.join(found)}" if found else ""


def _drift(sub: Mapping[str, Any], deps: Mapping[str, Any], packages: str) -> Line:
    """Whether the wheels were made in the image that they are installed in."""
    pythons = [str(one.get("python") or "") for one in (deps, sub)]
    builds = [_build(one) for one in (deps, sub)]
    if pythons[0].split(".")[:2] != pythons[1].split(".")[:2]:
        return Line(
            "image drift",
            WRONG,
            f"deps ran on Python {pythons[0]}, sub on {pythons[1]}: wheels may not fit",
            "run `invoke push-deps --force`, and pin one docker_image in both metadata files if it stays so",
        )
    if builds[0] != builds[1]:
        return Line(
            "image drift",
            NOTE,
            f"deps ran in the image {builds[0]}, sub in {builds[1]}{packages}",
            "pin one docker_image in both metadata files if a wheel does not fit",
        )
    return Line("image drift", OK, f"deps and sub ran in the same image ({builds[0]})")


def _build(report: Mapping[str, Any]) -> str:
    image = report.get("image")
    values = image if isinstance(image, dict) else {}
    return next(
        (str(values[key]) for key in ("docker_image", "git_commit", "build_date") if values.get(key)),
        "unknown",
    )


def _fetched(workspace: Workspace, notebook: str, name: str) -> dict[str, Any]:
    """A JSON file of the newest output that `invoke output` fetched, {} when there is none."""
    folders = [path for path in (workspace.build / "output" / notebook).glob("v*") if path.name[1:].isdigit()]
    newest = max(folders, key=lambda path: int(path.name[1:]), default=None)
    return read_object(newest / name) if newest is not None else {}
