"""What the workspace's own files say: faults, names and sizes."""

from __future__ import annotations

from collections.abc import Iterator

from kaggle_workflow import check, console, git, names
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import errors
from kaggle_workflow.stage import bundle, compose, plans, requirements
from kaggle_workflow.workspace import Notebook, Workspace

_FINGERPRINT = "0" * 64
_NEARLY = 0.8
# copier updates what git knows, and nothing else.
_COMMIT = "git init && git add --all && git commit -m start && "


def lines(workspace: Workspace) -> Iterator[Line]:
    """The lines about the workspace."""
    yield _faults(workspace)
    yield _names(workspace)
    for name in workspace.notebook_names():
        yield from _size(workspace, name)


def _faults(workspace: Workspace) -> Line:
    found = check.find_all(workspace)
    wrong = errors(found)
    if wrong:
        return Line(
            "check",
            WRONG,
            f"{console.count(len(wrong), 'error')}, first of all {wrong[0].path}: {wrong[0].sentence.rstrip('.')}",
            "run `invoke check`, which lists them",
        )
    if len(found) > 0:
        return Line(
            "check",
            NOTE,
            f"no errors, {console.count(len(found), 'warning')}",
            "run `invoke check`, which lists them",
        )
    return Line("check", OK, "no errors, no warnings")


def _names(workspace: Workspace) -> Line:
    try:
        codes = workspace.codes
        notebooks = [workspace.notebook(name) for name in workspace.notebook_names()]
    except WorkflowError:
        return Line("names", UNKNOWN, "a metadata file can't be used", "run `invoke check`, which says why")
    titles = [codes.title, *(one.metadata.title for one in notebooks)]
    owners = {codes.id.owner, *(one.metadata.id.owner for one in notebooks)}
    told = ", ".join(
        f"{title} ({len(title)} of {names.NOTEBOOK_TITLE.stop - 1} characters)" for title in titles
    )
    if owners & names.PLACEHOLDERS:
        return Line(
            "names",
            WRONG,
            f"{told}, of {', '.join(sorted(owners))}",
            f"run `{_COMMIT if git.state(workspace.root, workspace.sent_paths()) is None else ''}copier update --defaults -d username=<yours>`, then `invoke check --fix`",
        )
    return Line("names", OK, f"{told}, of {', '.join(sorted(owners))}")


def _size(workspace: Workspace, name: str) -> Iterator[Line]:
    try:
        notebook = workspace.notebook(name)
        text = _composed(workspace, notebook)
    except WorkflowError as error:
        yield Line(
            f"size of {name}", UNKNOWN, str(error).rstrip("."), "run `invoke check`, which says what to fix"
        )
        return
    size = compose.sent_size(text)
    told = f"{size:,} bytes as it is sent, of {compose.LARGEST_SOURCE:,}"
    if size > _NEARLY * compose.LARGEST_SOURCE:
        yield Line(f"size of {name}", NOTE, told, "move what is large in it into codes/")
    else:
        yield Line(f"size of {name}", OK, told)


def _composed(workspace: Workspace, notebook: Notebook) -> str:
    if notebook.collects:
        plan = plans.for_collecting(workspace, notebook, requirements.read(workspace, ""), None)
    else:
        plan = plans.for_running(workspace, notebook, plans.Known(_FINGERPRINT, _FINGERPRINT))
    return compose.compose(
        compose.read_source(notebook.source), plan, plan.template, bundle.pack_shim(plan.role)
    )
