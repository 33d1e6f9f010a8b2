"""`invoke models`."""

from __future__ import annotations

from dataclasses import asdict

from kaggle_workflow import command_list, console
from kaggle_workflow.kaggle.client import Kaggle
from kaggle_workflow.ledger import models
from kaggle_workflow.workspace import Workspace

_COLUMNS = ("variation", "version", "size", "date (UTC)", "attached by", "used by submissions")


def list_models(workspace: Workspace, command: command_list.Models) -> None:
    """Print every version of the models of this workspace."""
    found = models.rows(workspace, Kaggle(console.warn), command.model, everything=command.all)
    if command.json:
        console.as_json({"versions": [asdict(one) for one in found]})
        return
    if not found:
        console.say("No models: `invoke push-model` pushes the first version.")
        return
    shown = [
        (
            one.variation,
            str(one.version),
            "in processing" if one.size is None else console.size(one.size),
            one.date[:16].replace("T", " "),
            ", ".join(one.attached),
            ", ".join(one.submissions),
        )
        for one in found
    ]
    console.table("models", _COLUMNS, shown)
