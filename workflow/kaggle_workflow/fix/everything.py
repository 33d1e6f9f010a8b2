"""`invoke check --fix`: every repair that needs no decision, planned on drafts; nothing here writes."""

from __future__ import annotations

from kaggle_workflow import answers
from kaggle_workflow.errors import WorkflowError
from kaggle_workflow.findings import WARNING, Finding
from kaggle_workflow.fix import files as fix_files
from kaggle_workflow.fix import metadata as fix_metadata
from kaggle_workflow.fix import mounts as fix_mounts
from kaggle_workflow.fix import names as fix_names
from kaggle_workflow.fix import notebook as fix_notebook
from kaggle_workflow.fix import strays as fix_strays
from kaggle_workflow.fix.drafts import Draft
from kaggle_workflow.workspace import Workspace


def plan(workspace: Workspace) -> Draft:
    """The workspace's files as the repairs would leave them, each repair with its sentence."""
    draft = Draft(workspace.root)
    notebooks = workspace.notebook_names()
    told = answers.read(workspace.root)
    fix_metadata.pulled_form(draft)
    fix_names.apply(draft, notebooks, told, owners=workspace.settings.owner is None)
    fix_metadata.switches(draft, notebooks)
    fix_notebook.apply(draft, notebooks, workspace.settings.entry)
    fix_metadata.sources(draft, notebooks, codes=workspace.settings.codes == "dataset")
    fix_mounts.apply(draft)
    fix_files.apply(draft)
    fix_strays.apply(draft, notebooks)
    return draft


def findings_of(workspace: Workspace) -> tuple[Finding, ...]:
    """What the repairs know and no other check says."""
    try:
        draft = plan(workspace)
    except WorkflowError:
        # A file that does not read: the other checks name it.
        return ()
    found = []
    for edit in draft.edits:
        if not edit.told:
            remedy = " `invoke check --fix` does it." if edit.done else ""
            found.append(Finding(WARNING, edit.name, edit.path, edit.sentence + remedy))
    return tuple(found)
