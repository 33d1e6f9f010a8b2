"""`invoke status`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from kaggle_workflow import attached, console
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.push import sub
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.stage import compose
from kaggle_workflow.workspace import Notebook, Workspace


@dataclass(frozen=True)
class Row:
    """How one thing stands on Kaggle; `state` is `absent` where it is not there."""

    thing: str
    name: str
    version: int | None
    state: str
    note: str
    page: str


def main(workspace: Workspace, *, json: bool) -> None:
    """Print how the codes and every notebook of this workspace stand on Kaggle."""
    kaggle = Kaggle(console.warn)
    rows = [] if workspace.settings.codes == "inline" else [_codes(workspace, kaggle)]
    rows += [_notebook(workspace, kaggle, workspace.notebook(name)) for name in workspace.notebook_names()]
    rows += _weights(Push(workspace, Options(quiet=True), kaggle))
    if json:
        console.as_json({"account": kaggle.account, "things": [asdict(row) for row in rows]})
        return
    shown = [
        (row.thing, row.name, "" if row.version is None else str(row.version), row.state, row.note, row.page)
        for row in rows
    ]
    console.table(
        f"on Kaggle, as {kaggle.account} sees it",
        ("thing", "name", "version", "state", "note", "page"),
        shown,
    )


def _codes(workspace: Workspace, kaggle: Kaggle) -> Row:
    ref = workspace.codes.id
    page = kaggle.page(f"datasets/{ref.name}")
    there = kaggle.dataset(ref)
    if there is None:
        return Row("codes", ref.name, None, "absent", "invoke push-codes makes it", page)
    if there.current is None:
        return Row(
            "codes", ref.name, None, kaggle.dataset_status(ref), "its first version is not ready", page
        )
    version = there.version(there.current)
    return Row(
        "codes",
        ref.name,
        there.current,
        version.status if version else "ready",
        version.notes if version else "",
        page,
    )


def _weights(push: Push) -> list[Row]:
    """The models and datasets of one's own that notebooks attach and that came from a folder on this machine."""
    found: dict[str, Row] = {}
    for name in push.workspace.notebook_names():
        manifests = sub.attached_manifests(push, push.workspace.notebook(name))
        stale = {str(one.ref): one for one in sub.stale(push, manifests)}
        for ref, manifest in manifests:
            if attached.folder_of(push.workspace, ref, manifest) is not None:
                changed = stale.get(str(ref))
                note = f"{changed.command} pushes {changed.shown}" if changed else ""
                page = push.kaggle.page(f"{ref.kind}s/{ref.name}")
                state = "changed here" if changed else "as here"
                found[str(ref)] = Row(ref.kind, ref.name, ref.version, state, note, page)
    return list(found.values())


def _notebook(workspace: Workspace, kaggle: Kaggle, folder: Notebook) -> Row:
    ref = folder.metadata.id
    page = kaggle.page(f"code/{ref.name}")
    there = kaggle.notebook(ref)
    if there is None:
        return Row(folder.name, ref.name, None, "absent", "invoke push makes it", page)
    run = kaggle.run(ref, there.newest)
    plan = compose.plan_of(there.text)
    note = run.message
    if plan is None or plan.workspace != workspace.id:
        note = "not made by this workspace"
    elif compose.edited(there.text):
        note = "edited on Kaggle"
    return Row(folder.name, ref.name, there.newest, run.status.lower(), note, page)
