"""`invoke new-notebook`."""

from __future__ import annotations

from kaggle_workflow import command_list, console, new_notebook
from kaggle_workflow.workspace import Workspace


def add_notebook(workspace: Workspace, command: command_list.NewNotebook) -> None:
    """Make a notebook that trains on Kaggle, and show what was written and the next command.

    Raises:
        WorkflowError: the name can't be used, or something of that name exists; nothing was changed.
    """
    name = command.folder or "train"
    made = new_notebook.make(workspace, name, command.accelerator, internet=command.internet)
    following = f"invoke rehearse --notebook {name} --light"
    if command.json:
        console.as_json(
            {
                "notebook": name,
                "id": made.id,
                "entry": [made.entry],
                "settings": made.settings,
                "written": list(made.written),
                "warnings": [finding.sentence for finding in made.findings],
                "next": following,
            }
        )
        return
    *first, last = made.written
    console.say(
        f"Wrote {', '.join(first)} and {last}. {made.settings} names {made.entry} as the entry point."
    )
    for finding in made.findings:
        console.warn(str(finding))
    console.say(f"Next: `{following}` runs it on a part of the data.")
