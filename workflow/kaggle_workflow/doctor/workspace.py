"""What the workspace's own files say: errors, names and sizes."""

from __future__ import annotations

from collections.abc import Iterator

from kaggle_workflow import check, console, git, names
from kaggle_workflow.doctor.diagnosis import NOTE, OK, UNKNOWN, WRONG, Line
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import errors
from kaggle_workflow.stage import compose
from kaggle_workflow.workspace import Workspace

_NEARLY = 0.8
# Copier updates what git knows, and nothing else.
_COMMIT = "git init && git add --all && git commit -m start && "
_LIST = "run `invoke check` for the list"


def lines(workspace: Workspace) -> Iterator[Line]:
    """Check the workspace."""
    yield _findings(workspace)
    yield _names(workspace)
    for name in workspace.notebook_names():
        yield _size(workspace, name)


def _findings(workspace: Workspace) -> Line:
    found = check.find_all(workspace)
    wrong = errors(found)
    if wrong:
        first = f"{wrong[0].path}: {wrong[0].sentence.rstrip('.')}"
        return Line("check", WRONG, f"{console.count(len(wrong), 'error')}, first {first}", _LIST)
    if found:
        return Line("check", NOTE, f"no errors, {console.count(len(found), 'warning')}", _LIST)
    return Line("check", OK, "no errors, no warnings")


def _names(workspace: Workspace) -> Line:
    try:
        codes = workspace.codes
        notebooks = [workspace.notebook(name) for name in workspace.notebook_names()]
    except WorkflowError:
        return Line("names", UNKNOWN, "a metadata file can't be used", "run `invoke check`, which says why")
    titles = [codes.title, *(one.metadata.title for one in notebooks)]
    owners = {codes.id.owner, *(one.metadata.id.owner for one in notebooks)}
    most = names.NOTEBOOK_TITLE.stop - 1
    says = ", ".join(f"{title} ({len(title)} of {most} characters)" for title in titles)
    says = f"{says}, of {', '.join(sorted(owners))}"
    if not owners & names.PLACEHOLDERS:
        return Line("names", OK, says)
    commit = _COMMIT if git.state(workspace.root, workspace.sent_paths()) is None else ""
    update = f"{commit}copier update --defaults -d username=<yours>"
    return Line("names", WRONG, says, f"run `{update}`, then `invoke check --fix`")


def _size(workspace: Workspace, name: str) -> Line:
    topic = f"size of {name}"
    try:
        notebook = workspace.notebook(name)
        text = check.composed(workspace, notebook, compose.read_source(notebook.source))
    except WorkflowError as error:
        return Line(topic, UNKNOWN, str(error).rstrip("."), "run `invoke check`, which says what to fix")
    size = compose.sent_size(text)
    says = f"{size:,} of {compose.LARGEST_SOURCE:,} bytes"
    if size > _NEARLY * compose.LARGEST_SOURCE:
        return Line(topic, NOTE, says, "move what is large in it into codes/")
    return Line(topic, OK, says)
