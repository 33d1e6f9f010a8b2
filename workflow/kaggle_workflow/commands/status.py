"""`invoke status`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from kaggle_shim.refs import CompetitionRef
from kaggle_workflow import attached, command_list, console
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.push import sub
from kaggle_workflow.push.session import Options, Push
from kaggle_workflow.stage import compose
from kaggle_workflow.workspace import Notebook, Workspace

_RUNNING = ("queued", "running")


@dataclass(frozen=True)
class Row:
    """State of one thing on Kaggle; `state` is `absent` if it does not exist."""

    thing: str
    name: str
    version: int | None
    state: str
    note: str
    page: str


def show_status(workspace: Workspace, command: command_list.Status) -> None:
    """Print the state of the codes and of every notebook on Kaggle."""
    kaggle = Kaggle(console.warn)
    rows = [] if workspace.settings.codes == "inline" else [_codes(workspace, kaggle)]
    rows += [_notebook(workspace, kaggle, workspace.notebook(name)) for name in workspace.notebook_names()]
    rows += _weights(Push(workspace, Options(quiet=True), kaggle))
    quota, left = _quota(kaggle), _submissions_left(workspace, kaggle)
    if command.json:
        console.as_json(
            {
                "account": kaggle.account,
                "things": [asdict(row) for row in rows],
                "quota": quota,
                "submissions_left": left,
            }
        )
        return
    columns = ("thing", "name", "version", "state", "note", "page")
    shown = [["" if (cell := asdict(row)[name]) is None else str(cell) for name in columns] for row in rows]
    console.table(f"on Kaggle, as seen by {kaggle.account}", columns, shown)
    for row in rows:
        if row.state in _RUNNING:
            console.say(
                f"{row.thing} is {row.state}. To cancel the run, open {row.page} (the API can't cancel it)."
            )
    for kind, hours in quota.items():
        used = f"{hours['used']:.1f} of {hours['allowed']:.0f} h used this week" if hours else "unknown"
        console.say(f"{kind.upper()} quota: {used}.")
    for slug, count in left.items():
        console.say(f"Submissions left for {slug}: {'unknown' if count is None else count}.")


def _quota(kaggle: Kaggle) -> dict[str, dict[str, float] | None]:
    """Hours by accelerator, None where Kaggle gives none."""
    try:
        return {kind: asdict(hours) if hours else None for kind, hours in kaggle.quota().items()}
    except WorkflowError as error:
        console.warn(f"The accelerator quota is unknown: {error}")
        return {}


def _submissions_left(workspace: Workspace, kaggle: Kaggle) -> dict[str, int | None]:
    """Submissions left today, by competition; None where Kaggle gives no number."""
    found: dict[str, int | None] = {}
    for name in workspace.notebook_names():
        slug = workspace.notebook(name).metadata.competition
        if slug is None or slug in found:
            continue
        try:
            found[slug] = kaggle.limits(CompetitionRef(slug)).left
        except WorkflowError as error:
            console.warn(f"The number of submissions left for {slug} is unknown: {error}")
            found[slug] = None
    return found


def _codes(workspace: Workspace, kaggle: Kaggle) -> Row:
    ref = workspace.codes.id
    page = kaggle.page(f"datasets/{ref.name}")
    there = kaggle.dataset(ref)
    if there is None:
        return Row("codes", ref.name, None, "absent", "`invoke push-codes` creates it", page)
    if there.current is None:
        state = kaggle.dataset_status(ref)
        return Row("codes", ref.name, None, state, "its first version is not ready", page)
    version = there.version(there.current)
    state, notes = (version.status, version.notes) if version else ("ready", "")
    return Row("codes", ref.name, there.current, state, notes, page)


def _weights(push: Push) -> list[Row]:
    """The attached models and datasets that were pushed from a folder on this machine."""
    found: dict[str, Row] = {}
    for name in push.workspace.notebook_names():
        manifests = sub.attached_manifests(push, push.workspace.notebook(name))
        stale = {str(one.ref): one for one in sub.stale(push, manifests)}
        for ref, manifest in manifests:
            if attached.folder_of(push.workspace, ref, manifest) is not None:
                changed = stale.get(str(ref))
                note = f"`{changed.command}` pushes {changed.shown}" if changed else ""
                page = push.kaggle.page(f"{ref.kind}s/{ref.name}")
                state = "changed here" if changed else "as here"
                found[str(ref)] = Row(ref.kind, ref.name, ref.version, state, note, page)
    return list(found.values())


def _notebook(workspace: Workspace, kaggle: Kaggle, folder: Notebook) -> Row:
    ref = folder.metadata.id
    page = kaggle.page(f"code/{ref.name}")
    there = kaggle.notebook(ref)
    if there is None:
        return Row(folder.name, ref.name, None, "absent", "`invoke push` creates it", page)
    run = kaggle.run(ref, there.newest)
    plan = compose.plan_of(there.text)
    note = run.message
    if plan is None or plan.workspace != workspace.id:
        note = "not pushed by this workspace"
    elif compose.edited(there.text):
        note = "edited on Kaggle"
    return Row(folder.name, ref.name, there.newest, run.status.lower(), note, page)
