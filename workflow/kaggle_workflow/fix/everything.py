"""`invoke check --fix`: every repair that needs no decision, planned on drafts; nothing here writes."""

from __future__ import annotations

from kaggle_workflow import answers
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import WARNING, Finding
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.fix.files import fix_files
from kaggle_workflow.fix.metadata import attach_sources, convert_pulled_form, fix_switches
from kaggle_workflow.fix.mounts import fix_mounts
from kaggle_workflow.fix.names import fix_names
from kaggle_workflow.fix.notebook import fix_notebooks
from kaggle_workflow.fix.strays import note_strays
from kaggle_workflow.workspace import Workspace


def plan(workspace: Workspace) -> Draft:
    """The workspace's files as the repairs would leave them, each repair with its sentence."""
    draft, settings = Draft(workspace.root), workspace.settings
    notebooks = workspace.notebook_names()
    convert_pulled_form(draft)
    fix_names(draft, notebooks, answers.read(workspace.root), owners=settings.owner is None)
    fix_switches(draft, notebooks)
    fix_notebooks(draft, notebooks, settings.entry)
    attach_sources(draft, notebooks, codes=settings.codes == "dataset")
    fix_mounts(draft)
    fix_files(draft)
    note_strays(draft, notebooks)
    return draft


def findings_of(workspace: Workspace) -> tuple[Finding, ...]:
    """What the repairs find and no other check reports."""
    try:
        edits = plan(workspace).edits
    except WorkflowError:
        # A file that can't be read: the other checks name it.
        return ()
    remedy = {True: " `invoke check --fix` fixes it.", False: ""}
    return tuple(
        Finding(WARNING, edit.name, edit.path, edit.sentence + remedy[edit.done])
        for edit in edits
        if not edit.reported
    )
