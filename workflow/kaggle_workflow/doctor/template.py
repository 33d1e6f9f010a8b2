"""The tool of the workspace: which version is installed, which is pinned, and whether the template has a newer one."""

from __future__ import annotations

from collections.abc import Iterator

from kaggle_workflow import answers, versions
from kaggle_workflow.doctor import template_source
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import Unreachable
from kaggle_workflow.stage import bundle
from kaggle_workflow.workspace import Workspace


def lines(workspace: Workspace) -> Iterator[Line]:
    """The lines about the tool and its template."""
    yield _installed(workspace)
    told = answers.read(workspace.root)
    if told is None:
        yield Line(
            "template",
            NOTE,
            "there is no .copier-answers.yml, so `copier update` can't work",
            "restore the file from git",
        )
        return
    yield Line("template", OK, f"made from {told.commit or 'a folder without git'} of {told.source}")
    if told.source is not None:
        yield _update(workspace, told)


def _installed(workspace: Workspace) -> Line:
    version = versions.installed() or bundle.template_version()
    if versions.read_pin(workspace.root) is None:
        return Line(
            "tool",
            NOTE,
            f"{versions.NAME} {version} is installed, and {versions.PIN} does not pin it",
            "run `invoke check --fix`",
        )
    outdated = versions.outdated(workspace.root)
    if outdated is not None:
        says, _, remedy = outdated.rstrip(".").partition(": ")
        return Line("tool", WRONG, says, remedy)
    return Line("tool", OK, f"{versions.NAME} {version}, as {versions.PIN} pins it")


def _update(workspace: Workspace, told: answers.Answers) -> Line:
    try:
        news = template_source.look(workspace.root, told)
    except Unreachable as error:
        says = str(error).rpartition(": ")[0] or str(error)
        remedy = "run `invoke vendor` to store the tool in this workspace, if the address stays away"
        return Line("update", UNKNOWN, says, remedy)
    if news is None:
        return Line("update", OK, "this is the newest version of the template")
    brings = "; ".join(f"{section.version}: {_summary(section.text)}" for section in news.brings)
    option = "" if told.file == ".copier-answers.yml" else f" -a {told.file}"
    return Line(
        "update",
        NOTE,
        f"{news.version} is available{f' ({brings})' if brings else ''}",
        f"commit your work, then run `copier update --defaults{option}`",
    )


def _summary(text: str) -> str:
    """A section as one line."""
    return " ".join(
        line.strip().removeprefix("- ").removeprefix("* ") for line in text.splitlines() if line.strip()
    )
